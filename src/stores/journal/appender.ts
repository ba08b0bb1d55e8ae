// The writing side of the journal: one epoch of one process, its groups of records committed one after the other. Synchronous: it runs in a
// thread of its own. A place that was given to a record is never given to another one, whatever the disk did in between.
import type { KeyObject } from 'node:crypto';
import { dirname } from 'node:path';
import type { Clock, Random, StoreFault } from '../../core/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { messageIn } from '../../core/thrown.ts';
import { primaryIn, writeFault } from '../fault.ts';
import { signCheckpoint } from '../tlog/checkpoint.ts';
import { Chain } from './chain.ts';
import { type Claim, claim, isBroken, mayBeLeft } from './claim.ts';
import { hasNext, type Places } from './folder.ts';
import type { RecordKind } from './members.ts';
import { currentSegment, Foreign, nextSegment } from './rotation.ts';
import type { RunLock, Runs } from './runs.ts';
import type { EpochStart, Segment } from './segment.ts';
import { type SpaceBounds, spaceIn, type SpaceReport } from './space.ts';

/** A segment is retired as a whole: one that took years to fill would keep its first record as long. */
const SEGMENT_MS = 86_400_000;

/** One record without its place. `n` counts up with each entry of a process, so that what was written in doubt is not written twice; 0: never in doubt. */
export interface Entry {
  readonly n: number;
  /** `"id":"…",…}` */
  readonly tail: string;
  readonly kind: RecordKind;
  readonly call: string | undefined;
}

export interface AppenderOptions extends Places {
  readonly node: string;
  /** Names this process among all that were and will be on this machine. */
  readonly mark: string;
  readonly segmentBytes: number;
  readonly bounds: SpaceBounds;
}

export interface AppenderDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly signingKey: KeyObject;
  readonly runs: Runs;
  readonly onAbandoned: (number: number, why: string) => void;
}

/** Records that one checkpoint covers at most. */
const CHECKPOINT_RECORDS = 1024;
const SPACE_MS = 250;

const SQLITE_FULL = 13;

/** Another process has gone on to the next segment. */
class Ended extends Error {}
/** The file is not where it was: what was committed to it is lost with it. */
class Gone extends Error {}

export class Appender {
  readonly epoch: number;
  readonly #options: AppenderOptions;
  readonly #deps: AppenderDeps;
  readonly #startedAt: number;
  readonly #open = new Set<string>();
  #chain: Chain;
  #segment: Segment;
  /** Why nothing more may be written to it: what a disk says after it has failed once is not to be believed. */
  #broken: string | undefined;
  readonly #lock: RunLock | undefined;
  /** Of a commit that broke off: they have their places. */
  #pinned: readonly Entry[] = [];
  #written = 0;
  #checkpointed = 0;
  #space: SpaceReport | undefined;
  #spaceAt = 0;

  private constructor(options: AppenderOptions, deps: AppenderDeps, segment: Segment, { epoch, chain, at, lock }: Claim) {
    this.#options = options;
    this.#deps = deps;
    this.#segment = segment;
    this.epoch = epoch;
    this.#chain = chain;
    this.#startedAt = at;
    this.#lock = lock;
  }

  /** Claims the next epoch of the node, with its first record. */
  static open(options: AppenderOptions, deps: AppenderDeps): Result<Appender, StoreFault> {
    const rotation = { wall: deps.clock.wall, onAbandoned: deps.onAbandoned };
    try {
      let segment = currentSegment(options, rotation);
      for (let broken = 0; ; ) {
        const claimed = claim(segment, options, deps);
        if (claimed.ok && claimed.value !== undefined) return ok(new Appender(options, deps, segment, claimed.value));
        if (!claimed.ok) {
          broken += 1;
          if (!mayBeLeft(claimed.error) || broken > options.directories.length) throw claimed.error;
          deps.onAbandoned(segment.number, messageIn(claimed.error));
        }
        const next = claimed.ok ? currentSegment(options, rotation) : nextSegment(segment, messageIn(claimed.error), options, rotation);
        segment.close();
        segment = next;
      }
    } catch (thrown) {
      return err(thrown instanceof Foreign ? thrown.fault : writeFault(thrown).fault);
    }
  }

  /** Records that no checkpoint covers yet. */
  get uncovered(): number {
    return this.#chain.size - this.#checkpointed;
  }

  /** Where new records go. */
  get path(): string {
    return this.#segment.path;
  }

  /** On the disk when it returns well, all or none. `also`: what else is to be in the same commit. */
  append(entries: readonly Entry[], also?: (segment: Segment) => void): Result<void, StoreFault> {
    const fresh = entries.filter((entry) => entry.n === 0 || (entry.n > this.#written && !this.#pinned.some((one) => one.n === entry.n)));
    return this.#inSegment([...this.#pinned, ...fresh], (segment) => {
      if (this.uncovered >= CHECKPOINT_RECORDS) this.#sign(segment);
      also?.(segment);
    });
  }

  /** Signs what no checkpoint covers yet. */
  checkpoint(): Result<void, StoreFault> {
    return this.uncovered === 0 && this.#pinned.length === 0 ? ok(undefined) : this.#inSegment(this.#pinned, (segment) => this.#sign(segment));
  }

