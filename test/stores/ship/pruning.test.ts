import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type RawBuilder, sql, type SqlBool } from 'kysely';
import { all, compare, type AuditFilter } from '../../../src/core/audit/filter.ts';
import { Secret } from '../../../src/core/secret.ts';
import { openDatabase } from '../../../src/stores/database.ts';
import { daysOf, daysOfCall, looksOf } from '../../../src/stores/ship/pruning.ts';
import { createAuditReader } from '../../../src/stores/queries.ts';
import { createDatabase, testServer } from '../../support/postgres.ts';
import { ask, DAY, migrated } from './synthetic.ts';

const server = testServer();
const NOW = Date.UTC(2026, 10, 22, 13, 14, 15);
const anyMoment = fc.oneof(
  fc.integer({ min: -400 * DAY, max: 40 * DAY }).map((ms) => NOW + ms), fc.integer({ min: -9, max: 3 }).map((days) => Math.floor(NOW / DAY) * DAY + days * DAY),
  fc.constantFrom(0, -1, 8e15, -8e15, Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER, -62_135_596_800_000, -62_135_596_800_001, 253_402_300_800_000),
);
const anyFilter = fc.tuple(fc.option(anyMoment), fc.option(anyMoment)).map(([from, before]): AuditFilter => all([
  ...(from === null ? [] : [compare('ts', '>=', from)]), ...(before === null ? [] : [compare('ts', '<', before)]),
]));

describe('days that are asked', { skip: 'skip' in server ? server.skip : false }, () => {
  test('property: the looks together are the days of the filter, each day in one look, newest first, and no moment that it can match is left out', async (t) => {
    if ('skip' in server) return;
    const { db, close } = openDatabase({ postgresUrl: new Secret(server.url), maxConnections: 1, sqlitePath: '' }, { readOnly: true, thread: false });
    t.after(close);
    const days = async (condition: RawBuilder<SqlBool>): Promise<readonly number[]> => {
      const { rows } = await sql<{ at: number }>`select extract(epoch from day)::bigint / 86400 as at from (select d::date as day from generate_series(timestamp '2025-09-01', '2027-01-31', '1 day') d
        union all values ('0001-01-01'::date), ('0002-01-01 BC'), ('9999-12-31'), ('10000-01-01'), ('200000-01-01'), ('3000-01-01 BC')) as days where ${condition} order by 1`.execute(db);
      return rows.map(({ at }) => at);
    };
    await fc.assert(fc.asyncProperty(anyFilter, async (filter) => {
      const whole = await days(daysOf(filter));
      const looks = [];
      for (const look of looksOf(filter, NOW)) looks.unshift(await days(look));
      assert.deepEqual(looks.flat(), whole);
      const [from = -Infinity, before = Infinity] = bounds(filter);
      const all = await days(sql<SqlBool>`true`);
      const possible = all.filter((day) => (day - 1) * DAY < before && (day + 2) * DAY > from && from < before);
      assert.deepEqual(possible.filter((day) => !whole.includes(day)), []);
    }), { numRuns: 200 });
  });

  test('a record that stands on the day behind, as the release before left it at midnight, is found by its time', async (t) => {
    if ('skip' in server) return;
    const url = await createDatabase(server.url);
    await migrated(t, url);
    const midnight = Math.floor(Date.now() / DAY) * DAY;
    await ask(url, `insert into audit_record (v, node, epoch, seq, id, ts, mono_ns, kind, subject) values (1, 'n', 1, 1, 'i', $1, 1, 'outcome', 'eve')`, [midnight - 5]);
    const database = openDatabase({ postgresUrl: new Secret(url), maxConnections: 1, sqlitePath: '' }, { readOnly: true, thread: false });
    t.after(() => database.close());
    const found = await createAuditReader(database).query(all([compare('ts', '<', midnight)]), { limit: 10 });
    assert.ok(found.ok && found.value.entries.length === 1);
  });

  test('a call is looked for from the day before its id was made, and one with another kind of id everywhere', async (t) => {
    if ('skip' in server) return;
    const { db, close } = openDatabase({ postgresUrl: new Secret(server.url), maxConnections: 1, sqlitePath: '' }, { readOnly: true, thread: false });
    t.after(close);
    const found = async (id: string): Promise<readonly string[]> => {
      const { rows } = await sql<{ day: string }>`select day::text as day from (values ('2024-02-27'::date), ('2024-02-28'), ('2024-02-29'), ('2030-01-01')) as days(day) where ${daysOfCall(id)} order by 1`.execute(db);
      return rows.map(({ day }) => day);
    };
    const made = Date.UTC(2024, 1, 29, 0, 0, 1).toString(16).padStart(12, '0');
    assert.deepEqual(await found(`${made.slice(0, 8)}-${made.slice(8)}-7abc-8def-0123456789ab`), ['2024-02-28', '2024-02-29', '2030-01-01']);
    for (const id of ['', 'x', '6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'f47ac10b-58cc-4372-a567-0e02b2c3d479']) assert.equal((await found(id)).length, 4, id);
  });
});

function bounds(filter: AuditFilter): readonly [number | undefined, number | undefined] {
  const parts = filter.is === 'all' ? filter.of : [filter];
  const value = (comparison: string): number | undefined => parts.map((part) => (part.is === 'number' && part.comparison === comparison ? part.value : undefined)).find((one) => one !== undefined);
  return [value('>='), value('<')];
}
