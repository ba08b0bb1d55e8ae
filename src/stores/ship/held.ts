// What PostgreSQL holds of which nodes and runs, before a single record is read: so that the records can be asked for in their order, whatever days
// they stand on. Each question names the days of one partition: one about all of them would lock them all, and look into each.
import { type Kysely, type RawBuilder, type SqlBool, sql } from 'kysely';
import type { Schema } from '../schema.ts';

export type Db = Kysely<Schema>;

/** Days since 1970, of one partition or of what lies between two. */
export interface Piece {
  /** `audit_record`, or the table of a day that was detached. */
  readonly table: string;
  readonly from: number | undefined;
  /** Not included. */
  readonly to: number | undefined;
}

/** Where records of one epoch stand on one day. */
export interface Stretch extends Piece {
  readonly node: string;
  readonly epoch: number;
  readonly day: number;
  /** The least and the greatest seq there. */
  readonly low: number;
  readonly high: number;
}

export interface Begun {
  readonly node: string;
  readonly epoch: number;
  readonly ts: number;
  /** Its first record has had the time to come behind it. */
  readonly settled: boolean;
}

export interface SetAside {
  readonly node: string;
  /** Row of the journal: its place in `audit_refused`. */
  readonly place: number;
  readonly head: Buffer;
}

/** Each takes some 200 bytes. */
export const MOST_STRETCHES = 200_000;
/** Of a record, what says where it stands. */
const HEAD = 200;
const PAGE = 5000;

/** Thrown: there is more of something than memory is given for. */
export class TooMany extends Error {}

export const RECORDS = 'audit_record';
const FIRST_DAY = sql`date '1970-01-01'`;
/** In what PostgreSQL says of a partition. */
const LOW = sql.raw(String.raw`$re$FROM \('([^']+)'\)$re$`);
const HIGH = sql.raw(String.raw`$re$TO \('([^']+)'\)$re$`);

export const ofDay = (day: number): RawBuilder<unknown> => sql`${FIRST_DAY} + ${day}::int`;

/** What lets the planner leave out the other partitions. */
export function within({ from, to }: Piece): RawBuilder<SqlBool> {
  const lower = from === undefined ? sql`true` : sql`day >= ${ofDay(from)}`;
  return sql<SqlBool>`${lower} and ${to === undefined ? sql`true` : sql`day < ${ofDay(to)}`}`;
}

/** All days there can be, cut where partitions begin and end: between them lies what the default partition has. */
export async function piecesOf(db: Db, detached: boolean): Promise<readonly Piece[]> {
  const bounds = await sql<{ low: number | null; high: number | null }>`select
      substring(bound from ${LOW})::date - ${FIRST_DAY} as low, substring(bound from ${HIGH})::date - ${FIRST_DAY} as high
    from pg_inherits i join pg_class c on c.oid = i.inhrelid, lateral pg_get_expr(c.relpartbound, c.oid) as bound
    where i.inhparent = ${RECORDS}::regclass and bound <> 'DEFAULT'`.execute(db);
  const pieces: Piece[] = [];
  let reached: number | undefined;
  for (const { low, high } of bounds.rows.toSorted((one, other) => (one.low ?? -Infinity) - (other.low ?? -Infinity))) {
    if (low !== null && (reached === undefined || reached < low)) pieces.push({ table: RECORDS, from: reached, to: low });
    pieces.push({ table: RECORDS, from: low ?? undefined, to: high ?? undefined });
    reached = high ?? Infinity;
  }
  if (reached !== Infinity) pieces.push({ table: RECORDS, from: reached, to: undefined });
  return detached ? [...(await detachedTables(db)).map((table) => ({ table, from: undefined, to: undefined })), ...pieces] : pieces;
}

/** Those that this role may read: archived ones are dropped some time, and the auditor has no right to any. */
async function detachedTables(db: Db): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`select c.relname as name from pg_class c join pg_class p on p.oid = ${RECORDS}::regclass and p.relnamespace = c.relnamespace
    where c.relkind = 'r' and not c.relispartition and c.relname ~ '^audit_record_([0-9]{8}|first)$' and has_table_privilege(c.oid, 'select') order by 1`.execute(db);
  return rows.map(({ name }) => name);
}

interface Found {
  readonly day: number;
  readonly node: string;
  readonly epoch: string;
  readonly low: string;
  readonly high: string;
}