  /** The last checkpoint, and the word that this epoch is over; not with calls that have no outcome: those are for the next run to close. Nothing may follow. */
  end(): Result<void, StoreFault> {
    const done = this.#inSegment(this.#pinned, (segment) => {
      this.#sign(segment);
      if (this.#isConcluded()) segment.endEpoch(this.epoch, this.#deps.clock.wall());
    });
    this.#segment.close();
    this.#lock?.release();
    return done;
  }

  /** Looked at again now and then. */
  space(): SpaceReport {
    const now = this.#deps.clock.mono();
    if (this.#space === undefined || now - this.#spaceAt >= SPACE_MS) {
      this.#space = spaceIn(this.#options.directories, dirname(this.#segment.path), this.#options.bounds);
      this.#spaceAt = now;
    }
    return this.#space;
  }

  /** In the segment that is written now, or in a new one when this one is full, gone or broken. */
  #inSegment(group: readonly Entry[], also: (segment: Segment) => void): Result<void, StoreFault> {
    const before = this.#chain.state();
    const checkpointed = this.#checkpointed;
    for (let tries = 0; ; tries += 1) {
      if (this.#broken !== undefined) {
        const moved = this.#moveOn(this.#broken);
        if (!moved.ok) return moved;
      }
      try {
        this.#write(group, also);
        this.#committed(group);
        return ok(undefined);
      } catch (thrown) {
        this.#chain = new Chain(this.#options.node, this.epoch, before);
        this.#checkpointed = checkpointed;
        if (!this.#mayMoveOn(thrown)) return err(writeFault(thrown).fault);
        const ended = thrown instanceof Ended;
        if (!ended) {
          // Its commit may be on the disk or not: from now on these records stand where they stood.
          this.#pinned = group;
          this.#broken = writeFault(thrown).fault.detail;
        }
        if (tries > this.#options.directories.length) return err(writeFault(thrown).fault);
        const moved = ended ? this.#moveOn(undefined) : ok(undefined);
        if (!moved.ok) return moved;
      }
    }
  }

  #write(group: readonly Entry[], also: (segment: Segment) => void): void {
    const segment = this.#segment;
    segment.begin();
    // Whoever reads has gone on to the next one, and would never see what is added here.
    if (segment.isSealed() || hasNext(this.#options.directories, segment.number)) throw new Ended();
    if (!segment.hasBegun(this.epoch)) segment.beginEpoch(this.#start());
    for (const entry of group) {
      const { seq, record } = this.#chain.append(entry.tail);
      segment.insert(this.epoch, seq, record);
    }
    also(segment);
    const now = this.#deps.clock.wall();
    if (segment.bytes() >= this.#options.segmentBytes || now - segment.createdAt >= SEGMENT_MS) segment.seal(now);
    segment.commit();
    if (!segment.isThere()) throw new Gone(`${segment.path} is not there any more`);
    segment.begun(this.epoch);
  }

  #committed(group: readonly Entry[]): void {
    this.#pinned = [];
    for (const entry of group) {
      this.#written = Math.max(this.#written, entry.n);
      track(this.#open, entry);
    }
  }

  /** Whether no call is open, with what is about to be written. */
  #isConcluded(): boolean {
    const open = new Set(this.#open);
    for (const entry of this.#pinned) track(open, entry);
    return open.size === 0;
  }

  #sign(segment: Segment): void {
    const size = this.#chain.size;
    segment.checkpoint(this.epoch, size, signCheckpoint({ node: this.#options.node, epoch: this.epoch, size, root: this.#chain.root() }, this.#deps.signingKey));
    this.#checkpointed = size;
  }

  #start(): EpochStart {
    const { seq, prev, tree } = this.#chain.state();
    return { epoch: this.epoch, mark: this.#options.mark, startedAt: this.#startedAt, firstSeq: seq + 1, prev, frontier: tree.save(), open: [...this.#open] };
  }

  /** Rolls back; whether another segment may take it. */
  #mayMoveOn(thrown: unknown): boolean {
    try {
      this.#segment.rollback();
    } catch {
      // The connection is given up with its segment, or tried again as it is.
    }
    if (thrown instanceof Ended || thrown instanceof Gone) return true;
    return isBroken(thrown) || (primaryIn(thrown) === SQLITE_FULL && this.#options.directories.length > 1);
  }

  #moveOn(abandoned: string | undefined): Result<void, StoreFault> {
    try {
      const from = this.#segment;
      this.#segment = nextSegment(from, abandoned, this.#options, { wall: this.#deps.clock.wall, onAbandoned: this.#deps.onAbandoned });
      this.#broken = undefined;
      if (abandoned !== undefined) this.#deps.onAbandoned(from.number, abandoned);
      from.close();
      return ok(undefined);
    } catch (thrown) {
      return err(writeFault(thrown).fault);
    }
  }
}

/** What is left open by it. */
function track(open: Set<string>, { kind, call }: Entry): void {
  if (call === undefined) return;
  if (kind === 'intent') open.add(call);
  else if (kind === 'outcome') open.delete(call);
}
