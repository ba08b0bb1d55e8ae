// A whole journal before the verifier: its checkpoints, then its records, segment by segment, in memory for one page of them.
import { Buffer } from 'node:buffer';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { prefixOf, startsWith } from '../tlog/head.ts';
import type { Verifier } from '../tlog/verify.ts';
import type { Divergence, EpochPlace } from '../tlog/verdict.ts';
import { messageIn } from '../../core/thrown.ts';
import { openSqlite } from '../sqlite-file.ts';
import { listSegments, type SegmentFile } from './folder.ts';
import { type Packed, PackedPages } from './packed.ts';
import { inSegment, voidPlaces } from './reading.ts';

const PAGE = 1000;

/**
 * Where epochs begin that are not here from their first record on: what was before the oldest segment has had its time. A run that rested while that one
 * was written comes first in a later one. With the first segment there, everything begins at its beginning.
 */
export function beginningsOf(directories: readonly string[]): readonly EpochPlace[] {
  const starts = new Map<number, EpochPlace>();
  for (const [own, last] of claimedBefore(directories)) {
    for (const file of listSegments(directories)) {
      try {
        inSegment(file, (reader) => {
          if (reader.view().node !== own) return;
          for (const { epoch, firstSeq, prev, frontier } of reader.epochs()) {
            if (epoch <= last && !starts.has(epoch)) starts.set(epoch, { node: own, epoch, firstSeq, prev, frontier });
          }
        });
      } catch {
        // Said of the segment.
      }
    }
  }
  return [...starts.values()];
}

/** Of the node the highest epoch that was claimed before the oldest segment: of those that ended before it nothing is here. */
export function claimedBefore(directories: readonly string[]): ReadonlyMap<string, number> {
  const oldest = listSegments(directories)[0];
  if (oldest === undefined || oldest.number === 1) return new Map();
  try {
    const { node, baseEpoch } = inSegment(oldest, (reader) => reader.view());
    return new Map([[node, baseEpoch]]);
  } catch {
    return new Map();
  }
}

export interface Watching {
  /** Told after each page. */
  readonly onRecords: (count: number) => void;
  /** Ends it early. */
  readonly signal?: AbortSignal;
}

/** What of it cannot even be read, or stands beside its place. */
export async function checkJournal(verifier: Verifier, directories: readonly string[], watching: Watching): Promise<readonly Divergence[]> {
  const problems: Divergence[] = [];
  const voids = voidPlaces(directories);
  problems.push(...lostBeforeAll(directories));
  const files = listSegments(directories);
  for (const [at, file] of files.entries()) {
    const before = files[at - 1];
    if (before !== undefined && before.number !== file.number - 1) problems.push(broken(file, 'missing', `segment ${before.number + 1} is not there`));
    try {
      await checkSegment(verifier, file, voids.get(file.number) ?? new Map(), problems, watching);
    } catch (thrown) {
      problems.push(broken(file, 'unreadable', messageIn(thrown)));
    }
    if (watching.signal?.aborted === true) return problems;
  }
  const [oldest] = files;
  if (oldest !== undefined && oldest.number > 1 && !isRetired(oldest.number - 1, files)) {
    problems.push(broken(oldest, 'missing', `segment ${oldest.number - 1} is not there, and no record says that it was retired`));
  }
  return problems;
}

/** Retention says on record what it lets go of, before it does: what is gone without that was taken. The last to say so is near the end. */
function isRetired(number: number, files: readonly SegmentFile[]): boolean {
  return files.toReversed().some((file) => {
    try {
      const database = openSqlite({ path: file.path, readOnly: true });
      try {
        // No text of anybody holds this: in texts quotes are escaped.
        return database.prepare(`select record from record where instr(record, '"event":"segment_retired"') > 0`).all().some(({ record }) => retiredIn(String(record)) === number);
      } finally {
        database.close();
      }
    } catch {
      return false;
    }
  });
}

function retiredIn(record: string): unknown {
  const value: unknown = JSON.parse(record);
  const detail = typeof value === 'object' && value !== null && 'detail' in value ? value.detail : undefined;
  return typeof detail === 'object' && detail !== null && 'segment' in detail ? detail.segment : undefined;
}

/** The oldest segment says which epoch was the last before it: those between that one and its first are gone, and no later one would tell. */
function lostBeforeAll(directories: readonly string[]): readonly Divergence[] {
  const oldest = listSegments(directories)[0];
  if (oldest === undefined) return [];
  try {
    return inSegment(oldest, (reader) => {
      const { node, baseEpoch } = reader.view();
      const first = reader.epochs()[0]?.epoch ?? 0;
      const detail = `epoch ${first} is the first one here, and epoch ${baseEpoch} was the last one before`;
      return first > baseEpoch + 1 ? [{ node, epoch: baseEpoch + 1, seq: 1, where: oldest.path, problem: 'missing_epoch', detail }] : [];
    });
  } catch {
    // Said of the segment.
    return [];
  }
}