/** From one run to the next in the primary key, without reading what lies between. */
export async function stretchesIn(db: Db, piece: Piece): Promise<readonly Stretch[]> {
  const [table, days] = [sql.id(piece.table), within(piece)];
  // By the key, in its order: min and max together would read all that lies between.
  const end = (way: RawBuilder<unknown>): RawBuilder<unknown> => sql`select t.seq from ${table} t where ${days} and t.day = run.day and t.node = run.node and t.epoch = run.epoch
    order by t.day ${way}, t.node ${way}, t.epoch ${way}, t.seq ${way} limit 1`;
  const { rows } = await sql<Found>`with recursive run(day, node, epoch) as (
      (select day, node, epoch from ${table} where ${days} order by day, node, epoch limit 1)
      union all
      select next.day, next.node, next.epoch from run cross join lateral (
        select t.day, t.node, t.epoch from ${table} t where ${days} and (t.day, t.node, t.epoch) > (run.day, run.node, run.epoch) order by t.day, t.node, t.epoch limit 1) next)
    select run.day - ${FIRST_DAY} as day, run.node, run.epoch::text as epoch, low.seq::text as low, high.seq::text as high
    from run cross join lateral (${end(sql`asc`)}) low cross join lateral (${end(sql`desc`)}) high
    limit ${MOST_STRETCHES + 1}`.execute(db);
  if (rows.length > MOST_STRETCHES) throw new TooMany(`there are more than ${MOST_STRETCHES} runs on one day`);
  return rows.map(({ day, node, epoch, low, high }) => ({ ...piece, day, node, epoch: Number(epoch), low: Number(low), high: Number(high) }));
}

/** The largest size of each epoch that a checkpoint is there for. */
export async function signedSizes(db: Db, nodes: readonly string[]): Promise<readonly { readonly node: string; readonly epoch: number; readonly size: number }[]> {
  const { rows } = await sql<{ node: string; epoch: number; size: number }>`with recursive run(node, epoch) as (
      (select node, epoch from checkpoint where node = any(${nodes}) order by node, epoch limit 1)
      union all
      select next.node, next.epoch from run cross join lateral (
        select c.node, c.epoch from checkpoint c where c.node = any(${nodes}) and (c.node, c.epoch) > (run.node, run.epoch) order by c.node, c.epoch limit 1) next)
    select run.node, run.epoch, (select max(c.size) from checkpoint c where c.node = run.node and c.epoch = run.epoch) as size from run limit ${MOST_STRETCHES + 1}`.execute(db);
  if (rows.length > MOST_STRETCHES) throw new TooMany(`there are checkpoints of more than ${MOST_STRETCHES} epochs`);
  return rows;
}

export interface SignedRow {
  readonly size: number;
  readonly note: string;
}

/** Checkpoints of an epoch behind a size, in order. */
export async function checkpointsBehind(db: Db, node: string, epoch: number, [size, to]: readonly [number, number], limit: number): Promise<readonly SignedRow[]> {
  const { rows } = await sql<SignedRow>`select size, note from checkpoint where node = ${node} and epoch = ${epoch} and size > ${size} and size <= ${to} order by size limit ${limit}`.execute(db);
  return rows;
}

/** A start is put down just before its record, in another commit. */
export async function begunEpochs(db: Db, nodes: readonly string[]): Promise<readonly Begun[]> {
  const { rows } = await sql<Begun>`select node, epoch, ts, ts < extract(epoch from now()) * 1000 - 600000 as settled from audit_start
    where node = any(${nodes}) order by node, epoch limit ${MOST_STRETCHES + 1}`.execute(db);
  if (rows.length > MOST_STRETCHES) throw new TooMany(`audit_start has more than ${MOST_STRETCHES} epochs`);
  return rows;
}

export async function setAside(db: Db, nodes: readonly string[]): Promise<readonly SetAside[]> {
  const found: SetAside[] = [];
  for (const node of nodes) {
    for (let last: number | undefined; ; ) {
      const behind = last === undefined ? sql`true` : sql`place > ${last}`;
      const { rows } = await sql<SetAside>`select node, place, substring(record from 1 for ${HEAD}) as head from audit_refused where node = ${node} and ${behind} order by place limit ${PAGE}`.execute(db);
      found.push(...rows);
      if (found.length > MOST_STRETCHES) throw new TooMany(`audit_refused has more than ${MOST_STRETCHES} records`);
      last = rows.at(-1)?.place;
      if (rows.length < PAGE) break;
    }
  }
  return found;
}

export async function bytesSetAside(db: Db, node: string, place: number): Promise<Buffer | undefined> {
  const { rows } = await sql<{ record: Buffer }>`select record from audit_refused where node = ${node} and place = ${place}`.execute(db);
  return rows[0]?.record;
}

/** The day before which days were detached: days since 1970, and as people write it. */
export async function retiredBefore(db: Db): Promise<{ readonly day: number; readonly text: string } | undefined> {
  const { rows: [row] } = await sql<{ day: number | null; text: string | null }>`select detached_before - ${FIRST_DAY} as day, to_char(detached_before, 'YYYY-MM-DD') as text from audit_policy`.execute(db);
  return row?.day === undefined || row.day === null ? undefined : { day: row.day, text: row.text ?? '' };
}
