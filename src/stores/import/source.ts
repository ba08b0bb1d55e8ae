// Rows of an older audit as they come into the journal: in the order of their table, each under an id of its own.
import { derivedId } from '../derived-id.ts';
import type { Values } from '../record.ts';

export type ImportedFrom = 'v1' | 'audit_log';

export interface ImportRow {
  /** Its number in the table that it comes from. */
  readonly row: number;
  readonly values: Values;
}

/** Methods throw what the driver throws. */
export interface ImportSource {
  readonly from: ImportedFrom;
  /** Says where it is, for people and for the file of what was imported. No secrets. */
  readonly name: string;
  /** Behind `row`, in order, at most `limit`. */
  after(row: number, limit: number): Promise<readonly ImportRow[]>;
  /** How many are behind `row`; undefined: that would take too long to count. */
  count(row: number): Promise<number | undefined>;
  close(): Promise<void>;
}

/** Before every row. */
export const NO_ROW: number = Number.MIN_SAFE_INTEGER;

/** The same row has the same id whenever it is imported. */
export function rowId(from: ImportedFrom, row: number, text: string): string {
  return derivedId(JSON.stringify(['sentinel', from, row, text.toWellFormed()]));
}

/** Years 1970 to 9999: what every reader of a time can say. */
const LAST_MS = 253_402_300_799_999;

export function sayableTime(ms: number): number {
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(Math.round(ms), 0), LAST_MS);
}
