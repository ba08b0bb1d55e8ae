// Committed records of a journal in their order, for whoever carries them elsewhere.
import { listSegments, type SegmentFile } from './folder.ts';
import { isOver, LEFT_MS, SegmentReader, type SegmentView, voidPlaces } from './reading.ts';
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
  /** Committed records behind `rowId` (0: from the beginning), in order, at most `limit`. Synchronous. Throws when the journal cannot be read. */
  after(rowId: number, limit: number): readonly StoredRecord[];
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

  constructor(directories: readonly string[], wall: () => number) {
    this.#directories = directories;
    this.#wall = wall;
  }

  after(rowId: number, limit: number): readonly StoredRecord[] {
    const from = placeOf(rowId);
    const files = listSegments(this.#directories, true).filter(({ number }) => number >= from.number);
    const found: StoredRecord[] = [];
    for (const [at, file] of files.entries()) {
      const reader = this.#reader(file);
      const view = reader.view();
      const next = files[at + 1];
      const nextView = next === undefined ? undefined : viewOf(next);
      // Asked before the records are read: what is added in between would be passed over.
      const over = isOver(view, this.#directories, nextView, this.#wall()) || (next !== undefined && this.#isLongLeft(file.number));
      const last = nextView?.previous?.abandoned === undefined ? undefined : voidPlaces(this.#directories).get(file.number);
      for (const { epoch, seq, ...stored } of reader.records(file.number === from.number ? from.row : 0, limit - found.length)) {
        if (seq < (last?.get(epoch) ?? Infinity)) found.push(stored);
      }
      if (found.length >= limit || !over) break;
    }
    return found;
  }

  checkpointsFrom(rowId: number, known: ReadonlyMap<number, number>): readonly StoredCheckpoint[] {
    const { number } = placeOf(rowId);
    return listSegments(this.#directories).filter((file) => file.number >= number).flatMap((file) => {
      const reader = new SegmentReader(file);
      try {
        return reader.checkpointsBehind(known);
      } finally {
        reader.close();
      }
    });
  }

  newest(): number {
    return rowIdOf(listSegments(this.#directories).at(-1)?.number ?? 0, 0);
  }

  behind(rowId: number): number {
    const from = placeOf(rowId);
    return listSegments(this.#directories).filter(({ number }) => number >= from.number).reduce((sum, file) => {
      const reader = new SegmentReader(file);
      try {
        return sum + reader.newest() - (file.number === from.number ? from.row : 0);
      } finally {
        reader.close();
      }
    }, 0);
  }

  close(): void {
    this.#open?.close();
    this.#open = undefined;
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

function viewOf(file: SegmentFile): SegmentView {
  const reader = new SegmentReader(file);
  try {
    return reader.view();
  } finally {
    reader.close();
  }
}
