// Where to go on after a new connection: behind the last record that this server has. After a failover to a server that lacks the end of what was
// shipped, that is before the cursor (F33).
import type { RecordSource, StoredRecord } from '../journal/source.ts';
import type { Connection } from './connection.ts';
import { placeIn } from './rebuild.ts';
import { dayOf } from './sender.ts';

const DAY = dayOf('$1::bigint');
const THERE = `select exists (select from audit_record where day = ${DAY} and node = $2 and epoch = $3 and seq = $4 and v = $5 and id = $6)
  or exists (select from audit_refused where node = $7 and place = $8) as there`;
// What was retired on purpose is not looked for, and says nothing of the others.
const KEPT = `select extract(epoch from detached_before) * 1000 as kept from audit_policy`;

/**
 * The cursor, or a smaller one. A server loses an end of what was committed, never a piece out of the middle, and batches are sent one after the
 * other: so the records that it has are a beginning, and halving finds its end in some forty looks. Throws what the driver or the source throws.
 */
export async function resumeFrom(connection: Connection, source: RecordSource, node: string, cursor: number): Promise<number> {
  if (cursor === 0) return 0;
  const { rows: [policy] } = await connection.ask(KEPT);
  const kept = policy?.['kept'] === null ? -Infinity : Number(policy?.['kept']);
  const [next] = source.after(cursor - 1, 1);
  // Behind what the journal has given up, there is nothing that could be sent again.
  if (next !== undefined && next.rowId > cursor && source.after(0, 1)[0]?.rowId === next.rowId) return cursor;
  if (next?.rowId === cursor && !isRetired(next, kept) && await isThere(connection, node, next)) return cursor;
  let has = 0;
  let lacks = cursor;
  while (has < lacks) {
    const middle = has + Math.floor((lacks - has) / 2);
    const one = firstKept(source, middle, lacks, kept);
    if (one === undefined) lacks = middle;
    else if (await isThere(connection, node, one)) has = one.rowId;
    else lacks = middle;
  }
  // What was retired and stands before the first that is missing stays where it is: sent again, it would come into the default partition.
  const lost = firstKept(source, has, cursor, kept);
  return lost === undefined ? cursor : lost.rowId - 1;
}

const PAGE = 500;
const PAGE_UNITS = 4 * 1024 * 1024;

/** The first behind `row`, up to `last`, that was not retired. */
function firstKept(source: RecordSource, row: number, last: number, kept: number): StoredRecord | undefined {
  for (let from = row; ; ) {
    const page = source.after(from, kept === -Infinity ? 1 : PAGE, PAGE_UNITS);
    const found = page.find((one) => !isRetired(one, kept));
    const end = found ?? page.at(-1);
    if (end === undefined || end.rowId > last) return undefined;
    if (found !== undefined) return found;
    from = end.rowId;
  }
}

function isRetired({ record }: StoredRecord, kept: number): boolean {
  const place = placeIn(record);
  return place.ok && place.value.ts < kept;
}

async function isThere(connection: Connection, node: string, stored: StoredRecord): Promise<boolean> {
  const place = placeIn(stored.record);
  const at = place.ok ? place.value : { ts: null, node: null, epoch: null, seq: null, v: null, id: null };
  const { rows: [row] } = await connection.ask(THERE, [at.ts, at.node, at.epoch, at.seq, at.v, at.id, node, stored.rowId]);
  return row?.['there'] === true;
}
