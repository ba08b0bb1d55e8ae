// The audit as the pipeline sees it: an intent is on disk when its promise resolves, an outcome follows, nothing is lost uncounted.
import type { RawJson } from '../../core/json/scan.ts';
import { err, ok, type Result } from '../../core/result.ts';
import type { AuditStore, Intent, StoreFault } from '../../core/ports.ts';
import type { LifecycleEvent } from '../../core/lifecycle.ts';
import type { Outcome } from '../../core/outcome.ts';
import { verdictOf } from '../../core/ruling.ts';
import type { AuditSettings } from '../../core/audit/settings.ts';
import { messageIn } from '../../core/thrown.ts';
import { createEncoder, type Encoder, type RecordDeps, type Values } from '../record.ts';
import { tailOf } from './members.ts';
import { type QueueBounds, WriteQueue } from './queue.ts';
import type { Opened } from './scribe.ts';
import type { JournalSession } from './session.ts';
import type { SpaceReport } from './space.ts';

export interface JournalHealth {
  /** False: `audit.enabled = false`, nothing is written. */
  readonly enabled: boolean;
  readonly queued: number;
  /** Records given up since the start. */
  readonly failed: number;
  /** Refusals without a record of their own, because there is only room for calls under way. */
  readonly unrecorded: number;
  readonly fault: StoreFault | undefined;
  /** Undefined before the first write. */
  readonly space: SpaceReport | undefined;
}

export interface Journal extends AuditStore {
  /** Claims an epoch and closes what dead runs left open. */
  start(): Promise<Result<Opened | undefined, StoreFault>>;
  health(): JournalHealth;
  /** Writes what waits, in one last attempt, and the last checkpoint. */
  close(): Promise<void>;
}

export interface JournalDeps extends RecordDeps {
  readonly session: JournalSession;
  /** Read at each record, so that a reload counts. */
  readonly settings: () => AuditSettings;
  /** Runs `task` after `ms`; returns the undo. Must not keep the process alive. */
  readonly after: (ms: number, task: () => void) => () => void;
  /** Told when the journal cannot be written, can be again, and at each record that is given up. */
  readonly onChange?: (health: JournalHealth) => void;
  readonly bounds?: QueueBounds;
}

const BOUNDS: QueueBounds = { queue: 4096, retry: 16_384 };
/** The longest that anybody waits for a record: a disk that hangs must not hold every call with it. */
const WAIT_MS = 10_000;
/** Calls in flight whose arguments are on record; beyond it arguments are simply described twice. */
const INTENDED = 65_536;

export function createJournal(deps: JournalDeps): Journal {
  return new GroupCommitJournal(deps);
}

class GroupCommitJournal implements Journal {
  readonly #deps: JournalDeps;
  readonly #encoder: Encoder;
  readonly #queue: WriteQueue;
  readonly #intended = new Set<string>();
  #unencoded = 0;
  #unrecorded = 0;
  /** Once it has begun, what happens to the gateway stays on record: that it was switched off, too. */
  #begun = false;
  /** Set while a write takes longer than anybody waits. */
  #late: StoreFault | undefined;
  #watching = false;

  constructor(deps: JournalDeps) {
    const { session, after, onChange, bounds } = deps;
    this.#deps = deps;
    this.#encoder = createEncoder(deps);
    this.#queue = new WriteQueue({ sink: session, bounds: bounds ?? BOUNDS, after, onChange: () => onChange?.(this.health()) });
  }

