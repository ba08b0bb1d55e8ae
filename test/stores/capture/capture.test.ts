import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { readCaptured } from '../../../src/stores/capture/seal.ts';
import { tagOf } from '../../../src/stores/capture/plan.ts';
import { CANARIES, FRAGMENTS } from '../canaries.ts';
import { otherCalls, rule, shown, toolCall, world } from './world.ts';

const TEXT = '{"title":"Fix the door","body":"private words","labels":["a","b"],"n":12345678901234567890}';

test('nothing is kept where no rule names the target, no rule names the path, or the path is not there; and then no key is made', (t) => {
  const { kept, keyDir } = world(t, [rule(), rule({ targets: ['prompt:github/*'], arguments: ['/body'] })]);
  assert.equal(kept(toolCall(TEXT, 'delete_issue')), null);
  assert.equal(kept(toolCall(TEXT, 'create_issue', 'gitlab')), null);
  assert.equal(kept(toolCall('{"body":"x"}')), null);
  assert.equal(kept(toolCall(undefined)), null);
  assert.equal(kept(toolCall(TEXT), { args: false }), null);
  assert.equal(existsSync(keyDir), false);
});

test('of a call that no rule names neither arguments nor result are looked at', (t) => {
  const here = world(t, [rule({ targets: ['github/create_issue', 'resource:files/**'], arguments: ['/*'], results: ['/*'] })]);
  const untouched = (what: string): never => assert.fail(`${what} was looked at`);
  for (const rules of [here.settings.rules, []]) {
    here.settings = { ...here.settings, rules };
    const call = Object.defineProperty(toolCall(undefined, 'list_issues'), 'args', { get: () => untouched('args') });
    for (let at = 0; at < 2; at += 1) assert.equal(here.capture.of({ id: 'r', kind: 'outcome' }, call, { get args(): boolean { return untouched('args'); }, get result(): undefined { return untouched('result'); } }), null);
  }
});

test('however many targets are asked about, each has its own answer', (t) => {
  const { kept } = world(t, [rule({ targets: ['resource:github/file:///kept/**'], arguments: [], results: ['/a'] })]);
  const { resource } = otherCalls();
  for (let at = 0; at < 10_000; at += 1) {
    const name = `file:///${at % 2 === 0 ? 'kept' : 'other'}/${at % 6000}`;
    assert.equal(kept({ ...resource, target: { ...resource.target, name } }, { result: '{"b":1}' }), null);
    if (at % 997 === 0) assert.equal(kept({ ...resource, target: { ...resource.target, name } }, { result: '{"a":1}' }) !== null, at % 2 === 0, name);
  }
});

test('without rules nothing is kept of anything', (t) => {
  assert.equal(world(t, []).kept(toolCall(TEXT), { result: '{"a":1}' }), null);
});

test('what is named is kept as it was written, and nothing beside it', (t) => {
  const { kept, read } = world(t, [rule({ arguments: ['/title', '/labels/*', '/n'], results: ['/structuredContent/id', '/content/0/text'] })]);
  const captured = kept(toolCall(TEXT), { result: '{"content":[{"type":"text","text":"made"}],"structuredContent":{"id":7,"url":"u"}}' });
  assert.deepEqual(shown(read(captured)), {
    arguments: { '/title': '"Fix the door"', '/labels/0': '"a"', '/labels/1': '"b"', '/n': '12345678901234567890' },
    result: { '/content/0/text': '"made"', '/structuredContent/id': '7' }, incomplete: false,
  });
});

test('the record says which rules kept it and what for, in a fixed order', (t) => {
  const named = rule({ owner: 'team-platform', reason: 'incidents' });
  const { kept } = world(t, [named, rule({ arguments: ['/absent'], reason: 'nothing' }), rule({ targets: ['github/*'], arguments: ['/labels/0'], reason: 'labels' })]);
  const text = kept(toolCall(TEXT)) ?? '';
  assert.match(text, /^\{"day":"2026-11-21","kid":"[\w-]{16}\.[\w-]{22}","alg":"A256GCM","iv":"[\w-]{16}","data":"[\w-]+","rules":\[\{"id":"[0-9a-f]{12}","reason":"incidents","owner":"team-platform"\},\{"id":"[0-9a-f]{12}","reason":"labels"\}\]\}$/);
  assert.equal(readCaptured(text)?.rules[0]?.id, tagOf(named).id);
  assert.notEqual(tagOf(named).id, tagOf({ ...named, bytes: 1 }).id, 'another rule has another name');
});

