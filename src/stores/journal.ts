// The audit as the pipeline sees it: an intent is on disk when its promise resolves, an outcome follows, nothing is lost uncounted.
import { err, ok, type Result } from '../core/result.ts';
import type { AuditStore, Intent, StoreFault } from '../core/ports.ts';
import type { LifecycleEvent } from '../core/lifecycle.ts';
import type { Outcome } from '../core/outcome.ts';
import { messageIn } from '../core/thrown.ts';
import type { Database } from './database.ts';
import { Ledger } from './ledger.ts';
import type { Life } from './life.ts';
import { type QueueBounds, WriteQueue } from './queue.ts';
import { createEncoder, type Encoder, type RecordDeps } from './record.ts';
import type { Unplaced } from './schema.ts';

export interface JournalHealth {
  /** False: `audit.enabled = false`, nothing is written. */
  readonly enabled: boolean;
  readonly queued: number;
  /** Records given up since the start. */
  readonly failed: number;
  readonly fault: StoreFault | undefined;
}

export interface Journal extends AuditStore {
  /** Makes the tables, claims an epoch and closes what dead runs left open. A failure is tried again by itself. */
  start(): Promise<Result<void, StoreFault>>;
  health(): JournalHealth;
  /** Writes what waits, in one last attempt. The database itself stays open. */
  close(): Promise<void>;
}

export interface JournalDeps extends RecordDeps {
  readonly database: Database;
  readonly life: Life;
  /** Runs `task` after `ms`; returns the undo. Must not keep the process alive. */
  readonly after: (ms: number, task: () => void) => () => void;
  /** Told when the database goes away, comes back, and at each record that is given up. */
  readonly onChange?: (health: JournalHealth) => void;
  readonly bounds?: QueueBounds;
}

const BOUNDS: QueueBounds = { queue: 4096, retry: 16_384 };
/** The longest that anybody waits for a record: a disk that hangs must not hold every call with it. PostgreSQL says no earlier. */
const WAIT_MS = 10_000;
/** Calls in flight whose arguments are on record; beyond it arguments are simply stored twice. */
const INTENDED = 65_536;

export function createJournal(deps: JournalDeps): Journal {
  return new GroupCommitJournal(deps);
}

class GroupCommitJournal implements Journal {
  readonly #deps: JournalDeps;
  readonly #encoder: Encoder;
  readonly #ledger: Ledger;
  readonly #queue: WriteQueue;
  readonly #intended = new Set<string>();
  #unencoded = 0;
  /** Set while a write takes longer than anybody waits. */
  #late: StoreFault | undefined;

  constructor(deps: JournalDeps) {
    const { database, node, life, clock, random, after, onChange, bounds } = deps;
    this.#deps = deps;
    this.#encoder = createEncoder(deps);
    this.#ledger = new Ledger({ database, node: node.id, life, clock, random });
    this.#queue = new WriteQueue({ sink: this.#ledger, bounds: bounds ?? BOUNDS, after, onChange: () => onChange?.(this.health()) });
  }

  async start(): Promise<Result<void, StoreFault>> {
    if (!this.#deps.settings().enabled) return ok(undefined);
    const opened = await this.#ledger.open();
    if (opened.ok) return ok(undefined);
    this.#queue.breakOff(opened.error);
    return opened;
  }

  async intend(intent: Intent): Promise<Result<void, StoreFault>> {
    const { id } = intent.call;
    if (this.#late !== undefined) return err(this.#late);
    const written = await this.#add(() => this.#encoder.intent(intent), false);
    if (written.ok && this.#intended.size < INTENDED && this.#deps.settings().enabled) this.#intended.add(id);
    return written;
  }

  conclude(outcome: Outcome): Promise<Result<void, StoreFault>> {
    if (outcome.kind === 'refused') return this.#add(() => this.#encoder.refusal(outcome), true);
    const onRecord = this.#intended.delete(outcome.call.id);
    return this.#add(() => this.#encoder.outcome(outcome, !onRecord), true);
  }

  note(event: LifecycleEvent): Promise<Result<void, StoreFault>> {
    return this.#add(() => this.#encoder.lifecycle(event), true);
  }

  health(): JournalHealth {
    const { size, lost, fault } = this.#queue;
    return { enabled: this.#deps.settings().enabled, queued: size, failed: lost + this.#unencoded, fault: fault ?? this.#late };
  }

  async close(): Promise<void> {
    if (await this.#queue.close()) await this.#ledger.end();
  }

  async #add(encode: () => Unplaced, keep: boolean): Promise<Result<void, StoreFault>> {
    if (!this.#deps.settings().enabled) return ok(undefined);
    try {
      return await this.#inTime(this.#queue.add(encode(), keep));
    } catch (thrown) {
      if (keep) this.#unencoded += 1;
      this.#deps.onChange?.(this.health());
      return err({ code: 'corrupt', detail: `not encoded: ${messageIn(thrown)}` });
    }
  }

  /** The row is still written when it can be; only the waiting ends. */
  #inTime(written: Promise<Result<void, StoreFault>>): Promise<Result<void, StoreFault>> {
    const late = Promise.withResolvers<Result<void, StoreFault>>();
    const undo = this.#deps.after(WAIT_MS, () => {
      const fault: StoreFault = { code: 'unavailable', detail: `a record has not been written for ${WAIT_MS / 1000} s` };
      late.resolve(err(fault));
      if (this.#late !== undefined) return;
      this.#late = fault;
      this.#deps.onChange?.(this.health());
    });
    const done = written.then((result) => {
      undo();
      if (this.#late !== undefined) {
        this.#late = undefined;
        this.#deps.onChange?.(this.health());
      }
      return result;
    });
    return Promise.race([done, late.promise]);
  }
}
