// Does what the journal's thread is asked, one thing after the other. Without a thread it serves short-lived commands.
import type { Clock, Random, StoreFault, Timers } from '../../core/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { guardedNow } from '../fault.ts';
import type { Life } from '../life.ts';
import { loadSigningKey } from '../tlog/signing-key.ts';
import { Appender, type Entry } from './appender.ts';
import type { Directories } from './folder.ts';
import { closeOpenCalls } from './recovery.ts';
import { type Runs, runsIn } from './runs.ts';
import type { SpaceBounds, SpaceReport } from './space.ts';

export interface ScribeOptions {
  readonly directories: Directories;
  readonly stateDir: string;
  readonly node: string;
  readonly segmentBytes: number;
  readonly bounds: SpaceBounds;
  /** Whether what dead runs left open is closed: not by commands, which may not know who lives. */
  readonly recovers: boolean;
}

export interface ScribeDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly timers: Timers;
  readonly life: Life;
  /** Usually locks in the state directory. */
  readonly runs?: Runs;
  readonly onAbandoned: (number: number, why: string) => void;
}

export interface Opened {
  readonly epoch: number;
  /** Calls of dead runs that were closed. */
  readonly indeterminate: number;
}

/** So long after a record at the latest it is covered by a checkpoint. */
const CHECKPOINT_MS = 1000;

const CLOSED: StoreFault = { code: 'unavailable', detail: 'the journal is closed' };

export class Scribe {
  readonly #options: ScribeOptions;
  readonly #deps: ScribeDeps;
  readonly #runs: Runs;
  #appender: Appender | undefined;
  #opened: Opened | undefined;
  #ended = false;
  #undo: (() => void) | undefined;

  constructor(options: ScribeOptions, deps: ScribeDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#runs = deps.runs ?? runsIn(options.stateDir);
  }

  /** Claims an epoch, once; a failed attempt may be repeated. */
  open(): Result<Opened, StoreFault> {
    if (this.#ended) return err(CLOSED);
    if (this.#opened !== undefined) return ok({ ...this.#opened, indeterminate: 0 });
    const claimed = this.#claim();
    if (!claimed.ok) return claimed;
    const recovered = this.#recover(claimed.value);
    if (!recovered.ok) return recovered;
    this.#opened = { epoch: claimed.value.epoch, indeterminate: recovered.value };
    this.#signSoon();
    return ok(this.#opened);
  }

  /** Kept when what follows fails: another attempt goes on with the same epoch. */
  #claim(): Result<Appender, StoreFault> {
    if (this.#appender !== undefined) return ok(this.#appender);
    const key = loadSigningKey(this.#options.stateDir, this.#options.node);
    if (!key.ok) return key;
    const { clock, random, life, onAbandoned } = this.#deps;
    const opened = Appender.open({ ...this.#options, mark: life.mark }, { clock, random, onAbandoned, runs: this.#runs, signingKey: key.value.privateKey });
    if (opened.ok) this.#appender = opened.value;
    return opened;
  }

  #recover(appender: Appender): Result<number, StoreFault> {
    if (!this.#options.recovers) return ok(0);
    return guardedNow(() => {
      // What an attempt before wrote in doubt is counted before it is looked what is open.
      const written = appender.append([]);
      return written.ok ? closeOpenCalls(appender, { ...this.#deps, runs: this.#runs, directories: this.#options.directories }) : written;
    });
  }

  /** On the disk when it returns well. */
  append(entries: readonly Entry[]): Result<void, StoreFault> {
    const opened = this.open();
    if (!opened.ok) return opened;
    const appender = this.#appender;
    if (appender === undefined) return err(CLOSED);
    const written = guardedNow(() => appender.append(entries));
    this.#signSoon();
    return written;
  }

  space(): SpaceReport | undefined {
    try {
      return this.#appender?.space();
    } catch {
      // Said by the next write.
      return undefined;
    }
  }

  /** With a last checkpoint. */
  end(): Result<void, StoreFault> {
    this.#undo?.();
    const appender = this.#appender;
    this.#appender = undefined;
    this.#ended = true;
    return appender === undefined ? ok(undefined) : guardedNow(() => appender.end());
  }

  #signSoon(): void {
    if (this.#undo !== undefined || this.#appender === undefined || this.#appender.uncovered === 0) return;
    this.#undo = this.#deps.timers.after(CHECKPOINT_MS, () => {
      this.#undo = undefined;
      const appender = this.#appender;
      if (appender === undefined) return;
      const signed = guardedNow(() => appender.checkpoint());
      if (!signed.ok) this.#signSoon();
    });
  }
}
