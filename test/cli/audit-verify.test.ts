import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { PassThrough, Readable } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { runCli } from '../../src/cli/run.ts';
import { journalIn, rawRecordsIn, sampleCall, sampleIntent, sampleOutcome } from '../stores/sample.ts';

interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

interface Place {
  readonly folder: string;
  readonly state: string;
  run(...argv: string[]): Promise<Ran>;
  /** Another verb of the audit. */
  verb(...argv: string[]): Promise<Ran>;
  /** Changes the journal behind the back of its triggers. */
  tamper(...statements: string[]): void;
}

/** One ended run of 21 records: the event of its beginning and ten calls. */
async function place(t: TestContext): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-verify-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const state = join(folder, 'state');
  mkdirSync(state, { mode: 0o700 });
  writeFileSync(join(folder, 'sentinel.toml'), '[gateway]\nstate_dir = "state"\n[auth]\nown_keys = true\n[rbac.roles.developer]\nallow = ["*"]\n');
  const journal = journalIn(state);
  await journal.start();
  for (let n = 0; n < 10; n += 1) {
    const call = sampleCall();
    await journal.intend(sampleIntent(call));
    await journal.conclude(sampleOutcome(call));
  }
  await journal.close();
  const verb = async (...argv: string[]): Promise<Ran> => {
      const [stdout, stderr] = [new PassThrough({ highWaterMark: 2 ** 24 }), new PassThrough()];
      const status = await runCli(['audit', ...argv], {
        env: { HOME: folder, PATH: process.env['PATH'], SENTINEL_CONFIG: join(folder, 'sentinel.toml') }, cwd: folder, stdin: Readable.from(['']), stdout, stderr,
        isTty: { stdin: false, stdout: false, stderr: false }, width: 200, now: () => Date.now(), user: 'tester', ask: async () => false, onStop: () => {},
      });
      return { status, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
  };
  return {
    folder, state, verb,
    run: (...argv) => verb('verify', ...argv),
    tamper: (...statements) => {
      const database = new DatabaseSync(join(state, 'journal', '00000001.db'));
      // Who cleans up behind himself: triggers that are gone would be found by themselves.
      const triggers = database.prepare("select name, sql from sqlite_schema where type = 'trigger'").all();
      for (const { name } of triggers) database.exec(`drop trigger ${String(name)}`);
      for (const statement of statements) database.exec(statement);
      for (const { sql } of triggers) database.exec(String(sql));
      database.close();
    },
  };
}

test('a journal that nobody touched verifies', async (t) => {
  const { run } = await place(t);
  const { status, out, err } = await run();
  assert.equal(status, 0, err);
  assert.match(out, /records 1 to 21, signed to 21/);
  assert.match(out, /21 records, 1 epoch, 0 problems/);
});

test('a record that was changed, taken out or moved is named, with exit status 22', async (t) => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ["update record set record = replace(record, 'alice', 'bobby') where seq = 7", /changed: record 7 of epoch 1 /],
    ['delete from record where seq = 7', /missing: record 7 of epoch 1 /],
    ['update record set seq = 99 where seq = 7', /out_of_place: .*row 7 /],
    ["update record set record = (select record from record where seq = 8) where seq = 7", /: record [78] of epoch 1 /],
  ];
  for (const [change, found] of cases) {
    const { run, tamper } = await place(t);
    tamper(change);
    const { status, out, err } = await run();
    assert.equal(status, 22, `${change}\n${out}`);
    assert.match(out, found, change);
    assert.match(err, /SEN-0603/);
  }
});

test('an end that was cut off with its checkpoints is seen with an anchor, and only with one', async (t) => {
  const { folder, state, run, tamper } = await place(t);
  const database = new DatabaseSync(join(folder, 'state', 'journal', '00000001.db'), { readOnly: true });
  const note = database.prepare('select note from checkpoint order by size desc limit 1').get()?.['note'];
  database.close();
  writeFileSync(join(folder, 'anchor.txt'), String(note));
  writeFileSync(join(folder, 'anchor.jsonl'), `${JSON.stringify({ checkpoint: note })}\n`);
  for (const file of ['anchor.txt', 'anchor.jsonl']) assert.equal((await run('--anchor', join(folder, file))).status, 0);
  tamper('delete from record where seq > 15', 'delete from checkpoint');
  assert.equal((await run()).status, 0, 'nothing here says that there was more');
  const { status, out } = await run('--anchor', join(folder, 'anchor.txt'));
  assert.equal(status, 22);
  assert.match(out, /truncated: record 16 of epoch 1 /);
  assert.equal((await run('--anchor', join(folder, 'anchor.jsonl'))).status, 22, 'as an export of checkpoints writes them');
  rmSync(join(state, 'journal'), { recursive: true });
  const gone = await run('--anchor', join(folder, 'anchor.txt'));
  assert.equal(gone.status, 22, 'and so is that all of it is gone');
  assert.match(gone.out, /rolled_back/);
});

