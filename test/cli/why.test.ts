import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { timestamp } from '../../src/core/ids.ts';
import { ALICE, denied, journalIn, sampleCall, sampleRefusal } from '../stores/sample.ts';
import { configured, done, place, start } from './audit-world.ts';

type Report = Readonly<Record<string, unknown>>;

async function json(status: Promise<string>): Promise<Report> {
  const report: Report = JSON.parse(await status);
  return report;
}

test('a denied call is explained with its rule, its inputs, its end and what would change it', async (t) => {
  const { run, denied: id } = await place(t);
  const running = run(['why', id]);
  const said = await done(running);
  assert.match(said, /^denied: fs\/write_file for bob \(developer\)\n/);
  for (const fact of [
    new RegExp(`^call +${id}$`, 'm'), /^asked +tools\/call fs__write_file$/m, /^class +changing$/m, /^arguments +17 bytes$/m, /^rule +role:developer:deny:fs\/write\* of stage role \(enforce, medium\)$/m,
    /^owner +team-a$/m, /^config +revision 7, f{12}; the file is another now \(no gateway answers\)$/m, /^end +denied \(forbidden\)$/m, /^took +admit 0.1 ms$/m, /^page +sentinel explain SEN-0302$/m,
    /^kill +pass +kill:none$/m, /^role +deny +role:developer:deny:fs\/write\*$/m, /^What would change it$/m, /the present configuration lets developer use it: role:developer:allow/,
    /^now +would be allowed by role:developer:allow/m,
  ]) assert.match(said, fact);
  assert.ok(!said.includes('/tmp/a'), 'no values');
  assert.equal(running.err(), '');
});

test('with --json it is one object in snake_case with times in RFC 3339', async (t) => {
  const { run, denied: id, call } = await place(t);
  const report = await json(done(run(['why', id, '--json'])));
  assert.deepEqual(Object.keys(report).toSorted(), ['asked', 'at', 'because', 'call', 'changes', 'configuration', 'decided_by', 'decision', 'end', 'present', 'ruling', 'stages', 'took_ms', 'trace_id', 'who']);
  assert.match(String(report['at']), /^\d{4}-\d\d-\d\dT.*Z$/);
  assert.deepEqual(report['decided_by'], { stage: 'role', rule: 'role:developer:deny:fs/write*', mode: 'enforce', severity: 'medium', owner: 'team-a' });
  assert.deepEqual(report['present'], { decision: 'allow', rule: 'role:developer:allow' });
  const keys: string[] = [];
  JSON.stringify(report, (key, value: unknown) => {
    keys.push(key);
    return value;
  });
  assert.deepEqual(keys.filter((key) => /[A-Z]/.test(key)), []);
  const allowed = await json(done(run(['why', call, '--json'])));
  assert.deepEqual([allowed['decision'], allowed['because'], allowed['changes']], ['allow', 'role developer allows it: its `allow` has *', []]);
});

test('without an id it is the last that was refused, and where nothing was it says so', async (t) => {
  const { run, refused } = await place(t);
  assert.equal(await done(run(['why'])), await done(run(['why', refused])));
  const folder = configured(t);
  const journal = journalIn(join(folder, 'state'));
  t.after(() => journal.close());
  await journal.start();
  const none = start(folder, ['why']);
  await done(none, 1);
  assert.match(none.err(), /nothing was refused/);
});

