import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { runCli } from '../../src/cli/run.ts';
import { openDatabase } from '../../src/stores/database.ts';
import type { Journal } from '../../src/stores/journal.ts';
import { timestamp } from '../../src/core/ids.ts';
import { ALICE, denied, journalOver, sampleCall, sampleIntent, sampleNode, sampleOutcome, sampleRefusal } from '../stores/sample.ts';

interface Place {
  readonly journal: Journal;
  readonly call: string;
  run(argv: readonly string[]): Running;
}

interface Running {
  readonly status: Promise<number>;
  out(): string;
  err(): string;
  /** As Ctrl-C. */
  stop(): void;
}

function text(stream: PassThrough): () => string {
  let said = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk) => (said += String(chunk)));
  return () => said;
}

function start(folder: string, argv: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const [out, err] = [text(stdout), text(stderr)];
  let stop: ((name: 'SIGINT') => void) | undefined;
  const status = runCli(argv, {
    env: { HOME: folder, PATH: process.env['PATH'], SENTINEL_CONFIG: join(folder, 'sentinel.toml'), ...env }, cwd: folder, stdin: Readable.from(['']), stdout, stderr,
    isTty: { stdin: false, stdout: false, stderr: false }, width: 200, now: () => Date.now(), user: 'tester', ask: async () => false,
    onStop: (listener) => (stop = listener),
  });
  return { status, out, err, stop: () => stop?.('SIGINT') };
}

function configured(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-audit-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'state'), { mode: 0o700 });
  writeFileSync(join(folder, 'sentinel.toml'), '[gateway]\nstate_dir = "state"\n[auth]\nown_keys = true\n[rbac.roles.developer]\nallow = ["*"]\n');
  return folder;
}

/** One call that was answered, one that was denied, one refusal with a hostile name, one event. */
async function place(t: TestContext): Promise<Place> {
  const folder = configured(t);
  const database = openDatabase({ postgresUrl: undefined, maxConnections: 1, sqlitePath: join(folder, 'state', 'sentinel.db') }, { readOnly: false, thread: true });
  const journal = journalOver(database, sampleNode(folder));
  t.after(async () => {
    await journal.close();
    await database.close();
  });
  await journal.start();
  const call = sampleCall();
  await journal.intend(sampleIntent(call));
  await journal.conclude(sampleOutcome(call));
  await journal.conclude(denied(sampleCall({ tool: 'write_file', principal: { ...ALICE, subject: 'bob' } })));
  await journal.conclude(sampleRefusal({ name: 'evil\u001b[2J\u202ename' }));
  await journal.note({ id: 'event-1', wall: timestamp(Date.now()), by: 'root', revision: 2, kind: 'stopped', reason: 'SIGTERM' });
  return { journal, call: call.id, run: (argv) => start(folder, argv) };
}

async function done(running: Running, status = 0): Promise<string> {
  assert.equal(await running.status, status, running.err());
  return running.out();
}

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
  assert.deepEqual([entries[1]?.['roles'], entries[1]?.['args']], [['developer'], { path: '/tmp/a' }]);
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
  for (const fact of [call, 'alice(developer)', 'fs/read_file', 'success (ok)', '13.3 ms', '{"path":"/tmp/a"}', 'role:developer:allow:fs/*', '192.0.2.0']) assert.ok(said.includes(fact), fact);
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
