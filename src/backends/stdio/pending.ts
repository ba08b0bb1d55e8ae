// The requests to one child that wait for an answer: our own ids, the time each may take, and how each is settled once. Reads and writes nothing.
import type { RawJson } from '../../core/json/scan.ts';
import { safeIntegerOf } from '../../core/json/slice.ts';
import type { BackendReply, BackendFault, Clock, Timers } from '../../core/ports.ts';
import { err, type Result } from '../../core/result.ts';
import type { Attribution } from '../attribution.ts';
import { type Deadline, type DeadlineTimes, startDeadline } from '../deadline.ts';
import { type ProgressGate, progressGate } from '../progress.ts';
import type { Serving } from '../serving.ts';

export interface AskOptions extends DeadlineTimes {
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((params: RawJson) => void) | undefined;
  readonly resultBytes: number;
  /** False for the handshake: `initialize` is never cancelled. */
  readonly cancellable: boolean;
  /** The agent's call that this is; undefined: a question of our own. */
  readonly serving?: Serving;
  /** Called when it is written. */
  readonly sent?: (() => void) | undefined;
  /** Of `subscriptions/listen`: what was agreed. */
  readonly acknowledged?: (params: RawJson) => void;
}

export type Asked = Result<BackendReply, BackendFault>;

export interface Pending {
  readonly limit: number;
  readonly gate: ProgressGate;
  readonly deadline: Deadline;
  readonly acknowledged: ((params: RawJson) => void) | undefined;
  /** `answered`: the child has said its last word about it. */
  readonly settle: (asked: Asked, answered: boolean) => void;
}

export interface PendingDeps {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly attribution: Attribution;
  /** Whether the call that ends with this signal has a question open. */
  readonly isAsked: (ended: AbortSignal) => boolean;
  /** A call that nobody waits for was answered with this task, which nobody knows. */
  readonly orphaned: (task: string) => void;
  /** Tells the child that nobody waits for this one any more. */
  readonly cancel: (id: number, reason: string) => void;
}

/** For a child to end a call whose question was withdrawn. */
const ENDING_MS = 2_000;

export class PendingRequests {
  readonly #deps: PendingDeps;
  readonly #waiting = new Map<number, Pending>();
  /** Given up, with a question withdrawn, and not yet cancelled. */
  readonly #ending = new Map<number, () => void>();
  #lastId = 0;

  constructor(deps: PendingDeps) {
    this.#deps = deps;
  }

  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  wait(id: number, options: AskOptions): Promise<Asked> {
    return new Promise((resolve) => this.#begin(id, options, resolve));
  }

  #begin(id: number, options: AskOptions, resolve: (asked: Asked) => void): void {
    const { signal, serving, acknowledged } = options;
    const { attribution } = this.#deps;
    const ended = new AbortController();
    const give = (fault: BackendFault): void => {
      const asked = this.#deps.isAsked(ended.signal);
      settle(err(fault), false);
      if (options.cancellable) this.#cancel(id, fault.code, asked);
    };
    const abort = (): void => give({ code: 'cancelled' });
    const deadline = startDeadline(this.#deps, options, (afterMs) => give({ code: 'timeout', afterMs }));
    const settle = (asked: Asked, answered: boolean): void => {
      if (!this.#waiting.delete(id)) return;
      deadline.clear();
      signal?.removeEventListener('abort', abort);
      attribution.end(id, answered, asked.ok ? asked.value : undefined);
      ended.abort();
      resolve(asked);
    };
    signal?.addEventListener('abort', abort, { once: true });
    const gate = progressGate(options.onProgress);
    this.#waiting.set(id, { limit: options.resultBytes, gate, deadline, acknowledged, settle });
    if (serving !== undefined) attribution.begin(id, { ...serving, deadline, ended: ended.signal });
  }

  /**
   * A child whose question is withdrawn mostly ends the call by itself, and says so; one that was cancelled says nothing, and nobody knows
   * for how long it may still ask (4.6: the answer first, then the cancel).
   */
  #cancel(id: number, reason: string, asked: boolean): void {
    if (!asked) return this.#deps.cancel(id, reason);
    this.#ending.set(id, this.#deps.timers.after(ENDING_MS, () => {
      this.#ending.delete(id);
      this.#deps.cancel(id, reason);
    }));
    return undefined;
  }

  /** By its id as the child wrote it. */
  of(idRaw: RawJson | undefined): Pending | undefined {
    const id = safeIntegerOf(idRaw);
    return id === undefined ? undefined : this.#waiting.get(id);
  }

  /** An answer to what nobody waits for: false when that was never asked; else it is merely late (C11). */
  late(idRaw: RawJson, reply: BackendReply | undefined): boolean {
    const id = safeIntegerOf(idRaw);
    if (id === undefined || id < 1 || id > this.#lastId) return false;
    this.#ending.get(id)?.();
    this.#ending.delete(id);
    const task = this.#deps.attribution.late(id, reply);
    if (task !== undefined) this.#deps.orphaned(task);
    return true;
  }

  /** Fails one call whose answer is known to be unusable; false when nobody waits for that id. */
  fail(id: number, fault: (limit: number) => BackendFault): boolean {
    const pending = this.#waiting.get(id);
    pending?.settle(err(fault(pending.limit)), true);
    return pending !== undefined;
  }

  close(fault: BackendFault): void {
    for (const pending of [...this.#waiting.values()]) pending.settle(err(fault), true);
    for (const undo of this.#ending.values()) undo();
    this.#ending.clear();
  }
}
