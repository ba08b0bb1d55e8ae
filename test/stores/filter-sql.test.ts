// A filter finds the same records whether a database looks or the predicate does, and whatever stands in records and patterns.
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import fc from 'fast-check';
import type { Kysely } from 'kysely';
import { EVERYTHING, all, any, compare, globText, like, not, oneOf, plainText, type AuditFilter } from '../../src/core/audit/filter.ts';
import type { Engine } from '../../src/stores/database.ts';
import { openDatabase } from '../../src/stores/database.ts';
import { Secret } from '../../src/core/secret.ts';
import type { Schema } from '../../src/stores/schema.ts';
import { createDatabase, testServer } from '../support/postgres.ts';
import { createRecords, expected, fill, filter, found, row, type Row } from './filter-world.ts';

const server = testServer();

interface Store {
  readonly name: string;
  readonly engine: Engine;
  readonly from: 'columns' | 'record';
  readonly skip: string | false;
}

const STORES: readonly Store[] = [
  { name: 'SQLite', engine: 'sqlite', from: 'columns', skip: false },
  { name: 'SQLite, columns read out of the record', engine: 'sqlite', from: 'record', skip: false },
  { name: 'PostgreSQL', engine: 'postgres', from: 'columns', skip: 'skip' in server ? server.skip : false },
];

async function open(t: TestContext, { engine, from }: Store): Promise<Kysely<Schema>> {
  const postgresUrl = engine === 'postgres' && 'url' in server ? new Secret(await createDatabase(server.url)) : undefined;
  const database = openDatabase({ postgresUrl, maxConnections: 1, sqlitePath: ':memory:' }, { readOnly: false, thread: false });
  t.after(() => database.close());
  await createRecords(database.db, from);
  return database.db;
}

const subjects = (...texts: readonly string[]): readonly Row[] => texts.map((subject) => ({ subject }));

