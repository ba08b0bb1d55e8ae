// What waits to be written, and what is done when it cannot be. Rows that come while a write runs share the next one (group
// commit), so nobody waits when nothing runs. Bounded; what it gives up, it counts.
import { err, ok, type Result } from '../core/result.ts';
import type { StoreFault } from '../core/ports.ts';
import type { WriteFault } from './fault.ts';
import type { Numbered } from './ledger.ts';
import type { Unplaced } from './schema.ts';
import { GROUP } from './writer.ts';

export interface Sink {
  write(rows: readonly Numbered[]): Promise<Result<void, WriteFault>>;
  ping(): Promise<Result<void, WriteFault>>;
}

export interface QueueBounds {
  /** Rows waiting while the database works. */
  readonly queue: number;
  /** Rows kept while it does not. */
  readonly retry: number;
}

export interface QueueDeps {
  readonly sink: Sink;
  readonly bounds: QueueBounds;
  /** Runs `task` after `ms`; returns the undo. */
  readonly after: (ms: number, task: () => void) => () => void;
  readonly onChange: () => void;
}

interface Entry extends Numbered {
  row: Unplaced;
  detached: boolean;
  /** An intent is refused when it cannot be written now; all else is kept for later. */
  readonly keep: boolean;
  readonly done: (result: Result<void, StoreFault>) => void;
}

const RETRY_MS = 250;
const RETRY_MOST_MS = 5000;

export class WriteQueue {
  readonly #deps: QueueDeps;
  #pending: Entry[] = [];
  /** Rows of the write under way. */
  #writing = 0;
  #running: Promise<void> | undefined;
  #lost = 0;
  #down: StoreFault | undefined;
  #retryMs = RETRY_MS;
  #undoRetry: (() => void) | undefined;
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

  /** Resolves when the row is on disk, or with the fault; a row with `keep` is still written after a fault, when it can be. */
  add(row: Unplaced, keep: boolean): Promise<Result<void, StoreFault>> {
    const down = this.#closed ? CLOSED : this.#down;
    if (down !== undefined && !keep) return Promise.resolve(err(down));
    const { queue, retry } = this.#deps.bounds;
    if (this.#pending.length >= (keep ? retry : queue) || (this.#closed && keep)) return Promise.resolve(this.#refuse(keep));
    return new Promise((done) => {
      const entry: Entry = { row, detached: false, keep, done, seq: undefined };
      this.#pending.push(entry);
      if (down === undefined) return this.#run();
      detach(entry);
      done(err(down));
    });
  }

  /** The first look at the database failed: behave as after a failed write. */
  breakOff(fault: StoreFault): void {
    this.#fail([], fault);
  }

  /** Writes what waits, in one last attempt. True when nothing is left. */
  async close(): Promise<boolean> {
    this.#closed = true;
    this.#undoRetry?.();
    await this.#running;
    if (this.#down !== undefined && this.#pending.length > 0) await this.#probe();
    await this.#drain();
    this.#lost += this.#pending.length;
    return this.#pending.length === 0 && this.#down === undefined;
  }

  #refuse(keep: boolean): Result<void, StoreFault> {
    if (keep) {
      this.#lost += 1;
      this.#deps.onChange();
    }
    return err(this.#closed ? CLOSED : { code: 'full', detail: `${this.#pending.length} records wait to be written` });
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
    while (this.#pending.length > 0 && this.#down === undefined) await this.#writeGroup(this.#pending.splice(0, GROUP));
  }

  async #write(entries: readonly Entry[]): Promise<Result<void, WriteFault>> {
    this.#writing += entries.length;
    try {
      return await this.#deps.sink.write(entries);
    } finally {
      this.#writing -= entries.length;
    }
  }

  /** A group fails as one; when a row is to blame, each is written alone, so that it takes nobody with it (D1). */
  async #writeGroup(entries: readonly Entry[]): Promise<void> {
    const written = await this.#write(entries);
    if (written.ok) return settle(entries, ok(undefined));
    if (!written.error.row) return this.#fail(entries, written.error.fault);
    if (entries.length === 1) return this.#giveUp(entries, written.error.fault);
    for (const entry of entries) await this.#writeGroup([entry]);
  }

  #giveUp(entries: readonly Entry[], fault: StoreFault): void {
    this.#lost += entries.filter((entry) => entry.keep).length;
    settle(entries, err(fault));
    this.#deps.onChange();
  }

  /** The database is away: who waits for an intent is told, the rest waits for its return. */
  #fail(entries: readonly Entry[], fault: StoreFault): void {
    const waiting = [...entries, ...this.#pending];
    settle(waiting, err(fault));
    const kept = waiting.filter((entry) => entry.keep);
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
    const written = group.length > 0 ? await this.#write(group) : await this.#deps.sink.ping();
    if (!written.ok && !written.error.row) return this.#fail(group, written.error.fault);
    this.#down = undefined;
    this.#retryMs = RETRY_MS;
    if (!written.ok) for (const entry of group) await this.#writeGroup([entry]);
    this.#deps.onChange();
  }
}

const CLOSED: StoreFault = { code: 'unavailable', detail: 'the audit is closed' };

function settle(entries: readonly Entry[], result: Result<void, StoreFault>): void {
  for (const entry of entries) entry.done(result);
}

/** A slice keeps the whole message it was cut from alive; a row that waits long must not. */
function detach(entry: Entry): void {
  if (!entry.detached) entry.row = structuredClone(entry.row);
  entry.detached = true;
}
