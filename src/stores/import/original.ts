// The table `audit_log` of the original gateway, in its PostgreSQL. Read only, and no value of a call leaves this file.
import { sql } from 'kysely';
import { BACKEND_LIMITS } from '../../core/json/raw.ts';
import { toRaw } from '../../core/json/compose.ts';
import { type RawJson, scan } from '../../core/json/scan.ts';
import { kindOf, memberOf } from '../../core/json/slice.ts';
import type { StoreFault } from '../../core/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { Secret } from '../../core/secret.ts';
import { type Database, openDatabase } from '../database.ts';
import { guarded } from '../fault.ts';
import type { RecordValues } from '../journal/members.ts';
import type { Node } from '../node.ts';
import type { Values } from '../record.ts';
import { segmentOf } from '../../core/json/segment.ts';
import { identity, name, note, rolesText, shapeText } from '../record-text.ts';
import { strictUrl } from '../ship/url.ts';
import { type ImportRow, type ImportSource, rowId, sayableTime } from './source.ts';

interface LogRow {
  readonly id: number;
  readonly request_id: string | null;
  readonly ts: number | null;
  readonly client_subject: string | null;
  readonly client_role: string | null;
  readonly tool_name: string | null;
  readonly backend_name: string | null;
  /** Null too where they are long. */
  readonly args: string | null;
  readonly has_args: boolean;
  readonly response_status: string | null;
  readonly error_message: string | null;
  readonly latency_ms: number | string | null;
}

/** Longer arguments are fetched one row at a time: the original kept them without a limit. */
const TOGETHER_BYTES = 65_536;
/** Of any text: a record holds much less. */
const TEXT_UNITS = 16_384;

export function openOriginal(url: string, node: Node): Promise<Result<ImportSource, StoreFault>> {
  return guarded(async () => {
    const database = openDatabase({ postgresUrl: new Secret(strictUrl(url)), maxConnections: 1, sqlitePath: '' }, { readOnly: true, thread: false });
    try {
      const table = await tableIn(database);
      if (table.ok) return ok(sourceOver(database, { table: table.value, place: placeIn(url), node }));
      await database.close();
      return table;
    } catch (thrown) {
      await database.close();
      throw thrown;
    }
  });
}

/** Neither user nor password. */
export function placeIn(url: string): string {
  try {
    const { host, pathname } = new URL(url);
    return `${host}${pathname}`;
  } catch {
    return 'PostgreSQL';
  }
}

const COLUMNS = ['id', 'request_id', 'timestamp', 'client_subject', 'client_role', 'tool_name', 'backend_name', 'request_args', 'response_status', 'error_message', 'latency_ms'];

const NUMBERED = /^(?:smallint|integer|bigint)$/;

/** Under its name, or under the one that it has when its database is this gateway's too, whose view has the old one. */
const NAMES = ['audit_log', 'audit_log_original'] as const;
type TableName = (typeof NAMES)[number];

async function tableIn({ db }: Database): Promise<Result<TableName, StoreFault>> {
  let flaw: StoreFault = { code: 'unavailable', detail: 'there is no table audit_log' };
  for (const name of NAMES) {
    const { rows: [table] } = await sql<{ kind: string | null }>`select (select relkind::text from pg_class where oid = to_regclass(${name})) as kind`.execute(db);
    if (table?.kind === 'v') flaw = { code: 'unavailable', detail: 'audit_log there is a view: the audit of this version, and not of the original' };
    if (table?.kind !== 'r' && table?.kind !== 'p') continue;
    const { rows } = await sql<{ name: string; type: string }>`select attname::text as name, format_type(atttypid, null) as type from pg_attribute where attrelid = to_regclass(${name}) and attnum > 0 and not attisdropped`.execute(db);
    const id = rows.find((row) => row.name === 'id')?.type ?? 'bigint';
    const missing = COLUMNS.find((column) => !rows.some((row) => row.name === column));
    if (missing !== undefined) return err({ code: 'unavailable', detail: `the table ${name} there has no column ${missing}: it is not that of the original` });
    if (!NUMBERED.test(id)) return err({ code: 'unavailable', detail: `the column id of the table ${name} there is ${id}: that of the original is bigint` });
    if (await isUnique(db, name)) return ok(name);
    return err({ code: 'unavailable', detail: `the column id of the table ${name} there is not unique: rows are told apart by it. Mend it there first: create unique index on ${name} (id)` });
  }
  return err(flaw);
}

/** By its definition, not by a look at the rows: the next one might be there twice. */
async function isUnique(db: Database['db'], name: TableName): Promise<boolean> {
  const { rows } = await sql`select from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attname = 'id' and not a.attisdropped
    where i.indrelid = to_regclass(${name}) and i.indisunique and i.indisvalid and i.indpred is null and i.indnkeyatts = 1 and i.indkey[0] = a.attnum`.execute(db);
  return rows.length > 0;
}

interface Reading {
  readonly table: TableName;
  readonly place: string;
  readonly node: Node;
}

