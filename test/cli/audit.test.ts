import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { timestamp } from '../../src/core/ids.ts';
import { sampleCall, sampleOutcome } from '../stores/sample.ts';
import { configured, done, place, start } from './audit-world.ts';

test('tail --no-follow shows the last entries, oldest first, one line each', async (t) => {
  const { run, call } = await place(t);
  const lines = (await done(run(['audit', 'tail', '--no-follow']))).trimEnd().split('\n');
  assert.equal(lines.length, 4);
  assert.match(lines[0] ?? '', new RegExp(`allow +alice\\(developer\\) +fs/read_file +success +13.3 ms +role:developer:allow:fs/\\* +${call}$`));
  assert.match(lines[1] ?? '', /deny +bob\(developer\) +fs\/write_file +denied\/forbidden +0.1 ms +role:developer:deny:fs\/write\*/);
  assert.match(lines[3] ?? '', /event +stopped +by root {2}reason: SIGTERM$/);
});

test('an event is told in words, and a refusal with its cause', async (t) => {
  const { run, journal } = await place(t);
  const head = { wall: timestamp(0), by: 'ann', revision: 3 };
  await journal.note({ ...head, id: 'event-2', kind: 'killed', scope: 'tool a/b', reason: 'incident 7', until: timestamp(7_200_000), cancelled: 2, tasks: 3 });
  await journal.note({ ...head, id: 'event-3', kind: 'key_rotated', keyId: 'k2', previous: 'k1', until: timestamp(0) });
  await journal.note({ ...head, id: 'event-4', kind: 'reloaded', configHash: '0123456789abcdef', changes: ['roles.dev changed', 'limits changed'] });
  const said = await done(run(['audit', 'tail', '--no-follow']));
  assert.match(said, /event +killed +by ann +scope: tool a\/b, reason: incident 7, until: 1970-01-01T02:00:00\.000Z, cancelled: 2, tasks: 3$/m);
  assert.match(said, /event +key rotated +by ann +key id: k2, previous: k1, until: 1970-01-01T00:00:00\.000Z$/m);
  assert.match(said, /event +reloaded +by ann +config hash: 0123456789ab, changes: roles\.dev changed; limits changed$/m);
  assert.match(said, /denied\/unauthenticated .*unauthenticated: \w+$/m);
});

test('no text of an agent steers the terminal', async (t) => {
  const { run } = await place(t);
  const said = await done(run(['audit', 'query']));
  assert.ok(said.includes('evil'));
  assert.ok(!/[\u0000-\u0009\u000b-\u001f\u202e]/.test(said));
});