test('several rules keep together, and what two of them name is there once', (t) => {
  const { kept, read } = world(t, [rule({ arguments: ['/title', '/n'] }), rule({ targets: ['*'], arguments: ['/n', '/labels/0'] })]);
  assert.deepEqual(shown(read(kept(toolCall(TEXT)))).arguments, { '/title': '"Fix the door"', '/n': '12345678901234567890', '/labels/0': '"a"' });
});

test('a reload counts at the next record', (t) => {
  const here = world(t);
  assert.notEqual(here.kept(toolCall(TEXT)), null);
  here.settings = { ...here.settings, rules: [] };
  assert.equal(here.kept(toolCall(TEXT)), null);
  here.settings = { ...here.settings, rules: [rule({ arguments: ['/labels/1'] })] };
  assert.deepEqual(shown(here.read(here.kept(toolCall(TEXT)))).arguments, { '/labels/1': '"b"' });
});

test('prompts, resources and tasks: what the agent sends to the object, and the result of the object; answers to questions never', (t) => {
  const { kept, read } = world(t, [rule({ targets: ['*'], arguments: ['/title', '/q/title'], results: ['/id'] })]);
  const { prompt, resource, taskGet, taskResult } = otherCalls();
  assert.deepEqual(shown(read(kept(prompt, { result: '{"id":1}' }))), { arguments: { '/title': '"t"' }, result: { '/id': '1' }, incomplete: false });
  assert.deepEqual(shown(read(kept(resource, { result: '{"id":2}' }))), { arguments: {}, result: { '/id': '2' }, incomplete: false });
  assert.deepEqual(shown(read(kept(taskResult, { result: '{"id":3}' }))), { arguments: {}, result: { '/id': '3' }, incomplete: false });
  assert.deepEqual(shown(read(kept(taskGet, { result: '{"id":0,"result":{"id":4}}' }))), { arguments: {}, result: { '/id': '4' }, incomplete: false });
  assert.equal(kept(taskGet, { result: '{"id":0}' }), null);
  assert.equal(kept({ ...taskResult, verb: 'cancel' }, { result: '{"id":5}' }), null);
});

test('J12: secrets are masked before they are encrypted: by their shape, by their name, by the name of what holds them, by the name beside them', (t) => {
  const { kept, read } = world(t, [rule({ arguments: ['/any', '/password', '/auth_token/*', '/deep/secret/x', '/headers/*/value', '/map/*', '/empty_token', '/null_token'] })]);
  for (const [kind, canary] of CANARIES) {
    const args = { any: { list: [canary], [canary]: 1 }, password: 'hunter2', auth_token: ['hunter2', 3], deep: { secret: { x: 'hunter2' } }, headers: [{ name: 'Authorization', value: 'hunter2' }, { value: 'hunter2', name: 'X-Api-Key' }, { name: 'Accept', value: 'text' }], map: { [canary]: 'v' }, empty_token: '', null_token: null };
    const { arguments: values } = shown(read(kept(toolCall(JSON.stringify(args)))));
    const text = JSON.stringify(values);
    for (const secret of [...FRAGMENTS, 'hunter2']) assert.equal(text.includes(secret), false, `${kind}: ${secret} in ${text}`);
    assert.deepEqual([values['/password'], values['/auth_token/0'], values['/deep/secret/x'], values['/headers/0/value'], values['/headers/1/value'], values['/headers/2/value'], values['/empty_token'], values['/null_token']],
      ['"[redacted]"', '"[redacted]"', '"[redacted]"', '"[redacted]"', '"[redacted]"', '"text"', '""', 'null']);
    assert.equal(Object.keys(values).some((pointer) => pointer.startsWith('/map/')), true);
  }
});

test('two secrets that were names are both counted, though their masked forms are one', (t) => {
  const { kept, read } = world(t, [rule({ arguments: ['/*'] })]);
  const [first, second] = ['ghp_', 'ghp_'].map((head, at) => `${head}${String(at).repeat(36)}`);
  assert.deepEqual(shown(read(kept(toolCall(JSON.stringify({ [first ?? '']: 1, [second ?? '']: 2 }))))), { arguments: { '/[redacted]': '1' }, result: {}, incomplete: true });
  const whole = world(t, [rule({ arguments: ['/map'] })]);
  assert.deepEqual(shown(whole.read(whole.kept(toolCall(JSON.stringify({ map: { [first ?? '']: 1, [second ?? '']: 2 } }))))).arguments, { '/map': '{"[redacted]":2}' });
});

