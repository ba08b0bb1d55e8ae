// The beginning of a run in the journal: the next epoch of the node, with its first record, in one commit.
import type { Clock, Random } from '../../core/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { primaryIn } from '../fault.ts';
import { Chain } from './chain.ts';
import { hasNext, highest, keepHighest, type Places } from './folder.ts';
import { tailOf } from './members.ts';
import type { RunLock, Runs } from './runs.ts';
import type { Segment } from './segment.ts';

export interface Claim {
  readonly epoch: number;
  readonly chain: Chain;
  readonly at: number;
  /** Held for as long as the run lives. */
  readonly lock: RunLock | undefined;
}

export interface ClaimOptions extends Places {
  readonly node: string;
  readonly mark: string;
}

export interface ClaimDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly runs: Runs;
}

// https://www.sqlite.org/rescode.html, primary codes: another file may work where this one does not. 19: its index says that a place is taken.
const BROKEN: ReadonlySet<number> = new Set([8, 10, 11, 14, 19, 26]);
/** Where nothing of a caller is written, what is amiss is the file: a table that is not there, a value that has another type. */
const DAMAGED: ReadonlySet<number> = new Set([1, 17, 20]);

export function isBroken(thrown: unknown): boolean {
  return BROKEN.has(primaryIn(thrown));
}

/** For a claim. */
export function mayBeLeft(thrown: unknown): boolean {
  return isBroken(thrown) || DAMAGED.has(primaryIn(thrown));
}

/** Undefined: this segment has ended meanwhile. An error: what SQLite threw. */
export function claim(segment: Segment, options: ClaimOptions, { clock, random, runs }: ClaimDeps): Result<Claim | undefined, unknown> {
  const { directories, node, mark } = options;
  let lock: RunLock | undefined;
  try {
    segment.begin();
    if (segment.isSealed() || hasNext(directories, segment.number)) {
      segment.rollback();
      return ok(undefined);
    }
    let epoch = Math.max(segment.highestEpoch(), highest(options).epoch) + 1;
    // Claimed in a segment that this process cannot see.
    let held = runs.hold(epoch);
    for (; held === 'taken'; held = runs.hold(epoch)) epoch += 1;
    lock = held;
    const at = clock.wall();
    const chain = new Chain(node, epoch);
    segment.beginEpoch({ epoch, mark, startedAt: at, firstSeq: 1, prev: chain.prev, frontier: [], open: [] });
    const opened = tailOf({ id: random.uuid(), ts: at, mono_ns: Math.round(clock.mono() * 1e6), kind: 'lifecycle', event: 'epoch_opened', actor: 'system' });
    const { seq, record } = chain.append(opened);
    segment.insert(epoch, seq, record);
    segment.commit();
    segment.begun(epoch);
    keepHighest(options, { epoch, segment: segment.number });
    return ok({ epoch, chain, at, lock });
  } catch (thrown) {
    lock?.release();
    try {
      segment.rollback();
    } catch {
      // What was thrown first says more.
    }
    return err(thrown);
  }
}