function sourceOver({ db, close }: Database, { table, place, node }: Reading): ImportSource {
  const from = sql.table(table);
  const long = async (id: number): Promise<string | null> => {
    const { rows: [row] } = await sql<{ args: string | null }>`select request_args::text as args from ${from} where id = ${id}`.execute(db);
    return row?.args ?? null;
  };
  return {
    from: 'audit_log', name: place, close,
    after: async (row, limit) => {
      const { rows } = await sql<LogRow>`select id, left(request_id::text, ${TEXT_UNITS}) as request_id, extract(epoch from "timestamp")::float8 * 1000 as ts, left(client_subject::text, ${TEXT_UNITS}) as client_subject,
          left(client_role::text, ${TEXT_UNITS}) as client_role, left(tool_name::text, ${TEXT_UNITS}) as tool_name, left(backend_name::text, ${TEXT_UNITS}) as backend_name, request_args is not null as has_args,
          case when octet_length(request_args::text) <= ${TOGETHER_BYTES} then request_args::text end as args,
          left(response_status::text, ${TEXT_UNITS}) as response_status, left(error_message::text, ${TEXT_UNITS}) as error_message, latency_ms
        from ${from} where id > ${row} order by id limit ${limit}`.execute(db);
      const found: ImportRow[] = [];
      for (const one of rows) {
        const args = one.has_args && one.args === null ? await long(one.id) : one.args;
        found.push({ row: one.id, values: valuesOf(one, args, node) });
      }
      return found;
    },
    count: async (row) => {
      const counted = await guarded(async () => ok((await sql<{ rows: number }>`select count(*) as rows from ${from} where id > ${row}`.execute(db)).rows[0]?.rows));
      return counted.ok ? counted.value : undefined;
    },
  };
}

/** What the seven statuses say in words of this version. */
const ENDS: ReadonlyMap<string, { readonly code: string; readonly decision: 'allow' | 'deny' }> = new Map([
  ['success', { code: 'ok', decision: 'allow' }], ['error', { code: 'backend_error', decision: 'allow' }], ['killed', { code: 'killed', decision: 'deny' }],
  ['rate_limited', { code: 'limited', decision: 'deny' }], ['denied', { code: 'forbidden', decision: 'deny' }],
  ['invalid_args', { code: 'invalid_arguments', decision: 'deny' }], ['circuit_open', { code: 'circuit_open', decision: 'deny' }],
]);

function valuesOf(row: LogRow, args: string | null, node: Node): Values {
  const [backend, tool, status] = [row.backend_name ?? '', row.tool_name ?? '', row.response_status ?? ''];
  const end = ENDS.get(status);
  return {
    id: rowId('audit_log', row.id, row.request_id ?? ''), ts: sayableTime(row.ts ?? 0), mono_ns: 0, kind: 'outcome', call_id: row.request_id === null ? null : name(row.request_id),
    subject: row.client_subject === null ? null : identity(node, row.client_subject), roles: row.client_role ? rolesText([row.client_role]) : null,
    method: 'tools/call', backend: backend === '' || backend === 'unknown' ? null : name(backend), object_type: 'tool', object_name: identity(node, bareName(tool, backend)), exposed: name(tool),
    decision: end?.decision ?? null, reason: end?.decision === 'deny' ? end.code : null, ...argumentsOf(args, node), status: name(status), code: end?.code ?? null,
    dispatch_us: micros(row.latency_ms), fault: row.error_message === null ? null : note(row.error_message), detail: toRaw({ imported: { from: 'audit_log', row: row.id } }),
  };
}

function bareName(tool: string, backend: string): string {
  const prefix = `${backend}__`;
  return backend !== '' && tool.startsWith(prefix) && tool.length > prefix.length ? tool.slice(prefix.length) : tool;
}

/** The original kept all parameters of the request; the arguments are one of them. */
function argumentsOf(text: string | null, node: Node): Partial<RecordValues> {
  if (text === null) return {};
  const scanned = scan(text, BACKEND_LIMITS);
  if (!scanned.ok) return { args_hmac: node.hmac(text), args_bytes: Buffer.byteLength(text) };
  const said = saidIn(scanned.value);
  return said === undefined ? {} : { args_hmac: node.hmac(said), args_bytes: Buffer.byteLength(said), args_shape: shapeText(said, segmentOf(() => false, node.hmac)) };
}

function saidIn(params: RawJson): RawJson | undefined {
  if (kindOf(params) !== 'object') return kindOf(params) === 'null' ? undefined : params;
  return memberOf(params, 'arguments') ?? (memberOf(params, 'name') === undefined ? params : undefined);
}

function micros(ms: number | string | null): number | null {
  // Other types than the original's have more: 'NaN'.
  return ms === null || Number.isNaN(Number(ms)) ? null : Math.min(Math.max(0, Math.round(Number(ms) * 1000)), Number.MAX_SAFE_INTEGER);
}