test('a refused request is told by the check that failed, and its name moves no cursor', async (t) => {
  const { run, refused } = await place(t);
  const said = await done(run(['why', refused]));
  assert.match(said, /^denied: evil\\u001b\[2J\\u202ename for nobody known\nthe request was not believed: its token has expired \(expired\)$/m);
  assert.ok(!/[\u0000-\u0009\u000b-\u001f\u202e]/.test(said));
  assert.match(said, /^ {6}sentinel token inspect agent\.token$/m);
});

test('commands are to be typed: names are quoted, and the configuration that was named goes with them', async (t) => {
  const { folder, journal, run } = await place(t);
  const hostile = sampleCall({ principal: { ...ALICE, subject: 'x; rm -rf \u001b ~', roles: [] } });
  await journal.conclude(denied(hostile, 'role:unknown'));
  const said = await done(start(folder, ['why', hostile.id, '--config', join(folder, 'sentinel.toml')]));
  assert.ok(said.includes(`\n      sentinel token issue --config ${folder}/sentinel.toml --subject 'x; rm -rf \\u001b ~' --role developer\n`), said);
  await done(run(['why', sampleRefusal().id]), 1);
});

test('a kill that stands in the store is named with the command that undoes it', async (t) => {
  const { run, journal, folder } = await place(t);
  const { openDatabase } = await import('../../src/stores/database.ts');
  const { migrate } = await import('../../src/stores/migrate.ts');
  const { createOverrides } = await import('../../src/stores/overrides.ts');
  const database = openDatabase({ postgresUrl: undefined, maxConnections: 1, sqlitePath: join(folder, 'state', 'sentinel.db') }, { readOnly: false, thread: false });
  assert.ok((await migrate(database, { now: () => timestamp(Date.now()) })).ok);
  assert.ok((await createOverrides(database).add({ kind: 'kill', id: '0199d7a2-6f3e-7c11-9d2a-5b1c8e4f7a60', scope: { kind: 'tool', pattern: 'fs/*' }, by: 'ann', reason: 'incident 7', at: timestamp(Date.now()), until: undefined })).ok);
  await database.close();
  const call = sampleCall();
  const outcome = denied(call);
  await journal.conclude({ ...outcome, end: { kind: 'denied', reason: { code: 'killed', scope: 'tool fs/*', seen: true } }, trail: [{ stage: 'kill', rule: 'kill:operator:tool fs/*', decision: 'deny', mode: 'enforce', severity: 'high', note: undefined }] });
  const said = await done(run(['why', call.id]));
  assert.match(said, /tool fs\/\* is still stopped, until it is undone \(kill 0199d7a2-6f3e-7c11-9d2a-5b1c8e4f7a60 by ann:\s+incident 7\); to undo it:\n {6}sentinel unkill 0199d7a2-6f3e-7c11-9d2a-5b1c8e4f7a60 --reason '…'$/m);
  assert.match(said, /^now +would be denied by kill:operator:tool fs\/\*/m);
});

/** The part of a gateway that says which configuration it has. */
async function gateway(t: TestContext, folder: string, configHash: string): Promise<string> {
  const socket = join(folder, 'c.sock');
  const server = createServer((_request, response) => response.end(JSON.stringify({ version: '0', pid: 1, endpoint: '', readiness: { ready: true, conditions: [] }, backends: [], kills: [], exports: [], revision: 12, configHash })));
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  t.after(() => server.close());
  return socket;
}

test('a running gateway says which configuration is in force', async (t) => {
  const { run, folder, denied: id } = await place(t);
  const socket = await gateway(t, folder, 'f'.repeat(64));
  const said = await done(run(['why', id], { SENTINEL_CONTROL: socket }));
  assert.match(said, /^config +revision 7, f{12}; still in force$/m);
  assert.match(said, /^limits +principal 1000 in 60 s$/m);
  assert.match(said, /the file was changed since the running gateway read it/);
  const report = await json(done(run(['why', id, '--json'], { SENTINEL_CONTROL: socket })));
  const configuration = report['configuration'];
  assert.ok(typeof configuration === 'object' && configuration !== null);
  assert.deepEqual({ ...configuration, hash_now: undefined }, { revision: 7, hash: 'f'.repeat(64), hash_now: undefined, same: true, from: 'gateway', revision_now: 12, file_changed: true });
});

test('an id that is not on record ends with 1 and says where to look, a trace with how to find its calls', async (t) => {
  const { run } = await place(t);
  const none = run(['why', 'nothing\u001b']);
  await done(none, 1);
  assert.match(none.err(), /no call nothing\\u001b is on record\n {2}= help: ids are whole, such as .*; sentinel audit query shows them/);
  const trace = run(['why', 'a'.repeat(32)]);
  await done(trace, 1);
  assert.match(trace.err(), new RegExp(`sentinel audit query 'trace = ${'a'.repeat(32)}'`));
  const without = start(configured(t), ['why', 'x']);
  assert.equal(await without.status, 1);
  assert.match(without.err(), /SEN-0601/);
});
