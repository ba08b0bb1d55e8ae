// Which segments have had their time, and their end. A segment goes as a whole: its records cannot be deleted one by one, and what is left
// is still a chain from where it begins.
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { syncPath } from '../small-file.ts';
import { listSegments, type SegmentFile } from './folder.ts';
import { inSegment } from './reading.ts';
import { placeOf } from './segment.ts';

export interface RetentionPolicy {
  readonly now: number;
  /** What ended longer ago may go. Milliseconds. */
  readonly keepMs: number;
  /** What others have carried away, as a row id; undefined: nobody carries anything. */
  readonly carried: number | undefined;
}

export interface Retired extends SegmentFile {
  readonly records: number;
  /** The next one began then: nothing in it is younger. */
  readonly until: number;
}

/** Oldest first; never the newest. A segment that cannot be read stays: it is evidence, and somebody should look. */
export function retirable(directories: readonly string[], { now, keepMs, carried }: RetentionPolicy): readonly Retired[] {
  const files = listSegments(directories);
  const found: Retired[] = [];
  for (const [at, file] of files.entries()) {
    const next = files[at + 1];
    if (next === undefined) break;
    try {
      const until = inSegment(next, (reader) => reader.view().createdAt);
      const records = inSegment(file, (reader) => reader.newest());
      const gone = carried === undefined || placeOf(carried).number > file.number || (placeOf(carried).number === file.number && placeOf(carried).row >= records);
      // All that are older went before, or must stay: a gap would look like a hand.
      if (now - until < keepMs || !gone) break;
      found.push({ ...file, records, until });
    } catch {
      break;
    }
  }
  return found;
}

export function removeSegment({ path }: SegmentFile): void {
  for (const ending of ['', '-wal', '-shm']) rmSync(`${path}${ending}`, { force: true });
  syncPath(dirname(path));
}
