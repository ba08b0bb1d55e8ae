// Segments as readers see them: committed records in order, and where each epoch begins and ends. Nothing here writes.
import type { DatabaseSync } from 'node:sqlite';
import { openSqlite } from '../sqlite-file.ts';
import { hasNext, listSegments, type SegmentFile } from './folder.ts';
import { type EpochRow, rowIdOf } from './segment.ts';
import type { StoredCheckpoint, StoredRecord } from './source.ts';

export interface SegmentView {
  readonly number: number;
  readonly path: string;
  readonly node: string;
  readonly createdAt: number;
  /** The highest epoch that was claimed before it. */
  readonly baseEpoch: number;
  readonly previous: { readonly number: number; readonly abandoned?: string } | undefined;
  readonly sealedAt: number | undefined;
}

export class SegmentReader {
  readonly number: number;
  readonly path: string;
  readonly #database: DatabaseSync;

  constructor({ number, path }: SegmentFile) {
    this.number = number;
    this.path = path;
    this.#database = openSqlite({ path, readOnly: true });
  }

  view(): SegmentView {
    const row = this.#database.prepare('select node, created_at, base_epoch, previous, sealed_at from segment').get();
    const previous: unknown = row?.['previous'] === null ? undefined : JSON.parse(String(row?.['previous']));
    return {
      number: this.number, path: this.path, node: String(row?.['node']), createdAt: Number(row?.['created_at']), baseEpoch: Number(row?.['base_epoch']),
      previous: isPrevious(previous) ? previous : undefined,
      sealedAt: row?.['sealed_at'] === null ? undefined : Number(row?.['sealed_at']),
    };
  }

  /** Behind `row`, in order; no more behind the record with which they have `units`. */
  records(row: number, limit: number, units: number = Infinity): readonly (StoredRecord & { readonly epoch: number; readonly seq: number })[] {
    const found: (StoredRecord & { readonly epoch: number; readonly seq: number })[] = [];
    let size = 0;
    for (const one of this.#database.prepare('select row, epoch, seq, record from record where row > ? order by row limit ?').iterate(row, limit)) {
      const record = String(one['record']);
      found.push({ rowId: rowIdOf(this.number, Number(one['row'])), epoch: Number(one['epoch']), seq: Number(one['seq']), record });
      if ((size += record.length) >= units) break;
    }
    return found;
  }

  /** The number of its last row; rows have no gaps. */
  newest(): number {
    return Number(this.#database.prepare('select coalesce(max(row), 0) as row from record').get()?.['row']);
  }

  epochs(): readonly EpochRow[] {
    return this.#database.prepare('select * from epoch order by epoch').all().map((row) => ({
      epoch: Number(row['epoch']), mark: String(row['mark']), startedAt: Number(row['started_at']), endedAt: row['ended_at'] === null ? undefined : Number(row['ended_at']),
      firstSeq: Number(row['first_seq']), prev: String(row['prev']), frontier: texts(row['frontier']), open: texts(row['open']),
    }));
  }

  /** Epochs of the dead whose open calls were closed here. */
  closed(): readonly number[] {
    return this.#database.prepare('select epoch from closed').all().map((row) => Number(row['epoch']));
  }

  /** Of each epoch those that are larger than the size it is known for. */
  checkpointsBehind(known: ReadonlyMap<number, number>): readonly StoredCheckpoint[] {
    const larger = this.#database.prepare('select size, note from checkpoint where epoch = ? and size > ? order by size');
    return this.#database.prepare('select epoch from epoch order by epoch').all().flatMap((row) => {
      const epoch = Number(row['epoch']);
      return larger.all(epoch, known.get(epoch) ?? 0).map((one) => ({ epoch, size: Number(one['size']), note: String(one['note']) }));
    });
  }

  checkpoints(): readonly StoredCheckpoint[] {
    return this.#database.prepare('select epoch, size, note from checkpoint order by epoch, size').all()
      .map((row) => ({ epoch: Number(row['epoch']), size: Number(row['size']), note: String(row['note']) }));
  }

  /** Calls of an epoch that have an intent here and no outcome, with the record of their intent. One that is damaged hides no other one. */
  openIntents(epoch: number): ReadonlyMap<string, string> {
    const intents = new Map<string, string>();
    const valid = (member: string): string => `case when json_valid(record) then ${member} end`;
    const rows = this.#database.prepare(`select ${valid('kind')} as kind, ${valid('call_id')} as call_id, record from record where epoch = ? order by row`);
    for (const row of rows.iterate(epoch)) {
      const call = String(row['call_id']);
      const record = String(row['record']);
      // Of an import its outcome is still to come, or never was.
      if (row['kind'] === 'intent' && !record.includes('"detail":{"imported":{"from":"')) intents.set(call, record);
      else if (row['kind'] === 'outcome') intents.delete(call);
    }
    return intents;
  }

  /** By whichever epoch. */
  isConcluded(call: string): boolean {
    return this.#database.prepare("select 1 from record where call_id = ? and json_valid(record) and kind = 'outcome' limit 1").get(call) !== undefined;
  }

  intent(epoch: number, call: string): string | undefined {
    const row = this.#database.prepare("select record from record where epoch = ? and call_id = ? and kind = 'intent'").get(epoch, call);
    return row === undefined ? undefined : String(row['record']);
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }
}

