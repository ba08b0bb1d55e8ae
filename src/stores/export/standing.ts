// Where a cursor stands in a journal that may have changed behind it: old segments are removed, and a state directory may be put back from a copy.
import { placeOf } from '../journal/segment.ts';
import type { RecordSource, StoredRecord } from '../journal/source.ts';
import { type Cursor, hashOf } from './cursor.ts';

/**
 * `removed`: segments that held the cursor are gone, and perhaps records behind it. `replaced`: it is not the journal that the cursor was made in.
 * `empty`: that shows with the first record.
 */
export type Standing = 'fine' | 'removed' | 'replaced' | 'empty';

/** At the start of an exporter. */
export function standingOf(source: RecordSource, cursor: Cursor): Standing {
  const [oldest] = source.after(0, 1);
  if (cursor.rowId === 0) return 'fine';
  if (oldest === undefined) return 'empty';
  if (oldest.rowId > cursor.rowId) return 'removed';
  const [here] = source.after(cursor.rowId - 1, 1);
  // Numbers grow: a journal that ends before the cursor is an older one, and would use its number again. One that is passed over was given up with its segment.
  if (here === undefined) return 'replaced';
  return here.rowId === cursor.rowId && hashOf(here) !== cursor.hash ? 'replaced' : 'fine';
}

/** Before the records of a later segment are taken for what follows. */
export function removedBefore(page: readonly StoredRecord[], source: RecordSource, cursor: Cursor): boolean {
  const [next] = page;
  if (cursor.rowId === 0 || next === undefined || placeOf(next.rowId).number === placeOf(cursor.rowId).number) return false;
  const [oldest] = source.after(0, 1);
  return oldest !== undefined && oldest.rowId > cursor.rowId;
}
