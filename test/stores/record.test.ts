import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Call, TaskVerb } from '../../src/core/call.ts';
import { toRaw } from '../../src/core/json/compose.ts';
import type { RawJson } from '../../src/core/json/scan.ts';
import { roleName, timestamp } from '../../src/core/ids.ts';
import type { Trail } from '../../src/core/decision.ts';
import type { End } from '../../src/core/outcome.ts';
import { storable } from '../../src/core/text.ts';
import { createEncoder, type Encoder } from '../../src/stores/record.ts';
import { truncatePeer } from '../../src/stores/record-text.ts';
import { maskSecrets } from '../../src/core/masking.ts';
import { ALICE, CLOCK, RANDOM, TRAIL, denied, journalIn, rawRecordsIn, recordsIn, sampleCall, sampleIntent, sampleNode, sampleOfKinds, sampleOutcome, sampleRefusal, temporaryFolder } from './sample.ts';
import type { TestContext } from 'node:test';

function encoder(t: TestContext): Encoder {
  return createEncoder({ node: sampleNode(temporaryFolder(t)), clock: CLOCK, random: RANDOM });
}

test('every way to end is one status, one code and one sentence', (t) => {
  const ends: readonly (readonly [End, string, string, string | null])[] = [
    [{ kind: 'answered', isError: false, bytes: 1, digest: '' }, 'success', 'ok', null],
    [{ kind: 'answered', isError: true, bytes: 1, digest: '' }, 'error', 'tool_error', 'the tool answered with isError'],
    [{ kind: 'errored', code: -32000, bytes: 5 }, 'error', 'backend_error', 'the backend answered with error -32000'],
    [{ kind: 'failed', fault: { code: 'timeout', afterMs: 60_000 } }, 'error', 'timeout', 'timeout after 60000 ms'],
    [{ kind: 'failed', fault: { code: 'exited', detail: 'code 1' } }, 'error', 'exited', 'exited: code 1'],
    [{ kind: 'cancelled', by: 'kill' }, 'killed', 'cancelled_kill', 'cancelled by kill'],
    [{ kind: 'cancelled', by: 'agent' }, 'error', 'cancelled_agent', 'cancelled by agent'],
    [{ kind: 'denied', reason: { code: 'limited', scope: 'principal', limit: 3, windowMs: 60_000, retryAfterMs: 5 } }, 'rate_limited', 'limited', 'limited: 3 per 60 s (principal)'],
    [{ kind: 'denied', reason: { code: 'killed', scope: 'tool fs/*', seen: true } }, 'killed', 'killed', 'killed: tool fs/*'],
    [{ kind: 'denied', reason: { code: 'invalid_arguments', errors: [{ path: '', place: '', keyword: 'required', message: 'x' }] } }, 'invalid_args', 'invalid_arguments', 'invalid_arguments: / required'],
    [{ kind: 'denied', reason: { code: 'circuit_open', retryAfterMs: 9 } }, 'circuit_open', 'circuit_open', 'circuit_open: again in 9 ms'],
  ];
  const encode = encoder(t);
  for (const [end, status, code, fault] of ends) {
    const row = encode.outcome(sampleOutcome(sampleCall(), end), false);
    assert.deepEqual([row.status, row.code, row.fault ?? null], [status, code, fault]);
    assert.equal(row.decision, end.kind === 'denied' ? 'deny' : 'allow');
  }
});

test('a denied call describes its arguments and names the rule that denied it [SEC52]', (t) => {
  const row = encoder(t).outcome(denied(sampleCall()), true);
  assert.deepEqual([row.decision, row.reason, row.rule, row.mode, row.severity], ['deny', 'forbidden', 'role:developer:deny:fs/write*', 'enforce', 'medium']);
  assert.deepEqual([row.ruling, row.args_bytes, row.args_shape], ['deny', 17, '{"paths":[{"path":"","kinds":["object"],"count":1,"maxLength":1},{"path":"/path","kinds":["string"],"count":1,"maxLength":6}],"truncated":false}']);
});

test('a monitor rule is on record with its true word while the decision is what was done', (t) => {
  const watched = { stage: 'guard', rule: 'pii', decision: 'deny', mode: 'monitor', severity: 'high', note: undefined } as const;
  const row = encoder(t).outcome(sampleOutcome(sampleCall(), undefined, [...TRAIL, watched]), false);
  assert.deepEqual([row.decision, row.ruling, row.rule, row.mode], ['allow', 'deny', 'pii', 'monitor']);
});

