// Puts records into audit_record, each exactly once however often it is sent. A batch is one statement, and so all or nothing.
import type { StoreFault } from '../../core/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { cut, storable } from '../../core/text.ts';
import { codeIn, messageIn } from '../../core/thrown.ts';
import { MEMBER_NAMES } from '../journal/members.ts';
import type { StoredCheckpoint, StoredRecord } from '../journal/source.ts';
import type { Connection } from './connection.ts';
import { type Place, placeIn } from './rebuild.ts';

export interface Placed extends StoredRecord {
  readonly place: Place;
}

export interface Sorted {
  readonly good: readonly Placed[];
  /** Would not come back from the table as they are. */
  readonly bad: readonly (StoredRecord & { readonly why: string })[];
}

export function sortOut(records: readonly StoredRecord[]): Sorted {
  const good: Placed[] = [];
  const bad: (StoredRecord & { readonly why: string })[] = [];
  for (const stored of records) {
    const place = placeIn(stored.record);
    // One kind at a time: what is committed is then a beginning of the journal at any moment, and a server that lost an end shows where to go on.
    if (place.ok ? bad.length > 0 : good.length > 0) break;
    if (place.ok) good.push({ ...stored, place: place.value });
    else bad.push({ ...stored, why: place.error });
  }
  return { good, bad };
}

export interface Sent {
  readonly inserted: number;
  /** Were there already. */
  readonly resent: number;
  /** Went to audit_refused. */
  readonly refused: number;
  /** Of these, because another record stands in their place. */
  readonly conflicts: number;
}

/** The day of a record, in UTC, from the milliseconds of its time. */
export const dayOf = (ms: string): string => `(to_timestamp(${ms} / 1000.0) at time zone 'UTC')::date`;

const COLUMNS = MEMBER_NAMES.join(', ');
const RECORDS = 'json_populate_recordset(null::audit_record, $1::json)';
// json, not jsonb: it gives a nested value as it was written, byte by byte.
const INSERT = `insert into audit_record (${COLUMNS}, day) select ${COLUMNS}, ${dayOf('ts')} from ${RECORDS} on conflict do nothing`;
const START = `insert into audit_start (node, epoch, id, ts) select node, epoch, id, ts from ${RECORDS} where seq = 1 and v > 1 on conflict do nothing`;
const OTHER_START = `select s.epoch, s.seq from ${RECORDS} s join audit_start a on a.node = s.node and a.epoch = s.epoch where s.seq = 1 and s.v > 1 and a.id <> s.id limit 1`;
// The limit inside keeps the planner at one look by the key for each record.
const OTHER_RECORD = `select s.epoch, s.seq from ${RECORDS} s left join lateral (
  select id, prev from audit_record a where a.day = ${dayOf('s.ts')} and a.node = s.node and a.epoch = s.epoch and a.seq = s.seq and a.v = s.v limit 1
) a on true where a.id is distinct from s.id or a.prev is distinct from s.prev order by s.epoch, s.seq`;
const CHECKPOINT = `insert into checkpoint (node, epoch, size, note) select $1, c.epoch, c.size, c.note
  from json_to_recordset($2::json) as c(epoch bigint, size bigint, note text) on conflict do nothing`;
const OTHER_CHECKPOINT = `select c.epoch, c.size from json_to_recordset($2::json) as c(epoch bigint, size bigint, note text)
  join checkpoint k on k.node = $1 and k.epoch = c.epoch and k.size = c.size where k.note <> c.note`;
const REFUSE = 'insert into audit_refused (node, place, record, state, detail) values ($1, $2, $3, $4, $5) on conflict do nothing';

const DETAIL_UNITS = 1024;

/**
 * Throws what the driver throws; an error that it returns is another run of this node's epoch, so that two directories would mix. A single record of
 * another in the place of one of ours stops nothing: whoever may add records could stop any node by it. Ours is kept beside, and that is told.
 */
export async function sendRecords(connection: Connection, node: string, { good, bad }: Sorted): Promise<Result<Sent, StoreFault>> {
  let refused = 0;
  for (const one of bad) refused += await refuse(connection, node, one, 'SHAPE', one.why);
  const started = await claimStarts(connection, good);
  if (!started.ok) return started;
  let [inserted, conflicts] = [0, 0];
  const waiting = [good];
  for (let some = waiting.pop(); some !== undefined; some = waiting.pop()) {
    if (some.length === 0) continue;
    const done = await insertSome(connection, some);
    if (done.ok) {
      inserted += done.value.inserted;
      for (const one of done.value.others) refused += await refuse(connection, node, one, CONFLICT, `another record stands at epoch ${one.place.epoch}, seq ${one.place.seq}`);
      conflicts += done.value.others.length;
    } else if (some.length > 1) {
      const half = some.length >> 1;
      waiting.push(some.slice(half), some.slice(0, half));
    } else {
      for (const one of some) refused += await refuse(connection, node, one, done.error.state, done.error.detail);
    }
  }
  return ok({ inserted, resent: good.length + bad.length - inserted - refused, refused, conflicts });
}