test('an export verifies by itself with the key of its node, and not with another', async (t) => {
  const [at, other] = [await place(t), await place(t)];
  const file = join(at.folder, 'records.jsonl');
  writeFileSync(file, rawRecordsIn(at.state).map(({ record }) => `${record}\n`).join(''));
  copyFileSync(join(at.state, 'audit-sign.pub'), join(at.folder, 'key.pub'));
  const bare = await at.run(file, '--key', join(at.folder, 'key.pub'));
  assert.equal(bare.status, 3, 'nobody has signed it');
  assert.match(bare.err, /no signature covers these 21 records/);
  const anchor = join(at.folder, 'checkpoints.jsonl');
  writeFileSync(anchor, (await at.verb('export', '--format', 'checkpoints')).out);
  assert.equal((await at.run(file, '--key', join(at.folder, 'key.pub'), '--anchor', anchor)).status, 0);
  const idle = await at.run('--anchor', join(import.meta.dirname, '../../docs/audit-vectors/checkpoint.txt'));
  assert.equal(idle.status, 1, 'an anchor that says nothing is no success');
  assert.match(idle.err, /they showed nothing/);
  const { status, out } = await at.run(file, '--key', join(other.state, 'audit-sign.pub'));
  assert.equal(status, 22);
  assert.match(out, /foreign/);
  writeFileSync(file, readFileSync(file, 'utf8').replace('"subject":"alice"', '"subject":"malice"'));
  assert.equal((await at.run(file)).status, 22);
});

test('--json is one object that says all of it', async (t) => {
  const { run, tamper } = await place(t);
  tamper("update record set record = replace(record, 'alice', 'bobby') where seq = 7");
  const { status, out } = await run('--json');
  assert.equal(status, 22);
  const said: { readonly ok?: boolean; readonly records?: number; readonly problems?: readonly { readonly seq?: number; readonly problem?: string }[] } = JSON.parse(out);
  assert.deepEqual([said.ok, said.records, said.problems?.map(({ seq, problem }) => [seq, problem])], [false, 21, [[7, 'changed']]]);
});

test('without a journal, key or anchor the verb says what is not there', async (t) => {
  const { folder, run } = await place(t);
  assert.match((await run('--anchor', join(folder, 'none.txt'))).err, /none\.txt is not there/);
  assert.match((await run('--key', join(folder, 'sentinel.toml'))).err, /holds no key/);
  rmSync(join(folder, 'state', 'journal'), { recursive: true });
  const none = await run();
  assert.equal(none.status, 1);
  assert.match(none.err, /no journal/);
});

test('what `audit export` writes is the records byte for byte, goes on where it ended, and verifies elsewhere', async (t) => {
  const at = await place(t);
  const first = await at.verb('export', '--limit', '8');
  const next = /--after (\d+)/.exec(first.err)?.[1] ?? '';
  const rest = await at.verb('export', '--after', next);
  assert.deepEqual([first.status, rest.status], [0, 0], rest.err);
  assert.equal(first.out + rest.out, rawRecordsIn(at.state).map(({ record }) => `${record}\n`).join(''));
  const file = join(at.folder, 'records.jsonl');
  writeFileSync(file, first.out + rest.out);
  assert.equal((await at.run(file)).status, 3);
  assert.equal((await at.verb('export', '--format', 'checkpoints', 'decision = deny')).status, 2);
  const denied = await at.verb('export', '--format', 'cef', 'kind = outcome');
  assert.equal(denied.out.trimEnd().split('\n').filter((line) => line.startsWith('CEF:0|')).length, 10);
  assert.equal((await at.verb('export', '--format', 'xml')).status, 2);
});