function isPrevious(value: unknown): value is { readonly number: number; readonly abandoned?: string } {
  return typeof value === 'object' && value !== null && 'number' in value && typeof value.number === 'number';
}

function texts(value: unknown): readonly string[] {
  const parsed: unknown = JSON.parse(String(value));
  return Array.isArray(parsed) ? parsed.filter((one): one is string => typeof one === 'string') : [];
}

/** One look into it. */
export function inSegment<T>(file: SegmentFile, look: (reader: SegmentReader) => T): T {
  const reader = new SegmentReader(file);
  try {
    return look(reader);
  } finally {
    reader.close();
  }
}

/** Runs `look` on each segment, oldest first; what cannot be opened is left out and named. */
export function eachSegment(directories: readonly string[], look: (reader: SegmentReader) => void): readonly { readonly path: string; readonly why: unknown }[] {
  return listSegments(directories).flatMap((file) => {
    try {
      inSegment(file, look);
      return [];
    } catch (why) {
      return [{ path: file.path, why }];
    }
  });
}

/** Of each segment that was left after an error: from which seq on the records of an epoch are void there, because they stand in a later one. */
export function voidPlaces(directories: readonly string[]): ReadonlyMap<number, ReadonlyMap<number, number>> {
  const segments: { readonly view: SegmentView; readonly starts: readonly (readonly [number, number])[] }[] = [];
  eachSegment(directories, (reader) => segments.push({ view: reader.view(), starts: reader.epochs().map(({ epoch, firstSeq }) => [epoch, firstSeq]) }));
  const found = new Map<number, Map<number, number>>();
  for (const { view } of segments) {
    if (view.previous?.abandoned === undefined) continue;
    const left = view.previous.number;
    const starts = new Map<number, number>();
    for (const later of segments.filter(({ view: { number } }) => number > left)) for (const [epoch, seq] of later.starts) if (!starts.has(epoch)) starts.set(epoch, seq);
    found.set(left, starts);
  }
  return found;
}

/** A process that still writes to a segment which another one has left looks for the next one at each commit: none takes this long. */
export const LEFT_MS = 30_000;

/** Whether nothing will be added to it: readers may go on to the next one. */
export function isOver(view: SegmentView, directories: readonly string[], next: SegmentView | undefined, now: number): boolean {
  if (view.sealedAt !== undefined) return true;
  return hasNext(directories, view.number) && next !== undefined && now - next.createdAt > LEFT_MS;
}
