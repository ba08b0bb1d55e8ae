// A whole journal before the verifier: its checkpoints, then its records, segment by segment, in memory for one page of them.
import { Buffer } from 'node:buffer';
import type { Verifier } from '../tlog/verify.ts';
import type { Divergence, EpochPlace } from '../tlog/verdict.ts';
import { messageIn } from '../../core/thrown.ts';
import { openSqlite } from '../sqlite-file.ts';
import { listSegments, type SegmentFile } from './folder.ts';
import { SegmentReader, voidPlaces } from './reading.ts';

const PAGE = 2000;

/** Where the oldest segment begins: what was before it has had its time. With the first segment there, everything begins at its beginning. */
export function beginningsOf(directories: readonly string[]): readonly EpochPlace[] {
  const oldest = listSegments(directories)[0];
  if (oldest === undefined || oldest.number === 1) return [];
  try {
    const reader = new SegmentReader(oldest);
    try {
      const { node } = reader.view();
      return reader.epochs().map(({ epoch, firstSeq, prev, frontier }) => ({ node, epoch, firstSeq, prev, frontier }));
    } finally {
      reader.close();
    }
  } catch {
    return [];
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
  for (const [at, file] of listSegments(directories).entries()) {
    const before = listSegments(directories)[at - 1];
    if (before !== undefined && before.number !== file.number - 1) problems.push(broken(file, 'missing', `segment ${before.number + 1} is not there`));
    try {
      await checkSegment(verifier, file, voids.get(file.number) ?? new Map(), problems, watching);
    } catch (thrown) {
      problems.push(broken(file, 'unreadable', messageIn(thrown)));
    }
    if (watching.signal?.aborted === true) break;
  }
  return problems;
}

/** The oldest segment says which epoch was the last before it: those between that one and its first are gone, and no later one would tell. */
function lostBeforeAll(directories: readonly string[]): readonly Divergence[] {
  const oldest = listSegments(directories)[0];
  if (oldest === undefined) return [];
  try {
    const reader = new SegmentReader(oldest);
    try {
      const { node, baseEpoch } = reader.view();
      const first = reader.epochs()[0]?.epoch ?? 0;
      const detail = `epoch ${first} is the first one here, and epoch ${baseEpoch} was the last one before`;
      return first > baseEpoch + 1 ? [{ node, epoch: baseEpoch + 1, seq: 1, where: oldest.path, problem: 'missing_epoch', detail }] : [];
    } finally {
      reader.close();
    }
  } catch {
    // Said of the segment.
    return [];
  }
}

async function checkSegment(verifier: Verifier, { number, path }: SegmentFile, voids: ReadonlyMap<number, number>, problems: Divergence[], { onRecords, signal }: Watching): Promise<void> {
  const reader = new SegmentReader({ number, path });
  try {
    for (const { epoch, size, note } of reader.checkpoints()) verifier.checkpoint(note, `${path} checkpoint ${epoch}/${size}`);
  } finally {
    reader.close();
  }
  const database = openSqlite({ path, readOnly: true });
  try {
    const page = database.prepare('select row, epoch, seq, cast(record as blob) as record from record where row > ? order by row limit ?');
    page.setReturnArrays(true);
    for (let last = 0; signal?.aborted !== true; ) {
      const rows: readonly unknown[] = page.all(last, PAGE);
      if (rows.length === 0) return;
      verifier.source(path);
      for (const row of rows) {
        const [at, epoch, seq, record] = columnsOf(row);
        last = Number(at);
        if (Number(seq) >= (voids.get(Number(epoch)) ?? Infinity)) continue;
        if (!(record instanceof Uint8Array)) verifier.unreadable('it has no text', last);
        else verifier.record(record, last);
        // What queries go by must be what the record says.
        if (record instanceof Uint8Array && !stands(record, Number(epoch), Number(seq))) problems.push(broken({ number, path }, 'out_of_place', `row ${last} says that it is record ${String(seq)} of epoch ${String(epoch)}, and its record says something else`));
      }
      onRecords(rows.length);
      // A gateway in the same process, and Ctrl-C, have their turn.
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    database.close();
  }
}

function broken({ path }: SegmentFile, problem: Divergence['problem'], detail: string): Divergence {
  return { node: '', epoch: 0, seq: 0, where: path, problem, detail };
}

function columnsOf(row: unknown): readonly unknown[] {
  return Array.isArray(row) ? row : [];
}

const DIGITS = /^\{"v":2,"node":"[^"]*","epoch":(\d+),"seq":(\d+),/;
/** The head of a record is at most so long. */
const HEAD = 160;

function stands(record: Uint8Array, epoch: number, seq: number): boolean {
  const said = DIGITS.exec(Buffer.from(record.buffer, record.byteOffset, Math.min(record.length, HEAD)).toString('latin1'));
  return said === null || (Number(said[1]) === epoch && Number(said[2]) === seq);
}
