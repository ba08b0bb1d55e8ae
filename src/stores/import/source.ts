// Rows of an older audit as they come into the journal: in the order of their table, each under an id of its own.
import { hash } from 'node:crypto';
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

/** RFC 9562 §5.8: the same row has the same id whenever it is imported. */
export function derivedId(from: ImportedFrom, row: number, text: string): string {
  const bytes = hash('sha256', JSON.stringify(['sentinel', from, row, text.toWellFormed()]), 'buffer').subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Years 1970 to 9999: what every reader of a time can say. */
const LAST_MS = 253_402_300_799_999;

export function sayableTime(ms: number): number {
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(Math.round(ms), 0), LAST_MS);
}
