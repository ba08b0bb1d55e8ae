import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { sql } from 'kysely';
import { migrate } from '../../src/stores/migrate.ts';
import { MEMBER_NAMES } from '../../src/stores/journal/members.ts';
import { CLOCK, denied, ENGINES, journalIn, sampleCall, sampleIntent, sampleOutcome, temporaryFolder } from './sample.ts';

const PAGE = readFileSync(new URL('../../docs/audit-format.md', import.meta.url), 'utf8');

function documented(heading: string): readonly string[] {
  const section = PAGE.split(/^## /m).find((part) => part.startsWith(heading)) ?? '';
  return section.split('\n').filter((line) => line.startsWith('| `')).flatMap((line) => (line.split('|')[1] ?? '').match(/[a-z_0-9]+/g) ?? []);
}

test('docs/audit-format.md describes every column of a record, in order, and no other', () => {
  assert.deepEqual(documented('`audit_record`'), ['row_id', ...MEMBER_NAMES]);
});

const QUERIES: readonly string[] = [...PAGE.matchAll(/```sql\n([\s\S]*?)```/g)].flatMap(([, block]) => (block ?? '').split('\n').filter((line) => line !== ''));

test('the queries of docs/audit-format.md run on a segment of the journal, and find what is there', async (t) => {
  const folder = temporaryFolder(t);
  const journal = journalIn(folder);
  await journal.start();
  const call = sampleCall();
  await journal.intend(sampleIntent(call));
  await journal.conclude(sampleOutcome(call));
  await journal.conclude(denied(sampleCall({ tool: 'write_file' })));
  await journal.close();
  const database = new DatabaseSync(join(folder, 'journal', '00000001.db'), { readOnly: true });
  t.after(() => database.close());
  assert.equal(QUERIES.length, 2);
  const [log = [], rules = []] = QUERIES.map((query) => database.prepare(query).all());
  assert.deepEqual(log.map((row) => [row['client_subject'], row['tool_name'], row['response_status'], row['error_message']]), [['alice', 'fs__write_file', 'denied', 'forbidden: role:developer:deny:fs/write*']]);
  assert.deepEqual(rules.map((row) => row['rule']), ['role:developer:deny:fs/write*']);
  const all = database.prepare('select * from audit_log order by id').all();
  assert.deepEqual(Object.keys(all[0] ?? {}), ['id', 'request_id', 'timestamp', 'client_subject', 'client_role', 'tool_name', 'backend_name', 'request_args', 'response_status', 'error_message', 'latency_ms', 'created_at'], 'the columns of the original, in order');
  assert.deepEqual(all.map((row) => [row['request_id'] === call.id, row['response_status'], row['latency_ms'], row['client_role']]), [[true, 'success', 13, 'developer'], [false, 'denied', 0, 'developer']]);
});

for (const engine of ENGINES.filter(({ name }) => name === 'PostgreSQL')) {
  test('the queries of docs/audit-format.md run on PostgreSQL', { skip: engine.skip }, async (t) => {
    const { open } = await engine.fresh(t);
    const { db } = open();
    await migrate({ db, engine: 'postgres', close: async () => undefined }, { now: CLOCK.wall });
    for (const query of QUERIES) assert.deepEqual((await sql.raw(query).execute(db)).rows, []);
  });
}
