// From records behind a cursor to one batch: what the filter takes, in its format, within the bounds, with a marker wherever something is missing.
import { setImmediate } from 'node:timers/promises';
import type { StoredRecord } from '../journal/source.ts';
import { Continuity } from './continuity.ts';
import { type Cursor, hashOf } from './cursor.ts';
import type { RecordFormat } from './format.ts';
import { type MarkerEvent, markerOf } from './marker.ts';
import { type AuditRecord, parseRecord } from './record.ts';
import type { Standing } from './standing.ts';

export interface BatchRules {
  readonly exporter: string;
  /** Whose journal it is. */
  readonly node: string;
  readonly accepts: (record: AuditRecord) => boolean;
  readonly format: RecordFormat;
  /** Of the text of all parts; one record alone may have more. */
  readonly bytes: number;
  /** A row that the receiver refuses even when it comes alone. */
  readonly refused: number | undefined;
  /** What lies between the cursor and these records. */
  readonly standing: Exclude<Standing, 'empty'>;
}

export interface Batch {
  readonly parts: readonly string[];
  /** Of the parts, those that are records. */
  readonly records: number;
  /** Row of the last of these. */
  readonly last: number | undefined;
  readonly told: readonly MarkerEvent[];
  /** Where the exporter stands when the batch is delivered. */
  readonly cursor: Cursor;
  /** The bound on bytes left some of the records for the next one. */
  readonly cut: boolean;
}

/** Records between two turns of the event loop: some milliseconds at most, for calls are served by it as well. */
const SLICE = 16;

export async function batchOf(page: readonly StoredRecord[], cursor: Cursor, rules: BatchRules): Promise<Batch> {
  const made = new Assembly(cursor, rules);
  let last: StoredRecord | undefined;
  for (const [at, stored] of page.entries()) {
    if (at % SLICE === SLICE - 1) await setImmediate();
    if (!made.take(stored)) return made.batch(last, true);
    last = stored;
  }
  return made.batch(last, false);
}

class Assembly {
  readonly #cursor: Cursor;
  readonly #rules: BatchRules;
  readonly #continuity: Continuity;
  readonly #parts: string[] = [];
  readonly #told: MarkerEvent[] = [];
  #records = 0;
  #last: number | undefined;
  #bytes = 0;
  #standing: BatchRules['standing'];
  #place: { readonly node: string; readonly epoch: number; readonly ts: number };

  constructor(cursor: Cursor, rules: BatchRules) {
    this.#cursor = cursor;
    this.#rules = rules;
    this.#continuity = new Continuity(rules.node, cursor);
    this.#standing = rules.standing;
    this.#place = { node: rules.node, epoch: 0, ts: 0 };
  }

  /** False: it does not fit any more. */
  take(stored: StoredRecord): boolean {
    const { accepts, format, refused } = this.#rules;
    const record = parseRecord(stored.record);
    const part = record !== undefined && stored.rowId !== refused && accepts(record) ? format.one(record, stored.record) : undefined;
    const size = part === undefined ? 0 : Buffer.byteLength(part);
    if (this.#parts.length > 0 && this.#bytes + size > this.#rules.bytes) return false;
    if (record !== undefined) this.#place = { node: record.node, epoch: record.epoch, ts: record.ts };
    if (this.#cursor.rejected > 0 && this.#parts.length === 0) this.#tell({ event: 'export_rejected', missing: this.#cursor.rejected }, stored.rowId);
    if (record !== undefined) this.#join(record, stored.rowId);
    if (record === undefined) this.#tell({ event: 'export_skipped', why: 'unreadable' }, stored.rowId);
    else if (stored.rowId === refused) this.#tell({ event: 'export_skipped', why: 'refused' }, stored.rowId);
    if (part !== undefined) {
      this.#add(part, size);
      this.#records += 1;
      this.#last = stored.rowId;
    }
    return true;
  }

  batch(last: StoredRecord | undefined, cut: boolean): Batch {
    const toldRejected = this.#told.some(({ event }) => event === 'export_rejected');
    const cursor = last === undefined ? this.#cursor
      : { rowId: last.rowId, hash: hashOf(last), ...this.#continuity.state(), rejected: toldRejected ? 0 : this.#cursor.rejected };
    return { parts: this.#parts, records: this.#records, last: this.#last, told: this.#told, cursor, cut };
  }

  /** Is it the next one of its epoch? */
  #join(record: AuditRecord, rowId: number): void {
    const missing = this.#continuity.look(record);
    if (this.#standing !== 'fine') this.#tell({ event: 'export_gap', why: this.#standing, missing, exact: false }, rowId);
    else if (missing > 0) this.#tell({ event: 'export_gap', why: 'absent', missing, exact: true }, rowId);
    this.#standing = 'fine';
  }

  /** In the place of the last record that could be read. */
  #tell(event: MarkerEvent, rowId: number): void {
    const { record: marked, line } = markerOf(event, { exporter: this.#rules.exporter, rowId, ...this.#place });
    const part = this.#rules.format.one(marked, line);
    this.#told.push(event);
    this.#add(part, Buffer.byteLength(part));
  }

  #add(part: string, size: number): void {
    this.#parts.push(part);
    this.#bytes += size;
  }
}