  async start(): Promise<Result<Opened | undefined, StoreFault>> {
    if (!this.#deps.settings().enabled) return ok(undefined);
    const opened = await this.#deps.session.open();
    if (opened.ok) this.#begun = true;
    else this.#queue.breakOff(opened.error);
    return opened;
  }

  async intend(intent: Intent): Promise<Result<void, StoreFault>> {
    const { call, judged } = intent;
    const { enabled, durability } = this.#deps.settings();
    if (!enabled) return ok(undefined);
    const fault = this.#late ?? this.#tooFull(judged.changes) ?? this.#crowded();
    if (fault !== undefined) return err(fault);
    const waits = durability === 'before_effect' || (durability === 'reads_batched' && judged.changes);
    const written = await this.#add(() => this.#encoder.intent(intent), { keep: !waits, urgent: waits });
    if (written.ok && this.#intended.size < INTENDED) this.#intended.add(call.id);
    return written;
  }

  conclude(outcome: Outcome, result?: RawJson): Promise<Result<void, StoreFault>> {
    const urgent = this.#deps.settings().durability !== 'batched';
    const onRecord = outcome.kind === 'call' && this.#intended.delete(outcome.call.id);
    // What is kept for the ends of calls must not go to those that were never begun: counted, as refusals over their share are.
    if (!onRecord && verdictOf(outcome) === 'deny' && this.#hasRoomForCallsOnly()) {
      this.#unrecorded += 1;
      return Promise.resolve(ok(undefined));
    }
    if (outcome.kind === 'refused') return this.#add(() => this.#encoder.refusal(outcome), { keep: true, urgent });
    // What has an intent gets its end, also when the audit was switched off meanwhile.
    return this.#add(() => this.#encoder.outcome(outcome, !onRecord, result), { keep: true, urgent, always: onRecord });
  }

  note(event: LifecycleEvent): Promise<Result<void, StoreFault>> {
    return this.#add(() => this.#encoder.lifecycle(event), { keep: true, urgent: true, always: this.#begun });
  }

  health(): JournalHealth {
    const { size, lost, fault } = this.#queue;
    const space = this.#deps.session.space();
    return { enabled: this.#deps.settings().enabled, queued: size, failed: lost + this.#unencoded, unrecorded: this.#unrecorded, fault: fault ?? this.#late ?? this.#tooFull(true), space };
  }

  async close(): Promise<void> {
    await this.#queue.close();
    await this.#deps.session.end();
  }

  #hasRoomForCallsOnly(): boolean {
    return this.#deps.settings().enabled && this.#deps.session.space()?.space === 'full';
  }

  /** Room is kept for the records of what is under way. */
  #tooFull(changes: boolean): StoreFault | undefined {
    const report = this.#deps.session.space();
    if (report === undefined || report.space === 'enough' || (report.space === 'low' && !changes)) return undefined;
    return { code: 'full', detail: `the journal has ${report.bytes} bytes, and ${report.free} are free on its disk: that is kept for calls under way` };
  }

  async #add(encode: () => Values, how: { readonly keep: boolean; readonly urgent: boolean; readonly always?: boolean }): Promise<Result<void, StoreFault>> {
    if (!this.#deps.settings().enabled && how.always !== true) return ok(undefined);
    try {
      const values = encode();
      const written = this.#queue.add({ tail: tailOf(values), kind: values.kind, call: values.call_id ?? undefined }, how);
      if (how.urgent) return await this.#inTime(written);
      // Nobody waits for it, but that it takes too long must be known: else calls would go on without a record of any.
      this.#watch(written);
      return this.#queue.fault === undefined ? ok(undefined) : err(this.#queue.fault);
    } catch (thrown) {
      if (how.keep) this.#unencoded += 1;
      this.#deps.onChange?.(this.health());
      return err({ code: 'corrupt', detail: `not encoded: ${messageIn(thrown)}` });
    }
  }

  #crowded(): StoreFault | undefined {
    return this.#queue.full ? { code: 'full', detail: `${this.#queue.size} records wait to be written` } : undefined;
  }

  /** One at a time is enough: what is behind it waits as long. */
  #watch(written: Promise<Result<void, StoreFault>>): void {
    if (this.#watching) return;
    this.#watching = true;
    void this.#inTime(written).then(() => {
      this.#watching = false;
    });
  }

  /** The record is still written when it can be; only the waiting ends. */
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
