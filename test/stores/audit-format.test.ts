import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { sql } from 'kysely';
import { migrate } from '../../src/stores/migrate.ts';
import { AUDIT_COLUMNS } from '../../src/stores/schema.ts';
import { CLOCK, ENGINES } from './sample.ts';

const PAGE = readFileSync(new URL('../../docs/audit-format.md', import.meta.url), 'utf8');

function documented(heading: string): readonly string[] {
  const section = PAGE.split(/^## /m).find((part) => part.startsWith(heading)) ?? '';
  return section.split('\n').filter((line) => line.startsWith('| `')).flatMap((line) => (line.split('|')[1] ?? '').match(/[a-z_0-9]+/g) ?? []);
}

test('docs/audit-format.md describes every column of a record, in order, and no other', () => {
  assert.deepEqual(documented('`audit_record`'), ['row_id', ...AUDIT_COLUMNS]);
});

for (const engine of ENGINES) {
  test(`the queries of docs/audit-format.md run on ${engine.name}`, { skip: engine.skip }, async (t) => {
    const { open } = await engine.fresh(t);
    const { db } = open();
    await migrate({ db, engine: engine.name === 'SQLite' ? 'sqlite' : 'postgres', close: async () => undefined }, { now: CLOCK.wall });
    const queries = [...PAGE.matchAll(/```sql\n([\s\S]*?)```/g)].flatMap(([, block]) => (block ?? '').split('\n').filter((line) => line !== ''));
    assert.equal(queries.length, 2);
    for (const query of queries) assert.deepEqual((await sql.raw(query).execute(db)).rows, []);
  });
}
