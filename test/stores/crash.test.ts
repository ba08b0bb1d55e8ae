import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createDatabase, testServer } from '../support/postgres.ts';
import { Secret } from '../../src/core/secret.ts';
import { openDatabase, type Database } from '../../src/stores/database.ts';
import { processLife } from '../../src/stores/life.ts';
import { journalOver, sampleNode, temporaryFolder } from './sample.ts';

const FIXTURE = new URL('../fixtures/intends-and-waits.ts', import.meta.url).pathname;

/** Starts a writer, waits until its intent is durable, and gives the way to kill it. */
async function writer(t: TestContext, folder: string, place: string): Promise<{ readonly pid: number; readonly kill: () => Promise<void> }> {
  const child = spawn(process.execPath, [FIXTURE, folder, place], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const [said]: unknown[] = await once(child.stdout, 'data');
  assert.equal(String(said), 'durable\n');
  return {
    pid: child.pid ?? 0,
    kill: async () => {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}

async function crash(t: TestContext, folder: string, place: string, database: Database): Promise<void> {
  const [dead, living] = [await writer(t, folder, place), await writer(t, folder, place)];
  await dead.kill();
  const journal = journalOver(database, sampleNode(folder), { life: processLife() });
  assert.deepEqual(await journal.start(), { ok: true, value: undefined });
  const rows = await database.db.selectFrom('audit_record').select(['call_id', 'kind', 'code', 'status', 'subject', 'epoch']).orderBy('row_id').execute();
  const of = (call: string) => rows.filter((row) => row.call_id === call).map((row) => [row.kind, row.code, row.status, row.subject]);
  assert.deepEqual(of(`${dead.pid}-open`), [['intent', null, null, 'alice'], ['outcome', 'indeterminate', 'error', 'alice']]);
  assert.deepEqual(of(`${dead.pid}-finished`), [['intent', null, null, 'alice'], ['outcome', 'ok', 'success', 'alice']]);
  assert.deepEqual(of(`${living.pid}-open`), [['intent', null, null, 'alice']], 'a process that lives may still conclude its call');
  await journal.close();

  const again = journalOver(database, sampleNode(folder), { life: processLife() });
  await again.start();
  const count = await database.db.selectFrom('audit_record').select((e) => e.fn.countAll<number>().as('n')).where('kind', '=', 'outcome').executeTakeFirstOrThrow();
  assert.equal(count.n, 3, 'closed once, not at every start');
  await again.close();
  await living.kill();
}

test('an intent survives SIGKILL and the next start closes it as indeterminate, on SQLite (J07)', async (t) => {
  const folder = temporaryFolder(t);
  const place = join(folder, 'audit.db');
  const database = openDatabase({ postgresUrl: undefined, maxConnections: 1, sqlitePath: place }, { readOnly: false, thread: true });
  t.after(() => database.close());
  await crash(t, folder, place, database);
});

const server = testServer();
test('an intent survives SIGKILL and the next start closes it as indeterminate, on PostgreSQL (J07)', { skip: 'skip' in server ? server.skip : false }, async (t) => {
  if ('skip' in server) return;
  const url = await createDatabase(server.url);
  const database = openDatabase({ postgresUrl: new Secret(url), maxConnections: 2, sqlitePath: '' }, { readOnly: false, thread: true });
  t.after(() => database.close());
  await crash(t, temporaryFolder(t), url, database);
});
