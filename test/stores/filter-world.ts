// Records and filters for the tests that hold the SQL of a filter and its predicate together: few values, many of them hostile, so that filters hit.
import fc from 'fast-check';
import { sql, type Kysely } from 'kysely';
import { FIELDS } from '../../src/core/audit/fields.ts';
import { joined, summands, type AuditFilter, type Measure, type NumberMember, type TextMember, type TextPattern } from '../../src/core/audit/filter.ts';
import { predicateOf, type RecordView } from '../../src/core/audit/predicate.ts';
import { conditionOf } from '../../src/stores/filter-sql.ts';
import type { Engine } from '../../src/stores/database.ts';
import type { Schema } from '../../src/stores/schema.ts';

export const TEXT_MEMBERS: readonly TextMember[] = [...new Set([...FIELDS.flatMap(({ type }) => (type.is === 'text' || type.is === 'word' ? [type.member] : [])), 'object_name' as const])];
export const NUMBER_MEMBERS: readonly NumberMember[] = [...new Set(FIELDS.flatMap(({ type }) => {
  if (type.is === 'count' || type.is === 'yes') return [type.member];
  return type.is === 'took' || type.is === 'size' ? summands(type.measure) : [];
})), 'ts'];

const JSON_MEMBERS: readonly string[] = ['roles', 'captured'];

/** Of few members, so that a filter and a record meet. */
const SOME_TEXTS: readonly TextMember[] = ['subject', 'object_name', 'exposed', 'class', 'owner'];
const SOME_NUMBERS: readonly NumberMember[] = ['ts', 'admit_us', 'queue_us', 'screen_us', 'args_bytes', 'result_bytes', 'is_error', 'attempts'];
const SOME_MEASURES: readonly Measure[] = ['took_us', 'bytes', 'ts', 'attempts', 'is_error', 'admit_us'];

/** What means something to GLOB, LIKE, JSON, SQL or a terminal, and characters of one, two, three and four bytes. */
const PIECES = ['a', 'b', 'B', '*', '?', '[', ']', '^', '-', '%', '_', '\\', '"', '\'', '/', ':', ',', '\n', '\u0001', 'é', '語', '😀', 'a]', '[a', '\\u0000'];
const pieces = fc.constantFrom(...PIECES);
const text = fc.array(pieces, { maxLength: 4 }).map((parts) => parts.join(''));
const pattern: fc.Arbitrary<TextPattern> = fc.array(fc.oneof({ arbitrary: pieces, weight: 3 }, { arbitrary: fc.constantFrom({ wild: 'run' } as const, { wild: 'one' } as const), weight: 2 }), { maxLength: 6 }).map(joined);
const number = fc.constantFrom(0, 1, 2, 999, 1000, 2_147_483_648, Number.MAX_SAFE_INTEGER);
const small = fc.constantFrom(0, 1, 2, 999, 1000);

export type Row = RecordView;

export const row: fc.Arbitrary<Row> = fc.record({
  ...Object.fromEntries(SOME_TEXTS.map((member) => [member, text])),
  ...Object.fromEntries(SOME_NUMBERS.map((member) => [member, member === 'ts' ? number : small])),
  roles: fc.array(text, { maxLength: 3 }),
  captured: fc.constantFrom({ day: '2026-11-21', fault: 'no_key', rules: [] }, { day: '2026-11-21', kid: 'k', data: 'x' }),
}, { requiredKeys: [] });

const leaf: fc.Arbitrary<AuditFilter> = fc.oneof(
  fc.record({ is: fc.constant('text' as const), member: fc.constantFrom(...SOME_TEXTS), patterns: fc.array(pattern, { maxLength: 3 }) }),
  fc.record({ is: fc.constant('role' as const), patterns: fc.array(pattern, { maxLength: 2 }) }),
  fc.constant({ is: 'held', member: 'captured' } as const),
  fc.record({ is: fc.constant('number' as const), measure: fc.constantFrom(...SOME_MEASURES), comparison: fc.constantFrom('=' as const, '<' as const, '<=' as const, '>' as const, '>=' as const), value: number }),
);

export const filter: fc.Arbitrary<AuditFilter> = fc.letrec<{ tree: AuditFilter }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    leaf,
    fc.record({ is: fc.constantFrom('all' as const, 'any' as const), of: fc.array(tie('tree'), { maxLength: 3 }) }),
    fc.record({ is: fc.constant('not' as const), of: tie('tree') }),
  ),
})).tree;

/** A table as the stores have it, as far as filters look at it; `from`: columns that are read out of the record's own text, as segments of the journal have them. */
export async function createRecords(db: Kysely<Schema>, from: 'columns' | 'record'): Promise<void> {
  const column = (name: string, type: string): string => `"${name}" ${type}${from === 'record' ? ` generated always as (json_extract(record, '$.${name}')) virtual` : ''}`;
  // `attempts` is of the smallest kind that a database may have for it.
  const columns = [...[...TEXT_MEMBERS, ...JSON_MEMBERS].map((name) => column(name, 'text')), ...NUMBER_MEMBERS.map((name) => column(name, name === 'is_error' || name === 'attempts' ? 'integer' : 'bigint'))];
  await sql.raw(`create table audit_record (row_id integer primary key, record text, ${columns.join(', ')})`).execute(db);
}

export async function fill(db: Kysely<Schema>, from: 'columns' | 'record', rows: readonly Row[]): Promise<void> {
  await sql`delete from audit_record`.execute(db);
  if (rows.length === 0) return;
  const names = from === 'record' ? ['record'] : [...new Set(['roles', ...rows.flatMap((one) => Object.keys(one))])];
  const valueOf = (one: Row, name: string): unknown => (name === 'record' ? JSON.stringify(one) : JSON_MEMBERS.includes(name) && one[name] !== undefined ? JSON.stringify(one[name]) : (one[name] ?? null));
  const lines = rows.map((one, index) => sql`(${sql.join([index, ...names.map((name) => valueOf(one, name))])})`);
  await sql`insert into audit_record (row_id, ${sql.join(names.map((name) => sql.ref(name)))}) values ${sql.join(lines)}`.execute(db);
}

export async function found(db: Kysely<Schema>, engine: Engine, asked: AuditFilter): Promise<readonly number[]> {
  const rows = await db.selectFrom('audit_record').select('row_id').where((e) => conditionOf(e, engine, asked)).orderBy('row_id').execute();
  return rows.map(({ row_id: id }) => id);
}

export function expected(rows: readonly Row[], asked: AuditFilter): readonly number[] {
  const isMeant = predicateOf(asked);
  return rows.flatMap((one, index) => (isMeant(one) ? [index] : []));
}
