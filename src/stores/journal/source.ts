// Committed records of a journal in their order, for whoever carries them elsewhere.
import { listSegments, type SegmentFile } from './folder.ts';
import { inSegment, isOver, LEFT_MS, SegmentReader, type SegmentView, voidPlaces } from './reading.ts';
import { placeOf, rowIdOf } from './segment.ts';

export interface StoredRecord {
  /** Segment number * 2^32 + row in it: grows, and is never used again. A cursor is one such number. */
  readonly rowId: number;
  /** One JSON object in one line: what was hashed, as UTF-8. */
  readonly record: string;
}

export interface StoredCheckpoint {
  readonly epoch: number;
  readonly size: number;
  readonly note: string;
}

export interface RecordSource {
  /**
   * Committed records behind `rowId` (0: from the beginning), in order, at most `limit`, and none behind the one with which they have `units` (UTF-16).
   * Synchronous. Throws when the journal cannot be read.
   */
  after(rowId: number, limit: number, units?: number): readonly StoredRecord[];
}

export function unitsOf(records: readonly StoredRecord[]): number {
  return records.reduce((sum, { record }) => sum + record.length, 0);
}

export interface JournalSource extends RecordSource {
  /** Checkpoints in the segment of this row and the later ones; of an epoch only larger ones than it is `known` for. */
  checkpointsFrom(rowId: number, known: ReadonlyMap<number, number>): readonly StoredCheckpoint[];
  /** How many committed records stand behind this row. */
  behind(rowId: number): number;
  /** Where the newest segment begins: checkpoints of runs that live come into it or later ones. */
  newest(): number;
  close(): void;
}

export function openSource(directories: readonly string[], wall: () => number): JournalSource {
  return new Source(directories, wall);
}

class Source implements JournalSource {
  readonly #directories: readonly string[];
  readonly #wall: () => number;
  /** The last one read from: most reads go on where the last one ended. */
  #open: SegmentReader | undefined;
  /** When each segment that has a next one was first seen here: a clock that goes back must not hold a reader until it has come forward again. */
  readonly #left = new Map<number, number>();
  /** The last rows of segments to which nothing is added any more: how far behind a reader is, is asked often, and to open each costs much. */
  readonly #sealed = new Map<string, number>();

  constructor(directories: readonly string[], wall: () => number) {
    this.#directories = directories;
    this.#wall = wall;
  }

  after(rowId: number, limit: number, units: number = Infinity): readonly StoredRecord[] {
    const from = placeOf(rowId);
    const files = this.#from(rowId, true);
    const found: StoredRecord[] = [];
    let size = 0;
    for (const [at, file] of files.entries()) {
      const reader = this.#reader(file);
      const view = reader.view();
      const next = files[at + 1];
      const nextView = next === undefined ? undefined : inSegment(next, (other) => other.view());
      // Asked before the records are read: what is added in between would be passed over.
      const over = this.#isOver(view, next);
      const last = nextView?.previous?.abandoned === undefined ? undefined : voidPlaces(this.#directories).get(file.number);
      const isVoid = (epoch: number, seq: number): boolean => seq >= (last?.get(epoch) ?? Infinity);
      for (let row = file.number === from.number ? from.row : 0; found.length < limit && size < units;) {
        const page = reader.records(row, limit - found.length, units - size);
        for (const { epoch, seq, ...stored } of page) {
          if (isVoid(epoch, seq)) continue;
          found.push(stored);
          size += stored.record.length;
        }
        const end = page.at(-1);
        // What is void takes no room, and so may have ended the page before the records behind it.
        if (end === undefined || !page.some(({ epoch, seq }) => isVoid(epoch, seq))) break;
        row = placeOf(end.rowId).row;
      }
      if (found.length >= limit || size >= units || !over) break;
    }
    return found;
  }

  checkpointsFrom(rowId: number, known: ReadonlyMap<number, number>): readonly StoredCheckpoint[] {
    const files = this.#from(rowId);
    const found: StoredCheckpoint[] = [];
    for (const [at, file] of files.entries()) {
      const { view, checkpoints } = inSegment(file, (reader) => ({ view: reader.view(), checkpoints: reader.checkpointsBehind(known) }));
      found.push(...checkpoints);
      // What is behind vouches for records that are not shown yet: where they go, their end would seem to be cut off.
      if (!this.#isOver(view, files[at + 1])) break;
    }
    return found;
  }

  #isOver(view: SegmentView, next: SegmentFile | undefined): boolean {
    const nextView = next === undefined ? undefined : inSegment(next, (reader) => reader.view());
    return isOver(view, this.#directories, nextView, this.#wall()) || (next !== undefined && this.#isLongLeft(view.number));
  }

  newest(): number {
    return rowIdOf(listSegments(this.#directories).at(-1)?.number ?? 0, 0);
  }

  behind(rowId: number): number {
    const { number, row } = placeOf(rowId);
    const files = this.#from(rowId);
    const there = new Set(files.map(({ path }) => path));
    for (const path of this.#sealed.keys()) if (!there.has(path)) this.#sealed.delete(path);
    return files.reduce((sum, file) => sum + this.#newestIn(file) - (file.number === number ? row : 0), 0);
  }

  #newestIn(file: SegmentFile): number {
    const known = this.#sealed.get(file.path);
    if (known !== undefined) return known;
    // The view first: a segment that is sealed is complete.
    const { sealedAt, newest } = inSegment(file, (reader) => ({ sealedAt: reader.view().sealedAt, newest: reader.newest() }));
    if (sealedAt !== undefined) this.#sealed.set(file.path, newest);
    return newest;
  }

  close(): void {
    this.#open?.close();
    this.#open = undefined;
  }

  /** The segment of this row, and the later ones. */
  #from(rowId: number, strict = false): readonly SegmentFile[] {
    const { number } = placeOf(rowId);
    return listSegments(this.#directories, strict).filter((file) => file.number >= number);
  }

  #isLongLeft(number: number): boolean {
    const now = this.#wall();
    const since = Math.min(this.#left.get(number) ?? now, now);
    this.#left.set(number, since);
    return now - since > LEFT_MS;
  }

  #reader(file: SegmentFile): SegmentReader {
    if (this.#open?.path !== file.path) {
      this.#open?.close();
      this.#open = new SegmentReader(file);
    }
    return this.#open;
  }
}