/** Beside the SQLSTATEs of audit_refused. */
const CONFLICT = 'CONFLICT';

interface Unsent {
  readonly state: string;
  readonly detail: string;
}

interface Inserted {
  readonly inserted: number;
  /** In whose places stand others. */
  readonly others: readonly Placed[];
}

async function insertSome(connection: Connection, records: readonly Placed[]): Promise<Result<Inserted, Unsent>> {
  const values = [arrayText(records)];
  let count: number;
  try {
    ({ count } = await connection.ask(INSERT, values));
  } catch (thrown) {
    if (!isOfRow(thrown)) throw thrown;
    return err({ state: codeIn(thrown) ?? '', detail: messageIn(thrown) });
  }
  if (count === records.length) return ok({ inserted: count, others: [] });
  const { rows } = await connection.ask(OTHER_RECORD, values);
  const places = new Set(rows.map(({ epoch, seq }) => `${String(epoch)}/${String(seq)}`));
  return ok({ inserted: count, others: records.filter(({ place }) => places.has(`${place.epoch}/${place.seq}`)) });
}

async function claimStarts(connection: Connection, records: readonly Placed[]): Promise<Result<void, StoreFault>> {
  const first = records.filter(({ place }) => place.seq === 1 && place.v > 1);
  if (first.length === 0) return ok(undefined);
  const values = [arrayText(first)];
  try {
    const { count } = await connection.ask(START, values);
    if (count === first.length) return ok(undefined);
  } catch (thrown) {
    // The insert of the record says which one it is.
    if (isOfRow(thrown)) return ok(undefined);
    throw thrown;
  }
  const { rows: [other] } = await connection.ask(OTHER_START, values);
  return other === undefined ? ok(undefined) : err(twoPlaces(first[0], other));
}

function arrayText(records: readonly Placed[]): string {
  return `[${records.map(({ record }) => record).join(',')}]`;
}

function twoPlaces(one: Placed | undefined, { epoch, seq }: Readonly<Record<string, unknown>>): StoreFault {
  return {
    code: 'corrupt',
    detail: `the node id ${one?.place.node ?? ''} writes from two places: another record stands at epoch ${String(epoch)}, seq ${String(seq)}. Nothing more is shipped from here; give the copied state directory a node id of its own`,
  };
}

const CHECK_VIOLATION = '23514';

/** SQLSTATE classes of what the data, a constraint or the limits of one row refuse: to send it again will not help. */
export function isOfRow(thrown: unknown): boolean {
  const state = codeIn(thrown) ?? '';
  if (!/^(?:22|23|54)[0-9A-Z]{3}$/.test(state)) return false;
  // "no partition of relation found" comes under the name of a check, without one: the table is to blame, and every row would fail.
  return state !== CHECK_VIOLATION || (thrown instanceof Error && 'constraint' in thrown && typeof thrown.constraint === 'string');
}

/** Bytes are taken as they are, so that this cannot be refused for the same reason. */
async function refuse(connection: Connection, node: string, { rowId, record }: StoredRecord, state: string, detail: string): Promise<number> {
  await connection.ask(REFUSE, [node, rowId, Buffer.from(record, 'utf8'), state, cut(storable(detail), DETAIL_UNITS)]);
  return 1;
}

/** In whose places how many others stand: as little a reason to stop as another record, and as much to look. */
export async function sendCheckpoints(connection: Connection, node: string, checkpoints: readonly StoredCheckpoint[]): Promise<number> {
  const values = [node, JSON.stringify(checkpoints.map(({ epoch, size, note }) => ({ epoch, size, note })))];
  const { count } = await connection.ask(CHECKPOINT, values);
  return count === checkpoints.length ? 0 : (await connection.ask(OTHER_CHECKPOINT, values)).rows.length;
}

/** Whether each of these is there. */
export async function hasCheckpoints(connection: Connection, node: string, sizes: ReadonlyMap<number, number>): Promise<boolean> {
  if (sizes.size === 0) return true;
  const wanted = JSON.stringify([...sizes].map(([epoch, size]) => ({ epoch, size })));
  const { rows } = await connection.ask(`select 1 from json_to_recordset($2::json) as c(epoch bigint, size bigint)
    where not exists (select from checkpoint k where k.node = $1 and k.epoch = c.epoch and k.size = c.size) limit 1`, [node, wanted]);
  return rows.length === 0;
}