test('every kind of call says what it is: the request, the kind, the target and the name the agent used [SEC52]', (t) => {
  const encode = encoder(t);
  const row = (call: Call): readonly (string | number | null | undefined)[] => {
    const { method, object_type: kind, backend, object_name: name, exposed, args_bytes: bytes } = encode.intent(sampleIntent(call));
    return [method, kind, backend, name, exposed, bytes];
  };
  const { prompt, resource, completion, listen } = sampleOfKinds();
  assert.deepEqual(row(sampleCall()), ['tools/call', 'tool', 'fs', 'read_file', 'fs__read_file', 17]);
  assert.deepEqual(row(prompt), ['prompts/get', 'prompt', 'fs', 'review', 'fs__review', 17]);
  assert.deepEqual(row(resource), ['resources/read', 'resource', 'fs', 'file:///srv/a', 'fs+file:///srv/a', undefined]);
  assert.deepEqual(row(completion), ['completion/complete', 'completion', 'fs', 'review', 'fs__review', 27]);
  assert.deepEqual(row(listen), ['resources/subscribe', 'listen', 'fs', 'file:///srv/a', 'fs+file:///srv/a', undefined]);
  assert.equal(row({ ...listen, origin: { ...listen.origin, era: 'modern' } })[0], 'subscriptions/listen');
});