test('J05: what is kept of a record is bounded, whatever was sent, and says when it is not all', (t) => {
  const { kept, read } = world(t, [rule({ arguments: ['/big', '/items/*', '/last'], bytes: 200 })]);
  const cut = shown(read(kept(toolCall(JSON.stringify({ big: 'x'.repeat(1_000_000) })))));
  assert.match(cut.arguments['/big'] ?? '', /^\{"sentinel_truncated":true,"head":"\\"x+"\}$/);
  const many = shown(read(kept(toolCall(JSON.stringify({ items: Array.from({ length: 10_000 }, (_, at) => at), last: 1 })))));
  assert.ok(many.incomplete && Object.keys(many.arguments).length > 5);
  const small = shown(read(kept(toolCall(JSON.stringify({ big: { deep: ['y'.repeat(500), 1, 2] }, last: true })))));
  assert.ok(Buffer.byteLength(JSON.stringify(small.arguments)) < 400);
  const wide = world(t, Array.from({ length: 10 }, (_, at) => rule({ arguments: [`/v${at}`], bytes: 65_536 })));
  const text = wide.kept(toolCall(JSON.stringify(Object.fromEntries(Array.from({ length: 10 }, (_, at) => [`v${at}`, 'z'.repeat(60_000)]))))) ?? '';
  assert.ok(text.length < 100_000, `${text.length}`);
  assert.ok(shown(wide.read(text)).incomplete);
});

test('no more values than a record may have: the rest is left out, and that is said', (t) => {
  const { kept, read } = world(t, [rule({ arguments: ['/*'], bytes: 65_536 })]);
  const { arguments: values, incomplete } = shown(read(kept(toolCall(JSON.stringify(Array.from({ length: 1000 }, () => 0))))));
  assert.equal(Object.keys(values).length, 256);
  assert.ok(incomplete);
});

test('NUL, half surrogates, control characters and forged lines in values and names are kept escaped, and the member is one line', (t) => {
  const { kept, read } = world(t, [rule({ results: ['/*', '/*/*'], arguments: [] })]);
  const captured = kept(toolCall(undefined), { result: '{"a\\u0000\\n":"x\\u0000\\ud800\\n{\\"v\\":2}\\u2028","b":{"~/*":"%n"}}' });
  assert.doesNotMatch(captured ?? '', /[\u0000-\u001f\u007f-\u009f]/);
  const { result } = shown(read(captured));
  assert.deepEqual(Object.entries(result).map(([pointer, value]): [string, unknown] => [pointer, JSON.parse(value)]), [['/a\\u0000\n', 'x\\u0000\\ud800\n{"v":2}\u2028'], ['/b', { '~/*': '%n' }], ['/b/~0~1~2', '%n']]);
});

test('what is left without a key tells the length only in steps of 64 bytes', (t) => {
  const { kept } = world(t);
  const length = (title: string): number => {
    const captured = readCaptured(kept(toolCall(JSON.stringify({ title }))) ?? '');
    return captured !== undefined && 'data' in captured ? captured.data.length : 0;
  };
  assert.equal(length('yes'), length('no'));
  assert.equal(length(''), length('twenty letters or so'));
  assert.ok(length('x'.repeat(64)) > length(''));
});

test('property: whatever is sent, it is kept or not, the record is one line of JSON, and what is read back is what was named', (t) => {
  const here = world(t, [rule({ arguments: ['/*', '/*/*', '/0/a'], results: ['/x/*'], bytes: 65_536 })]);
  const value = fc.jsonValue({ maxDepth: 4 }).map((json) => JSON.stringify(json)).filter((text) => !text.includes('__proto__'));
  fc.assert(fc.property(value, value, (args, result) => {
    const captured = here.kept(toolCall(args), { result });
    if (captured === null) return;
    assert.equal(JSON.stringify(JSON.parse(captured)), captured);
    assert.match(captured, /^[\u0020-\u007e]+$/);
    const { arguments: values } = shown(here.read(captured));
    const parsed: unknown = JSON.parse(args);
    for (const [pointer, text] of Object.entries(values)) {
      const names = pointer.slice(1).split('/').map((name) => name.replaceAll('~1', '/').replaceAll('~2', '*').replaceAll('~0', '~'));
      const there = names.reduce<unknown>((at, name) => (typeof at === 'object' && at !== null ? Reflect.get(at, name) : undefined), parsed);
      if (!text.includes('redacted') && !text.includes('sentinel_truncated') && !text.includes('e+') && !text.includes('\\\\u')) assert.deepEqual(JSON.parse(text), typeof there === 'number' && Object.is(there, -0) ? 0 : there);
    }
  }), { numRuns: 500 });
});
