// Where to go on after a new connection: behind the last record that this server has. After a failover to a server that lacks the end of what was
// shipped, that is before the cursor (F33).
import type { RecordSource, StoredRecord } from '../journal/source.ts';
import type { Connection } from './connection.ts';
import { placeIn } from './rebuild.ts';
import { dayOf } from './sender.ts';

const DAY = dayOf('$1::bigint');
// What was retired on purpose does not come back.
const THERE = `select exists (select from audit_record where day = ${DAY} and node = $2 and epoch = $3 and seq = $4 and v = $5 and id = $6)
  or exists (select from audit_refused where node = $7 and place = $8) or coalesce(${DAY} < (select detached_before from audit_policy), false) as there`;

/**
 * The cursor, or a smaller one. A server loses an end of what was committed, never a piece out of the middle, and batches are sent one after the
 * other: so the records that it has are a beginning, and halving finds its end in some forty looks. Throws what the driver or the source throws.
 */
export async function resumeFrom(connection: Connection, source: RecordSource, node: string, cursor: number): Promise<number> {
  if (cursor === 0) return 0;
  const [next] = source.after(cursor - 1, 1);
  // Behind what the journal has given up, there is nothing that could be sent again.
  if (next !== undefined && next.rowId > cursor && source.after(0, 1)[0]?.rowId === next.rowId) return cursor;
  if (next?.rowId === cursor && await isThere(connection, node, next)) return cursor;
  let has = 0;
  let lacks = cursor;
  while (has < lacks) {
    const middle = has + Math.floor((lacks - has) / 2);
    const [one] = source.after(middle, 1);
    if (one === undefined || one.rowId > lacks) lacks = middle;
    else if (await isThere(connection, node, one)) has = one.rowId;
    else lacks = middle;
  }
  return has;
}

async function isThere(connection: Connection, node: string, stored: StoredRecord): Promise<boolean> {
  const place = placeIn(stored.record);
  const at = place.ok ? place.value : { ts: null, node: null, epoch: null, seq: null, v: null, id: null };
  const { rows: [row] } = await connection.ask(THERE, [at.ts, at.node, at.epoch, at.seq, at.v, at.id, node, stored.rowId]);
  return row?.['there'] === true;
}