test('tail follows what is written while it runs, until it is interrupted', async (t) => {
  const { run, journal } = await place(t);
  const running = run(['audit', 'tail', '--json', '-n', '1', '--kind', 'call']);
  const until = Date.now() + 10_000;
  const lines = (): readonly string[] => running.out().split('\n').filter((line) => line !== '');
  while (lines().length < 1 && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
  const later = sampleCall({ tool: 'later' });
  await journal.conclude(sampleOutcome(later));
  while (lines().length < 2 && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
  running.stop();
  await done(running);
  const entries = lines().map((line): Record<string, unknown> => JSON.parse(line));
  assert.deepEqual(entries.map((entry) => [entry['kind'], entry['object_name'] ?? entry['exposed']]), [['refused', 'evil\u001b[2J\u202ename'], ['outcome', 'later']]);
});

test('query filters, pages and prints JSON as JSON', async (t) => {
  const { run } = await place(t);
  const entries = (await done(run(['audit', 'query', '--decision', 'deny', '--json']))).trimEnd().split('\n').map((line): Record<string, unknown> => JSON.parse(line));
  assert.deepEqual(entries.map((entry) => entry['code']), ['unauthenticated', 'forbidden']);
  assert.deepEqual([entries[1]?.['roles'], entries[1]?.['args_bytes']], [['developer'], 17]);
  assert.match(String(entries[1]?.['time']), /^\d{4}-\d\d-\d\dT.*Z$/);
  assert.equal(Object.hasOwn(entries[1] ?? {}, 'is_error'), false, 'what is not there is left out');
  const first = run(['audit', 'query', '--limit', '3']);
  await done(first);
  const before = /--before (\d+)/.exec(first.err())?.[1] ?? '';
  assert.equal((await done(run(['audit', 'query', '--before', before]))).trimEnd().split('\n').length, 1);
  assert.equal(await done(run(['audit', 'query', '--since', '2000-01-01T00:00:00Z', '--until', '1h'])), '');
});

test('show tells one call whole, and knows when there is none', async (t) => {
  const { run, call } = await place(t);
  const said = await done(run(['audit', 'show', call]));
  for (const fact of [call, 'alice(developer)', 'fs/read_file', 'success (ok)', '13.3 ms', 'role:developer:allow:fs/*', '192.0.2.0']) assert.ok(said.includes(fact), fact);
  const story: unknown = JSON.parse(await done(run(['audit', 'show', call, '--json'])));
  assert.ok(typeof story === 'object' && story !== null && 'concluded' in story && story.concluded === true && 'records' in story && Array.isArray(story.records) && story.records.length === 2);
  const none = run(['audit', 'show', 'nothing']);
  await done(none, 1);
  assert.match(none.err(), /no call nothing is on record/);
});

test('stats counts calls by target and end', async (t) => {
  const { run } = await place(t);
  const said = await done(run(['audit', 'stats']));
  assert.match(said, /1 +success +ok +12.5 +fs\/read_file/);
  assert.match(said, /1 +denied +forbidden +fs\/write_file/);
});

test('flags that cannot be meant are refused before the store is read', async (t) => {
  const { run } = await place(t);
  for (const argv of [['--decision', 'maybe'], ['--since', 'yesterday'], ['--limit', '0'], ['--limit', '1e9'], ['--kind', 'x'], ['--status', 'fine']]) {
    const running = run(['audit', 'query', ...argv]);
    assert.equal(await running.status, 2, argv.join(' '));
    assert.equal(running.out(), '');
    if (argv[0] === '--since') assert.match(running.err(), /= help: a day back: --since 1d/);
  }
});

test('a filter in words says what flags say, and both must hold', async (t) => {
  const { run } = await place(t);
  const found = async (...argv: readonly string[]): Promise<readonly unknown[]> => {
    const lines = (await done(run(['audit', 'query', '--json', ...argv]))).split('\n').filter((line) => line !== '').map((line): Record<string, unknown> => JSON.parse(line));
    return lines.map((line) => line['code'] ?? line['event'] ?? line['kind']);
  };
  assert.deepEqual(await found('decision = deny'), await found('--decision', 'deny'));
  assert.deepEqual(await found('decision = deny and not tool = "fs/*"'), ['unauthenticated']);
  assert.deepEqual(await found('decision', '=', 'deny', 'and', 'subject=bob'), ['forbidden'], 'unquoted, as many words');
  assert.deepEqual(await found('decision = deny', '--subject', 'bob'), ['forbidden']);
  assert.deepEqual(await found('decision = deny', '--subject', 'alice'), []);
  assert.deepEqual(await found('--subject', 'b*'), [], 'a flag that names somebody is no pattern');
  assert.deepEqual(await found('subject = b*'), ['forbidden']);
  assert.deepEqual(await found('since 1h and owner = team-a and class = changing and ruling = deny'), ['forbidden']);
  assert.deepEqual(await found('call = * and code != unauthenticated'), ['forbidden', 'ok']);
  assert.deepEqual(await found('kind = intent'), ['intent'], 'asked for, intents are shown');
  assert.match(await done(run(['audit', 'stats', 'decision = deny'])), /forbidden.*fs\/write_file/);
  assert.equal((await done(run(['audit', 'tail', '--no-follow', 'took > 1ms']))).trimEnd().split('\n').length, 1);
});

test('a filter that cannot be read is shown with its place, before the store is read', async (t) => {
  const { run } = await place(t);
  const running = run(['audit', 'query', 'decison = deny']);
  assert.equal(await running.status, 2);
  assert.equal(running.err(), 'error[SEN-0901]: the filter, column 1: there is no field "decison"\n  decison = deny\n  ^^^^^^^\n  = help: did you mean "decision"?\n  = docs: sentinel explain SEN-0901\n');
  const json = run(['audit', 'tail', '--json', 'took > 5']);
  assert.equal(await json.status, 2);
  const fault: { readonly error: { readonly message: string } } = JSON.parse(json.err());
  assert.equal(fault.error.message, 'the filter, column 8: took is a duration such as 500ms, 1.5s or 2m, not "5"');
});

test('audit filter explains every field, and checks a filter without any configuration', async (t) => {
  const folder = configured(t);
  const said = await done(start(folder, ['audit', 'filter'], { SENTINEL_CONFIG: '/nonexistent' }));
  for (const word of ['decision', 'took', 'severity', 'since 2h', 'allow or deny']) assert.ok(said.includes(word), word);
  assert.ok(said.split('\n').every((line) => line.length <= 200));
  const fields: { readonly fields: readonly { readonly field: string }[] } = JSON.parse(await done(start(folder, ['audit', 'filter', '--json'])));
  assert.ok(fields.fields.some(({ field }) => field === 'ruling'));
  await done(start(folder, ['audit', 'filter', 'decision = deny']));
  await done(start(folder, ['audit', 'filter', 'decision = maybe']), 2);
});

test('what a rule in monitor would have denied is marked where it is listed', async (t) => {
  const { run, journal } = await place(t);
  const call = sampleCall({ tool: 'watched' });
  await journal.conclude(sampleOutcome(call, undefined, [{ stage: 'role', rule: 'role:none', decision: 'deny', mode: 'monitor', severity: 'medium', note: undefined }]));
  assert.match(await done(run(['audit', 'query', 'ruling = deny and decision = allow'])), /allow .* role:none \(monitor: the rules said deny\) /);
  assert.match(await done(run(['audit', 'show', call.id])), /^decision +allow, where the rules said deny \(monitor\)$/m);
});

test('tail says when no gateway runs that could write something, and a peer is called a network', async (t) => {
  const { run, call } = await place(t);
  const running = run(['audit', 'tail']);
  const until = Date.now() + 10_000;
  while (!running.out().includes('stopped') && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
  running.stop();
  await done(running);
  assert.match(running.err(), /^note: no gateway runs here/m);
  const still = run(['audit', 'tail', '--no-follow']);
  await done(still);
  assert.equal(still.err(), '');
  assert.match(await done(run(['audit', 'show', call])), /^from +\S+ (?:the network [\d.]+\/24|the network [\da-f:]+\/48|this machine \(loopback\)|local)$/m);
});

test('without a store the verb says so, makes none, and names the way out', async (t) => {
  const folder = configured(t);
  const running = start(folder, ['audit', 'query']);
  assert.equal(await running.status, 1);
  assert.match(running.err(), /SEN-0601/);
  assert.deepEqual((await import('node:fs')).readdirSync(join(folder, 'state')), []);
});

test('every reading is on record, with who and what was asked, before it is shown; it is not among what is listed unless asked for', async (t) => {
  const { run, call } = await place(t);
  await done(run(['audit', 'query', 'decision = deny', '--subject', 'bob']));
  await done(run(['audit', 'show', call]));
  await done(run(['audit', 'stats', '--since', '1d']));
  await done(run(['why', call]));
  await done(run(['audit', 'tail', '--no-follow', 'took > 1ms']));
  await done(run(['audit', 'export', '--limit', '1']));
  assert.equal(await run(['audit', 'query', 'decison = deny']).status, 2);
  assert.ok(!(await done(run(['audit', 'query']))).includes('audit read'));
  const readings = (await done(run(['audit', 'query', 'event = audit_read', '--json']))).trimEnd().split('\n').map((line): Record<string, unknown> => JSON.parse(line));
  const told = readings.map(({ actor, detail }) => [actor, detail]).toReversed();
  assert.deepEqual(told, [
    ['audit query', 'decision = deny --subject bob'], ['audit show', call], ['audit stats', '--since 1d'], ['why', call], ['audit tail', 'took > 1ms'], ['audit export', ''], ['audit query', ''],
  ].map(([verb, asked]) => ['tester', { verb, asked }]));
});

test('a reading that cannot be recorded is shown, and says so; with the audit switched off nothing is written', async (t) => {
  const { run, folder } = await place(t);
  const sealed = run(['audit', 'query'], { SENTINEL_CONTROL: join(folder, 'deaf.sock') });
  const deaf = createServer((_req, res) => res.writeHead(409, { 'content-type': 'application/json' }).end(JSON.stringify({ error: { code: 'unavailable', message: 'the audit could not be written: disk full' } })));
  await new Promise<void>((resolve) => deaf.listen(join(folder, 'busy.sock'), resolve));
  t.after(() => deaf.close());
  await done(sealed);
  assert.doesNotMatch(sealed.err(), /not on record/, 'no gateway there: this process wrote it');
  const busy = run(['audit', 'query'], { SENTINEL_CONTROL: join(folder, 'busy.sock') });
  assert.match(await done(busy), /forbidden/);
  assert.match(busy.err(), /note: this reading is not on record: the audit could not be written: disk full/);
  const readings = async (): Promise<number> => (await done(run(['audit', 'query', 'event = audit_read', '--json']))).split('\n').filter((line) => line !== '').length;
  const before = await readings();
  writeFileSync(join(folder, 'sentinel.toml'), readFileSync(join(folder, 'sentinel.toml'), 'utf8').replace('[gateway]', '[gateway]\naudit_enabled = false'));
  assert.equal(await readings(), before + 1);
  assert.equal(await readings(), before + 1);
});