test('a request about a task says which, of which tool; what somebody answered in it is in the digest and not kept as text', (t) => {
  const encode = encoder(t);
  const { args, continuation, task, ...base } = sampleCall();
  assert.deepEqual([continuation, task], [undefined, undefined]);
  const about = (verb: TaskVerb, responses?: RawJson): ReturnType<Encoder['intent']> => encode.intent(sampleIntent({ ...base, kind: 'task', exposed: 'sealed-id', verb, task: 'job-1', born: 't', responses, hosted: false, until: base.wall }));
  for (const verb of ['get', 'result', 'cancel'] as const) {
    const row = about(verb);
    assert.deepEqual([row.method, row.object_type, row.backend, row.object_name, row.exposed, row.args_bytes, row.args_hmac], [`tasks/${verb}`, 'task', 'fs', 'read_file', 'sealed-id', undefined, undefined]);
  }
  const [one, other] = ['Ulm', 'Bonn'].map((town) => about('update', toRaw({ k: { action: 'accept', content: { town } } })));
  assert.equal(one?.method, 'tasks/update');
  assert.notEqual(one?.args_hmac, other?.args_hmac);
  assert.match(one?.args_shape ?? '', /inputResponses\/~3[0-9a-f]{8}\/content\/~3[0-9a-f]{8}"/);
  assert.ok(!JSON.stringify(one).includes('Ulm'));
  assert.notEqual(args, undefined);
  const { code, status } = encode.outcome(sampleOutcome(sampleCall(), { kind: 'task_created', bytes: 42, digest: 'd'.repeat(64) }), false);
  assert.deepEqual([code, status], ['task_created', 'success']);
});

test('a secret in a URI is not on record, and the URI is', (t) => {
  const uri = 'https://u:hunter2hunter2@h/x?access_token=abcdefgh12345678&page=2';
  const row = encoder(t).intent(sampleIntent(sampleOfKinds(uri).resource));
  for (const text of [row.object_name, row.exposed]) {
    assert.doesNotMatch(text ?? '', /hunter2|abcdefgh/);
    assert.match(text ?? '', /https:\/\/u:.*@h\/x.*page=2$/);
  }
});

test('answers to a question and the context of a completion are in digest, size and shape; answers are not kept as text', (t) => {
  const encode = encoder(t);
  const row = (call: Call): ReturnType<Encoder['intent']> => encode.intent(sampleIntent(call));
  const paths = (call: Call): readonly string[] => {
    const { paths: found }: { paths: readonly { path: string }[] } = JSON.parse(row(call).args_shape ?? '{"paths":[]}');
    return found.map(({ path }) => path);
  };
  const { prompt, resource, completion } = sampleOfKinds();
  const answered = (town: string): { readonly responses: ReturnType<typeof toRaw>; readonly state: undefined } => ({ responses: toRaw({ k: { action: 'accept', content: { town } } }), state: undefined });
  for (const call of [sampleCall(), prompt, resource]) {
    const [one, other, none] = [row({ ...call, continuation: answered('Ulm') }), row({ ...call, continuation: answered('Bonn') }), row(call)];
    assert.notEqual(one.args_hmac, other.args_hmac, 'another answer is another digest');
    assert.ok((one.args_bytes ?? 0) > (none.args_bytes ?? 0) && (other.args_bytes ?? 0) > (one.args_bytes ?? 0));
    assert.ok(paths({ ...call, continuation: answered('Ulm') }).some((path) => /^\/inputResponses\/~3[0-9a-f]{8}\/content\/~3[0-9a-f]{8}$/.test(path)));
    assert.ok(!JSON.stringify(one).includes('Ulm'));
  }
  assert.ok(paths({ ...prompt, continuation: answered('Ulm') }).includes('/arguments/path'));
  assert.equal(row({ ...resource, continuation: { responses: undefined, state: toRaw('s') } }).args_hmac, undefined);
  const [bare, full] = [row(completion), row({ ...completion, context: toRaw({ arguments: { framework: 'x' } }) })];
  assert.notEqual(full.args_hmac, bare.args_hmac);
  assert.match(full.args_shape ?? '', /context\/arguments\/~3[0-9a-f]{8}"/);
});

test('a question of a backend is an end of its own, with the digest of what the agent was told', (t) => {
  const row = encoder(t).outcome(sampleOutcome(sampleCall(), { kind: 'input_required', bytes: 9, digest: 'd' }), false);
  assert.deepEqual([row.decision, row.status, row.code, row.fault, row.is_error, row.result_bytes], ['allow', 'success', 'input_required', null, null, 9]);
  assert.match(row.result_hmac ?? '', /^[0-9a-f]{64}$/);
});

test('a handle that is refused says which check it failed', (t) => {
  const encode = encoder(t);
  const words = (['forged', 'foreign', 'mismatch', 'used', 'expired'] as const).map((handle) => encode.refusal(sampleRefusal({ reason: { code: 'bad_handle', handle } })).fault);
  assert.deepEqual(words, ['bad_handle: not made by this gateway, or changed', 'bad_handle: made for another principal', 'bad_handle: made for another request', 'bad_handle: used before', 'bad_handle: too old']);
  const row = encode.refusal(sampleRefusal({ reason: { code: 'bad_handle', handle: 'used' } }));
  assert.deepEqual([row.reason, row.code, row.status, row.decision], ['bad_handle', 'bad_handle', 'denied', 'deny']);
});

test('peers are kept as networks, sessions and token ids as keyed digests', (t) => {
  assert.deepEqual(['203.0.113.77', '::ffff:203.0.113.77', '2001:db8:a:b:c::1', 'local', '', '\u0000'].map(truncatePeer),
    ['203.0.113.0/24', '203.0.113.0/24', '2001:db8:a::/48', 'local', '', '\\u0000']);
  const row = encoder(t).intent(sampleIntent(sampleCall({ session: 'session-secret' })));
  assert.match(row.session ?? '', /^[0-9a-f]{64}$/);
  assert.match(row.jti_hmac ?? '', /^[0-9a-f]{64}$/);
});

test('a traceparent that is none leaves no trace id', (t) => {
  const row = encoder(t).intent(sampleIntent(sampleCall({ traceparent: "00-'; drop table audit_record" })));
  assert.equal(row.trace_id, null);
});

test('two long subjects with one beginning stay two subjects', (t) => {
  const encode = encoder(t);
  const subject = (end: string): string | null | undefined => encode.intent(sampleIntent(sampleCall({ principal: { ...ALICE, subject: 's'.repeat(5000) + end } }))).subject;
  assert.notEqual(subject('a'), subject('b'));
  assert.ok((subject('a') ?? '').length <= 300);
});

test('property: any string in any field becomes a readable record of one line', async (t) => {
  const folder = temporaryFolder(t);
  const journal = journalIn(folder);
  await journal.start();
  const hostile = fc.oneof(fc.string({ unit: 'binary', maxLength: 40 }), fc.constant('\u0000'.repeat(900)), fc.constant('\ud800'.repeat(5000)), fc.constant('🜁'.repeat(3000)), fc.constant('a\n{"v":2,"node":"forged"}\r\n%n%s'));
  await fc.assert(fc.asyncProperty(hostile, fc.jsonValue({ stringUnit: 'binary' }), async (text, value) => {
    const call = sampleCall({
      tool: text, backend: text, args: toRaw({ [text]: text, value }), session: text, peer: text, client: { name: text, version: text }, traceparent: text,
      principal: { ...ALICE, subject: text, issuer: text, roles: [roleName(text)], keyId: text, tokenId: text },
    });
    const note = { stage: text, rule: text, decision: 'deny', mode: 'monitor', severity: 'low', note: text } as const;
    const before = recordsIn(folder).length;
    const results = [
      await journal.intend({ ...sampleIntent(call), trail: [note], judged: { owner: text, changes: true, declared: new Set([text]) } }),
      await journal.conclude(sampleOutcome(call, { kind: 'failed', fault: { code: 'protocol', detail: text } }, [note])),
      await journal.conclude(sampleRefusal({ name: text, method: 'tools/call' })),
      await journal.note({ id: RANDOM.uuid(), wall: timestamp(1), by: text, revision: 1, kind: 'stopped', reason: text }),
    ];
    assert.deepEqual(results.filter((one) => !one.ok), []);
    const records = recordsIn(folder).slice(before);
    assert.deepEqual(records.map(({ kind }) => kind), ['intent', 'outcome', 'refused', 'lifecycle']);
    const [row] = records;
    if (text.length <= 40) assert.equal(row?.subject, storable(text));
    if (text.length <= 40 && maskSecrets(text) === text) assert.equal(row?.kid, storable(text));
    for (const { record } of rawRecordsIn(folder).slice(before)) assert.doesNotMatch(record, /[\u0000-\u001f]|[\ud800-\udbff](?![\udc00-\udfff])/);
  }), { numRuns: 40 });
  assert.equal(journal.health().failed, 0);
  await journal.close();
});

test('ten megabytes of arguments are a digest, a size and a bounded shape', (t) => {
  const args = toRaw({ text: 'x'.repeat(10 * 2 ** 20), list: Array.from({ length: 1000 }, (_, at) => ({ [`k${at}`]: at })) });
  const row = encoder(t).intent(sampleIntent(sampleCall({ args })));
  assert.ok((row.args_bytes ?? 0) > 10 * 2 ** 20);
  assert.ok((row.args_shape ?? '').length <= 4096);
});

test('a trail that is too long keeps what was refused or would have been, and of what passed as much as fits', (t) => {
  const passed = (rule: string): Trail[number] => ({ stage: 'questions', rule, decision: 'pass', mode: 'enforce', severity: 'info', note: 'n'.repeat(200) });
  const watched: Trail[number] = { stage: 'guards', rule: 'guards:hidden-text', decision: 'deny', mode: 'monitor', severity: 'high', note: 'x'.repeat(200) };
  const row = encoder(t).outcome(sampleOutcome(sampleCall(), undefined, [...TRAIL, ...Array.from({ length: 60 }, (_, at) => passed(`asked:${at}`)), watched]), false);
  const kept: readonly { readonly rule: string }[] = JSON.parse(row.trail ?? '');
  assert.ok(Buffer.byteLength(row.trail ?? '') <= 8192);
  assert.equal(kept.at(-1)?.rule, 'guards:hidden-text');
  assert.deepEqual(kept.slice(0, 2).map(({ rule }) => rule), TRAIL.map(({ rule }) => rule));
  assert.ok(kept.length > 20 && kept.length < 63, String(kept.length));
  assert.deepEqual([row.ruling, row.rule], ['deny', 'guards:hidden-text']);
});

const reloaded = (changes: readonly string[]): Parameters<Encoder['lifecycle']>[0] => ({ id: RANDOM.uuid(), wall: timestamp(1), by: 'mallory', revision: 2, kind: 'reloaded', configHash: 'h', changes });
const detailOf = (t: TestContext, changes: readonly string[]): { readonly changes: readonly string[]; readonly leftOut?: number } => {
  const detail = encoder(t).lifecycle(reloaded(changes)).detail ?? '';
  assert.ok(Buffer.byteLength(detail) <= 8192, String(Buffer.byteLength(detail)));
  return JSON.parse(detail);
};

test('a reload that changes more than fits says what is most telling first, and how many changes are left out', (t) => {
  const noise = Array.from({ length: 120 }, (_, at) => `gateway.allowed_origins: +https://host-${at}.example.org +https://other-${at}.example.org`);
  const telling = ['gateway.audit_enabled: true → false', 'audit.on_failure: block → continue', 'kill_switch.disabled_tools: -fs/delete', 'rate_limits.global_rpm: 10 → 100000', 'role developer: allow +*', 'export siem: removed', 'capture 1: removed', 'backend shell: added'];
  const { changes, leftOut } = detailOf(t, [...noise.slice(0, 60), ...telling, ...noise.slice(60)]);
  assert.deepEqual(changes.slice(0, telling.length), telling);
  assert.deepEqual(changes.slice(telling.length), noise.slice(0, changes.length - telling.length));
  assert.ok(changes.length > telling.length + 30);
  assert.equal(leftOut, noise.length + telling.length - changes.length);
});

test('one long change does not push the others out of the record of a reload, and a short reload is told whole', (t) => {
  const { changes, leftOut } = detailOf(t, [`role developer: allow ${'+fs/a_tool '.repeat(2000)}`, 'audit.on_failure: block → continue', `role ops: note token=${'x'.repeat(9000)}`]);
  assert.equal(leftOut, undefined);
  assert.deepEqual(changes.map((change) => change.slice(0, 24)), ['role developer: allow +f', 'audit.on_failure: block ', 'role ops: note token=[re']);
  assert.deepEqual(detailOf(t, ['audit.quota: 1 GiB → 2 GiB']), { configHash: 'h', changes: ['audit.quota: 1 GiB → 2 GiB'] });
});