async function checkSegment(verifier: Verifier, { number, path }: SegmentFile, voids: ReadonlyMap<number, number>, problems: Divergence[], { onRecords, signal }: Watching): Promise<void> {
  const columns = inSegment({ number, path }, (reader) => {
    for (const { epoch, size, note } of reader.checkpoints()) verifier.checkpoint(note, `${path} checkpoint ${epoch}/${size}`);
    return new Columns(reader.view().node);
  });
  const database = openSqlite({ path, readOnly: true });
  try {
    const checked = new SegmentCheck(verifier, database, { file: { number, path }, columns, voids, problems });
    for (let count = checked.next(); count > 0 && signal?.aborted !== true; count = checked.next()) {
      onRecords(count);
      // A gateway in the same process, and Ctrl-C, have their turn.
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    database.close();
  }
}

interface SegmentParts {
  readonly file: SegmentFile;
  readonly columns: Columns;
  readonly voids: ReadonlyMap<number, number>;
  readonly problems: Divergence[];
}

class SegmentCheck {
  readonly #verifier: Verifier;
  readonly #parts: SegmentParts;
  readonly #packed: PackedPages;
  readonly #single: StatementSync;
  #last = 0;

  constructor(verifier: Verifier, database: DatabaseSync, parts: SegmentParts) {
    this.#verifier = verifier;
    this.#parts = parts;
    this.#packed = new PackedPages(database);
    this.#single = database.prepare('select row, epoch, seq, cast(record as blob) as record from record where row > ? order by row limit ?');
  }

  /** The next page. How many rows it had; 0: there are no more. */
  next(): number {
    const page = this.#packed.after(this.#last, PAGE);
    this.#verifier.source(this.#parts.file.path);
    return page === undefined ? this.#oneByOne() : this.#all(page);
  }

  #all({ bytes, places }: Packed): number {
    let end = 0;
    for (let at = 0; at < places.length; at += 4) {
      const row = places[at] ?? 0;
      const epoch = places[at + 1] ?? 0;
      const seq = places[at + 2] ?? 0;
      const start = end + 1;
      end = start + (places[at + 3] ?? 0);
      this.#last = row;
      if (this.#isVoid(epoch, seq)) continue;
      this.#verifier.bytes(bytes, start, end, row);
      if (!this.#parts.columns.are(bytes, start, end, epoch, seq)) this.#outOfPlace(row, epoch, seq);
    }
    return places.length / 4;
  }

  #oneByOne(): number {
    const rows = this.#single.all(this.#last, PAGE);
    for (const { row, epoch, seq, record } of rows) {
      this.#last = Number(row);
      if (this.#isVoid(Number(epoch), Number(seq))) continue;
      if (!(record instanceof Uint8Array)) {
        this.#verifier.unreadable('it has no text', Number(row));
        continue;
      }
      this.#verifier.record(record, Number(row));
      if (!this.#parts.columns.are(record, 0, record.length, Number(epoch), Number(seq))) this.#outOfPlace(Number(row), Number(epoch), Number(seq));
    }
    return rows.length;
  }

  #isVoid(epoch: number, seq: number): boolean {
    return this.#parts.voids.size > 0 && seq >= (this.#parts.voids.get(epoch) ?? Infinity);
  }

  #outOfPlace(row: number, epoch: number, seq: number): void {
    const { file, problems } = this.#parts;
    problems.push(broken(file, 'out_of_place', `row ${row} says that it is record ${seq} of epoch ${epoch}, and its record says something else`));
  }
}

function broken({ path }: SegmentFile, problem: Divergence['problem'], detail: string): Divergence {
  return { node: '', epoch: 0, seq: 0, where: path, problem, detail };
}

const DIGITS = /^\{"v":2,"node":"[^"]*","epoch":(\d+),"seq":(\d+),/;
/** The head of a record is at most so long. */
const HEAD = 160;
const COMMA = 0x2c;
const ZERO = 0x30;

/** What queries go by must be what the record says. */
class Columns {
  readonly #node: string;
  #epoch = 0;
  /** What records of that epoch begin with: most rows are of the epoch of the row before. */
  #prefix: Buffer = Buffer.alloc(0);

  constructor(node: string) {
    this.#node = node;
  }

  are(line: Uint8Array, start: number, end: number, epoch: number, seq: number): boolean {
    if (epoch !== this.#epoch) [this.#epoch, this.#prefix] = [epoch, Buffer.from(prefixOf(this.#node, epoch), 'latin1')];
    if (startsWith(line, start, end, this.#prefix)) {
      let said = 0;
      for (let at = start + this.#prefix.length; at < end && line[at] !== COMMA; at += 1) said = said * 10 + (line[at] ?? 0) - ZERO;
      if (said === seq) return true;
    }
    const said = DIGITS.exec(Buffer.from(line.buffer, line.byteOffset + start, Math.min(end - start, HEAD)).toString('latin1'));
    return said === null || (Number(said[1]) === epoch && Number(said[2]) === seq);
  }
}
