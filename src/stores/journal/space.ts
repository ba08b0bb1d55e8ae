// How much may still be written: what is free on the disk, and what the journal may take of it. Known before the disk says so, so that
// calls end in good order: first those that change something, last the records of what is under way.
import { statfsSync } from 'node:fs';
import { bytesOf } from './folder.ts';

/** `low`: only what reads is begun. `full`: nothing is begun; what is under way is still recorded. */
export type Space = 'enough' | 'low' | 'full';

export interface SpaceBounds {
  /** Bytes of all segments. */
  readonly quota: number;
  /** Bytes that stay free for the records of what is under way. */
  readonly reserve: number;
}

export interface SpaceReport {
  readonly space: Space;
  /** Of all segments. */
  readonly bytes: number;
  /** On the disk, for this user. */
  readonly free: number;
}

/** Of the reserve, that which is kept to the last. */
const LAST = 4;

export function spaceIn(directories: readonly string[], active: string, { quota, reserve }: SpaceBounds): SpaceReport {
  const bytes = bytesOf(directories);
  const { bavail, bsize } = statfsSync(active);
  const left = Math.min(bavail * bsize, quota - bytes);
  return { space: left < reserve / LAST ? 'full' : left < reserve ? 'low' : 'enough', bytes, free: bavail * bsize };
}
