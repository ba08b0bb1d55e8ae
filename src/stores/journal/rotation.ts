// Which segment is written now, and the next one: after a full one, after one that the disk lost, and at the beginning of a node.
import { dirname } from 'node:path';
import type { StoreFault } from '../../core/ports.ts';
import { messageIn } from '../../core/thrown.ts';
import { type Directories, hasNext, highest, keepHighest, listSegments, placeSegment, type Places, type SegmentFile } from './folder.ts';
import { highestEpochIn } from './salvage.ts';
import { FORMAT, makeSegment, Segment, type SegmentHead } from './segment.ts';

export interface RotationOptions extends Places {
  readonly node: string;
}

export interface RotationDeps {
  readonly wall: () => number;
  /** A segment was begun in the place of one that cannot be written. */
  readonly onAbandoned: (number: number, why: string) => void;
}

/** The newest segment, open for writing; made when there is none, or none that can be written. Throws when no directory takes one. */
export function currentSegment(options: RotationOptions, deps: RotationDeps): Segment {
  for (;;) {
    const newest = listSegments(options.directories).at(-1);
    const known = highest(options);
    if (newest === undefined) return place(known.segment + 1, known.epoch, undefined, options.directories, options, deps);
    if (newest.number < known.segment) return placeBehind(newest, `segment ${known.segment} was begun, and is not there`, options, deps);
    const segment = openOrLeave(newest, options, deps);
    if (!segment.isSealed()) return segment;
    segment.close();
    if (!hasNext(options.directories, newest.number)) return nextSegment(segment, undefined, options, deps);
  }
}

function openOrLeave(file: SegmentFile, options: RotationOptions, deps: RotationDeps): Segment {
  try {
    return ownSegment(file, options.node);
  } catch (thrown) {
    if (thrown instanceof Foreign) throw thrown;
    const why = messageIn(thrown);
    deps.onAbandoned(file.number, why);
    return placeBehind(file, why, options, deps);
  }
}

function ownSegment({ number, path }: SegmentFile, node: string): Segment {
  const segment = new Segment(number, path);
  try {
    checkHead(segment, node);
    return segment;
  } catch (thrown) {
    segment.close();
    throw thrown;
  }
}

/** Behind one that is not asked what it holds. */
function placeBehind({ number, path }: SegmentFile, why: string, options: RotationOptions, deps: RotationDeps): Segment {
  const known = highest(options);
  const epoch = Math.max(known.epoch, highestEpochIn(path, options.node));
  return place(Math.max(number, known.segment) + 1, epoch, { number, abandoned: why }, othersFirst(path, options.directories), options, deps);
}

/** `abandoned`: why nothing more can be written to `from`. Of processes that ask at once, all get the same one. */
export function nextSegment(from: Segment, abandoned: string | undefined, options: RotationOptions, deps: RotationDeps): Segment {
  const { directories } = options;
  // This run rested while the next one had its time as well: its number must not be begun again.
  const newest = Math.max(listSegments(directories).at(-1)?.number ?? 0, highest(options).segment);
  if (newest > from.number && !hasNext(directories, from.number)) return currentSegment(options, deps);
  const order = abandoned === undefined ? [dirname(from.path), ...directories] : othersFirst(from.path, directories);
  try {
    return place(from.number + 1, Math.max(from.highestKnown(), highest(options).epoch), { number: from.number, abandoned }, order, options, deps);
  } catch (thrown) {
    // It is there, and cannot be opened: what is behind it?
    if (!hasNext(directories, from.number)) throw thrown;
    return currentSegment(options, deps);
  }
}

/** A disk that failed once is the last to be asked again. */
function othersFirst(path: string, directories: Directories): readonly string[] {
  return [...directories.filter((one) => one !== dirname(path)), dirname(path)];
}

function place(number: number, baseEpoch: number, previous: SegmentHead['previous'], order: readonly string[], options: RotationOptions, { wall }: RotationDeps): Segment {
  const { directories, node } = options;
  let failure: Error | undefined;
  for (const directory of new Set(order)) {
    try {
      const found = listSegments(directories).find((one) => one.number === number);
      if (found !== undefined) return ownSegment(found, node);
      placeSegment(directory, number, (path) => makeSegment(path, { number, node, createdAt: wall(), baseEpoch, previous }));
    } catch (thrown) {
      failure = thrown instanceof Error ? thrown : new Error(messageIn(thrown));
      continue;
    }
    const placed = listSegments(directories).find((one) => one.number === number);
    if (placed === undefined) continue;
    keepHighest(options, { epoch: baseEpoch, segment: number });
    return ownSegment(placed, node);
  }
  throw failure ?? new Error('no directory takes a segment');
}

/** Another node's journal, or one of a newer version: written to, it would be lost for both. */
export class Foreign extends Error {
  readonly fault: StoreFault;

  constructor(code: StoreFault['code'], detail: string) {
    super(detail);
    this.fault = { code, detail };
  }
}

function checkHead(segment: Segment, node: string): void {
  const head = segment.head();
  if (head.format > FORMAT) throw new Foreign('schema', `segment ${segment.path} has format ${head.format}, and this version knows ${FORMAT}: run the version that made it`);
  if (head.node !== node && segment.hasRecordsOf(node)) throw new Error(`the head of ${segment.path} is damaged`);
  if (head.node !== node) throw new Foreign('corrupt', `segment ${segment.path} is of node ${head.node}, and this is ${node}: was the directory copied? Move it away, or bring its node-id back`);
}