for (const store of STORES) {
  describe(`filters on ${store.name}`, { skip: store.skip }, () => {
    const ask = async (db: Kysely<Schema>, rows: readonly Row[], asked: AuditFilter): Promise<readonly number[]> => {
      await fill(db, store.from, rows);
      const ids = await found(db, store.engine, asked);
      assert.deepEqual(ids, expected(rows, asked), JSON.stringify(asked));
      return ids;
    };

    test('find what the predicate finds, for any records and filters', async (t) => {
      const db = await open(t, store);
      await fc.assert(fc.asyncProperty(fc.array(row, { maxLength: 12 }), fc.array(filter, { minLength: 1, maxLength: 8 }), async (rows, filters) => {
        await fill(db, store.from, rows);
        for (const asked of filters) assert.deepEqual(await found(db, store.engine, asked), expected(rows, asked), JSON.stringify(asked));
      }), { numRuns: 300 });
    });

    test('are as true of records without the member as a `not` says', async (t) => {
      const db = await open(t, store);
      const rows: readonly Row[] = [{ subject: 'alice', ts: 5 }, { subject: 'bob' }, {}];
      const alice = oneOf('subject', ['alice']);
      assert.deepEqual(await ask(db, rows, alice), [0]);
      assert.deepEqual(await ask(db, rows, not(alice)), [1, 2]);
      assert.deepEqual(await ask(db, rows, not(not(alice))), [0]);
      assert.deepEqual(await ask(db, rows, not(all([alice, compare('ts', '<', 9)]))), [1, 2]);
      assert.deepEqual(await ask(db, rows, { is: 'not', of: { is: 'not', of: any([not(alice), not(compare('ts', '>', 5))]) } }), [0, 1, 2]);
      assert.deepEqual(await ask(db, rows, not(compare('ts', '<', 9))), [1, 2]);
      assert.deepEqual(await ask(db, rows, like('subject', globText('*'))), [0, 1]);
      assert.deepEqual(await ask(db, rows, EVERYTHING), [0, 1, 2]);
      assert.deepEqual(await ask(db, rows, any([])), []);
      assert.deepEqual(await ask(db, rows, not(oneOf('subject', []))), [0, 1, 2]);
    });

    test('take every character of the databases\u2019 own patterns for itself', async (t) => {
      const db = await open(t, store);
      for (const sign of ['%', '_', '\\', '[', ']', '^', '[a]', '[!a]', '[^a]', '\\%', '\\\\', '\'', '"', '""', '--', '$1', '?', '*']) {
        const rows = subjects(`x${sign}y`, 'xay', 'x', 'xy', 'x!y', `x${sign}${sign}y`, sign);
        assert.deepEqual((await ask(db, rows, like('subject', [`x${sign}`, { wild: 'run' }]))).includes(0), true, sign);
        assert.deepEqual((await ask(db, rows, like('subject', [{ wild: 'run' }, `${sign}y`]))).includes(1), false, sign);
        await ask(db, rows, like('subject', [{ wild: 'one' }, sign, { wild: 'one' }]));
        await ask(db, rows, like('subject', [{ wild: 'run' }, sign]));
      }
    });

    test('tell upper from lower case, and count characters rather than bytes or units', async (t) => {
      const db = await open(t, store);
      const rows = subjects('Alice', 'alice', 'é', 'e\u0301', '😀', '😀😀', '');
      assert.deepEqual(await ask(db, rows, like('subject', globText('a*'))), [1]);
      assert.deepEqual(await ask(db, rows, oneOf('subject', ['Alice', 'ALICE'])), [0]);
      assert.deepEqual(await ask(db, rows, like('subject', globText('?'))), [2, 4]);
      assert.deepEqual(await ask(db, rows, like('subject', globText('😀?'))), [5]);
      assert.deepEqual(await ask(db, rows, oneOf('subject', [''])), [6]);
      assert.deepEqual(await ask(db, rows, like('subject', globText(''))), [6]);
    });

    test('find NUL and half characters as they are on record', async (t) => {
      const db = await open(t, store);
      const rows = subjects('a\\u0000b', 'a\\ud800', 'a');
      assert.deepEqual(await ask(db, rows, { is: 'text', member: 'subject', patterns: [plainText('a\u0000b')] }), [0]);
      assert.deepEqual(await ask(db, rows, like('subject', globText('a\ud800*'))), [1]);
    });

    test('know a role from a part of one, whatever quotes it holds', async (t) => {
      const db = await open(t, store);
      const rows: readonly Row[] = [{ roles: ['x"a', 'b'] }, { roles: ['a'] }, { roles: [] }, {}, { roles: ['"a"'] }, { roles: ['a\\'] }, { roles: ['ä', '語'] }];
      const role = (text: string): AuditFilter => ({ is: 'role', patterns: [plainText(text)] });
      assert.deepEqual(await ask(db, rows, role('a')), [1]);
      assert.deepEqual(await ask(db, rows, role('x"a')), [0]);
      assert.deepEqual(await ask(db, rows, role('"a"')), [4]);
      assert.deepEqual(await ask(db, rows, role('a\\')), [5]);
      assert.deepEqual(await ask(db, rows, not(role('a'))), [0, 2, 3, 4, 5, 6]);
      assert.deepEqual(await ask(db, rows, { is: 'role', patterns: [globText('?')] }), [0, 1, 6]);
    });

    test('find what holds something captured, and what does not', async (t) => {
      const db = await open(t, store);
      const rows: readonly Row[] = [{ captured: { day: '2026-11-21', fault: 'no_key', rules: [] } }, {}, { subject: 'alice' }, { captured: { day: '2026-11-21' }, subject: 'alice' }];
      const captured: AuditFilter = { is: 'held', member: 'captured' };
      assert.deepEqual(await ask(db, rows, captured), [0, 3]);
      assert.deepEqual(await ask(db, rows, not(captured)), [1, 2]);
      assert.deepEqual(await ask(db, rows, not(all([captured, oneOf('subject', ['alice'])]))), [0, 1, 2]);
    });

    test('sum what is there of times and sizes, and of nothing know no sum', async (t) => {
      const db = await open(t, store);
      const rows: readonly Row[] = [{ admit_us: 400, dispatch_us: 100 }, { admit_us: 0 }, {}, { queue_us: 500 }];
      assert.deepEqual(await ask(db, rows, compare('took_us', '>=', 500)), [0, 3]);
      assert.deepEqual(await ask(db, rows, compare('took_us', '<', 500)), [1]);
      assert.deepEqual(await ask(db, rows, not(compare('took_us', '>=', 500))), [1, 2]);
      assert.deepEqual(await ask(db, [{ attempts: 3 }], compare('attempts', '<', Number.MAX_SAFE_INTEGER)), [0]);
    });

    test('come to an end with patterns made to be slow', async (t) => {
      const db = await open(t, store);
      const rows = subjects(`${'a'.repeat(4000)}b`, 'a'.repeat(4000));
      assert.deepEqual(await ask(db, rows, like('subject', globText(`${'*a'.repeat(200)}*c`))), []);
      assert.deepEqual(await ask(db, rows, like('subject', globText(`${'*a?'.repeat(100)}*b`))), [0]);
    });

    test('hold what would break out of SQL as plain text', async (t) => {
      const db = await open(t, store);
      const rows = subjects('alice', '\' or 1=1 --', '\'; drop table audit_record; --');
      for (const [index, { subject }] of rows.entries()) assert.deepEqual(await ask(db, rows, oneOf('subject', [String(subject)])), [index]);
    });
  });
}
