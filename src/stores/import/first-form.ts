// The audit of the first form: the table `audit_record` of a `sentinel.db`, written by gateways of before the journal. Opened for reading only.
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { realpathSync } from 'node:fs';
import { objectOf, toRaw } from '../../core/json/compose.ts';
import type { RawJson } from '../../core/json/scan.ts';
import { eachMember, memberOf } from '../../core/json/slice.ts';
import type { StoreFault } from '../../core/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { cut, storable } from '../../core/text.ts';
import { guarded } from '../fault.ts';
import { isKind, isMember, type Member, MEMBER_NAMES, type RecordValues, typeOf } from '../journal/members.ts';
import { loadMigrations, MIGRATIONS } from '../migrate.ts';
import type { Values } from '../record.ts';
import { openSqlite } from '../sqlite-file.ts';
import { jsonMember } from './json-text.ts';
import { type ImportRow, type ImportSource, rowId, sayableTime } from './source.ts';

type Row = Readonly<Record<string, SQLOutputValue>>;

/** Undefined: a store without an audit of the first form. */
export function openFirstForm(path: string): Promise<Result<ImportSource | undefined, StoreFault>> {
  return guarded(async () => {
    const known = await loadMigrations(MIGRATIONS);
    if (!known.ok) return known;
    const database = openSqlite({ path, readOnly: true });
    try {
      const names = new Set(known.value.map(({ name }) => name));
      const newer = appliedIn(database).find((name) => !names.has(name));
      if (newer !== undefined) {
        database.close();
        return err({ code: 'schema', detail: `it was made by a newer version (it has ${newer}); use that version` });
      }
      const columns = database.prepare('select name from pragma_table_info(?)').all('audit_record').map((row) => String(row['name'])).filter(isMember);
      if (hasTable(database, 'audit_record') && columns.length > 0) return ok(sourceOver(database, realpathSync(path), columns));
      database.close();
      return ok(undefined);
    } catch (thrown) {
      if (database.isOpen) database.close();
      throw thrown;
    }
  });
}

function hasTable(database: DatabaseSync, name: string): boolean {
  return database.prepare("select 1 from sqlite_schema where type = 'table' and name = ?").get(name) !== undefined;
}

function appliedIn(database: DatabaseSync): readonly string[] {
  return hasTable(database, 'sentinel_migration') ? database.prepare('select name from sentinel_migration').all().map((row) => String(row['name'])) : [];
}

function sourceOver(database: DatabaseSync, name: string, columns: readonly Member[]): ImportSource {
  const page = database.prepare(`select row_id, ${columns.map((column) => `"${column}"`).join(', ')} from audit_record where row_id > ? order by row_id limit ?`);
  page.setReadBigInts(true);
  const count = database.prepare('select count(*) as rows from audit_record where row_id > ?');
  return {
    from: 'v1', name,
    after: async (row, limit) => page.all(row, limit).map(rowOf),
    count: async (row) => Number(count.get(row)?.['rows']),
    close: async () => {
      if (database.isOpen) database.close();
    },
  };
}

const PLAIN_ID = /^[0-9A-Za-z_-]{1,64}$/;

/** An honest row is as it was, whoever else wrote to the file. */
function rowOf(from: Row): ImportRow {
  const row = Number(from['row_id']);
  const [id, kind, ts] = [text(from['id']) ?? '', text(from['kind']) ?? '', integer(from['ts']) ?? 0];
  const head = { id: PLAIN_ID.test(id) ? id : rowId('v1', row, id), kind: isKind(kind) ? kind : 'lifecycle', ts: sayableTime(ts) } as const;
  // What could not stay as it was is said beside it.
  const was = { ...(head.id === id ? {} : { id }), ...(head.kind === kind ? {} : { kind }), ...(head.ts === ts ? {} : { ts: String(from['ts']) }) };
  const place = { from: 'v1', node: bounded('node', text(from['node']) ?? ''), epoch: integer(from['epoch']), seq: integer(from['seq']), ...bounds(was) };
  const values: Values = { ...members(from), ...head, mono_ns: integer(from['mono_ns']) ?? 0, detail: merged(text(from['detail']), place) };
  return { row, values };
}

function bounds(texts: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(texts).map(([name, one]) => [name, bounded('fault', one)]));
}

const PLACED: ReadonlySet<string> = new Set(['v', 'node', 'epoch', 'seq', 'prev', 'id', 'ts', 'mono_ns', 'kind', 'detail']);
const ARRAYS: ReadonlySet<string> = new Set(['roles', 'trail']);

function members(from: Row): Partial<RecordValues> {
  const found: Partial<Record<Member, string | number | null>> = {};
  for (const name of MEMBER_NAMES) {
    const value = from[name];
    if (PLACED.has(name) || value === undefined || value === null) continue;
    if (typeOf(name) === 'integer') found[name] = integer(value);
    else if (typeOf(name) === 'json') found[name] = jsonMember(text(value) ?? '', ARRAYS.has(name) ? 'array' : 'object');
    else found[name] = bounded(name, text(value) ?? '');
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each value was made by the type of its member
  return found as Partial<RecordValues>;
}

/** Longer than a gateway ever wrote. Three names of 400 units fit into an entry of an index of PostgreSQL. */
function bounded(name: Member, said: string): string {
  return cut(storable(said), name === 'fault' ? 2048 : 400);
}

function merged(detail: string | null, imported: object): RawJson {
  const place = toRaw(imported);
  if (detail === null) return objectOf([['imported', place]]);
  const old = jsonMember(detail, 'object');
  const entries: (readonly [string, RawJson])[] = [];
  if (memberOf(old, 'imported') !== undefined) return objectOf([['imported', place], ['detail', old]]);
  eachMember(old, (lexeme, value) => {
    const name: unknown = JSON.parse(lexeme);
    entries.push([String(name), value]);
  });
  return objectOf([['imported', place], ...entries]);
}

function text(value: SQLOutputValue | undefined): string | null {
  if (value === undefined || value === null) return null;
  return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : String(value);
}

function integer(value: SQLOutputValue | undefined): number | null {
  if (typeof value !== 'bigint' && typeof value !== 'number') return null;
  const number = Math.trunc(Number(value));
  return Math.min(Math.max(Number.isNaN(number) ? 0 : number, Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER);
}
