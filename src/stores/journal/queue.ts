// What waits to be written, and what is done when it cannot be. Entries that come while a write runs share the next one (group commit), so
// nobody waits when nothing runs. Bounded; what it gives up, it counts.
import { err, type Result } from '../../core/result.ts';
import type { StoreFault } from '../../core/ports.ts';
import { detached } from '../../core/text.ts';
import type { Entry } from './appender.ts';

/** Takes a group, or none of it. With no entries it says whether it works. */
export interface Sink {
  append(entries: readonly Entry[]): Promise<Result<void, StoreFault>>;
}

export interface Adding {
  /** An intent that somebody waits for is refused when it cannot be written now; all else is kept for later. */
  readonly keep: boolean;
  /** Somebody waits: a write begins at once. */
  readonly urgent: boolean;
}

export interface QueueBounds {
  /** Entries waiting while the journal works. */
  readonly queue: number;
  /** Entries kept while it does not. */
  readonly retry: number;
}

export interface QueueDeps {
  readonly sink: Sink;
  readonly bounds: QueueBounds;
  /** Runs `task` after `ms`; returns the undo. */
  readonly after: (ms: number, task: () => void) => () => void;
  readonly onChange: () => void;
}

interface Waiting {
  entry: Entry;
  detached: boolean;
  readonly keep: boolean;
  readonly done: (result: Result<void, StoreFault>) => void;
}

/** Entries of one commit. */
const GROUP = 256;
/** How long an entry that nobody waits for may stay in memory. */
const BATCH_MS = 20;
const RETRY_MS = 250;
const RETRY_MOST_MS = 5000;

export class WriteQueue {
  readonly #deps: QueueDeps;
  #pending: Waiting[] = [];
  /** Entries of the write under way. */
  #writing = 0;
  #running: Promise<void> | undefined;
  #made = 0;
  #lost = 0;
  #down: StoreFault | undefined;
  #retryMs = RETRY_MS;
  #undoRetry: (() => void) | undefined;
  #undoBatch: (() => void) | undefined;
  #closed = false;

  constructor(deps: QueueDeps) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#pending.length + this.#writing;
  }

  get lost(): number {
    return this.#lost;
  }

  get fault(): StoreFault | undefined {
    return this.#down;
  }

  /** No more than this waits although the journal works: what comes now would only be given up. */
  get full(): boolean {
    return this.#pending.length >= this.#deps.bounds.queue;
  }

  /** Resolves when the entry is on disk, or with the fault; one with `keep` is still written after a fault, when it can be. */
  add(entry: Omit<Entry, 'n'>, { keep, urgent }: Adding): Promise<Result<void, StoreFault>> {
    const down = this.#closed ? CLOSED : this.#down;
    if (down !== undefined && !keep) return Promise.resolve(err(down));
    const { queue, retry } = this.#deps.bounds;
    if (this.#pending.length >= (keep ? retry : queue) || (this.#closed && keep)) return Promise.resolve(this.#refuse(keep));
    return new Promise((done) => {
      this.#made += 1;
      const waiting: Waiting = { entry: { ...entry, n: this.#made }, detached: false, keep, done };
      this.#pending.push(waiting);
      if (down === undefined) return urgent ? this.#run() : this.#runSoon();
      detach(waiting);
      done(err(down));
    });
  }

  /** The first look at the journal failed: behave as after a failed write. */
  breakOff(fault: StoreFault): void {
    this.#fail([], fault);
  }

  /** Writes what waits, in one last attempt; what is left is lost. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#undoRetry?.();
    this.#undoBatch?.();
    await this.#running;
    if (this.#down !== undefined && this.#pending.length > 0) await this.#probe();
    await this.#drain();
    this.#lost += this.#pending.length;
    if (this.#pending.length > 0) this.#deps.onChange();
  }

  #refuse(keep: boolean): Result<void, StoreFault> {
    if (keep) {
      this.#lost += 1;
      this.#deps.onChange();
    }
    return err(this.#closed ? CLOSED : { code: 'full', detail: `${this.#pending.length} records wait to be written` });
  }

  #runSoon(): void {
    this.#undoBatch ??= this.#deps.after(BATCH_MS, () => {
      this.#undoBatch = undefined;
      if (this.#down === undefined && !this.#closed) this.#run();
    });
  }

  #run(): void {
    this.#start(async () => {
      // A turn of its own: what the same turn still brings joins the group.
      await Promise.resolve();
      await this.#drain();
    });
  }

  #start(work: () => Promise<void>): void {
    this.#running ??= work().finally(() => {
      this.#running = undefined;
      if (this.#pending.length > 0 && this.#down === undefined) this.#run();
    });
  }

  async #drain(): Promise<void> {
    while (this.#pending.length > 0 && this.#down === undefined) {
      const group = this.#pending.splice(0, GROUP);
      const written = await this.#write(group);
      if (written.ok) settle(group, written);
      else this.#fail(group, written.error);
    }
  }

  async #write(group: readonly Waiting[]): Promise<Result<void, StoreFault>> {
    this.#writing += group.length;
    try {
      return await this.#deps.sink.append(group.map(({ entry }) => entry));
    } finally {
      this.#writing -= group.length;
    }
  }

  /** The journal cannot be written: who waits for an intent is told, the rest waits for its return. */
  #fail(group: readonly Waiting[], fault: StoreFault): void {
    const waiting = [...group, ...this.#pending];
    settle(waiting, err(fault));
    const kept = waiting.filter(({ keep }) => keep);
    this.#lost += Math.max(0, kept.length - this.#deps.bounds.retry);
    this.#pending = kept.slice(0, this.#deps.bounds.retry);
    this.#pending.forEach(detach);
    this.#down = fault;
    if (!this.#closed) {
      this.#undoRetry?.();
      this.#undoRetry = this.#deps.after(this.#retryMs, () => this.#retry());
      this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MOST_MS);
    }
    this.#deps.onChange();
  }

  /** Waits for its turn: a retry that gave way to a running write would be the last. */
  #retry(): void {
    if (this.#down === undefined || this.#closed) return;
    if (this.#running === undefined) this.#start(() => this.#probe());
    else void this.#running.then(() => this.#retry());
  }

  async #probe(): Promise<void> {
    const group = this.#pending.splice(0, GROUP);
    const written = await this.#write(group);
    if (!written.ok) return this.#fail(group, written.error);
    settle(group, written);
    this.#down = undefined;
    this.#retryMs = RETRY_MS;
    this.#deps.onChange();
  }
}

const CLOSED: StoreFault = { code: 'unavailable', detail: 'the audit is closed' };

function settle(group: readonly Waiting[], result: Result<void, StoreFault>): void {
  for (const { done } of group) done(result);
}

/** What waits long must not keep alive the message that it was cut from. */
function detach(waiting: Waiting): void {
  if (!waiting.detached) waiting.entry = { ...waiting.entry, tail: detached(waiting.entry.tail) };
  waiting.detached = true;
}
