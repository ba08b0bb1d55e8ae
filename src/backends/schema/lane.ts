// A thread for checks that can be lost: one check at a time, each with a deadline (R6, I23). It says how a check ended; what that
// means for the schema and for the caller is decided in checker.ts.
import { Worker } from 'node:worker_threads';
import type { SchemaVerdict, Timers } from '../../core/ports.ts';
import type { CheckReply, CheckRequest } from './protocol.ts';

export interface Check extends Omit<CheckRequest, 'schema'> {
  readonly schema: string;
  /** Who sent the arguments. */
  readonly by: string;
  readonly settle: (verdict: SchemaVerdict) => void;
}

/** What the thread was doing when it was lost: starting, compiling a backend's schema, or checking an agent's arguments. */
export type Phase = 'start' | 'compile' | 'run';

export interface LaneDeps {
  readonly timers: Timers;
  /** For one validation; read at each. */
  readonly deadlineMs: () => number;
  /** The thread is gone. `rest` waited behind `check` and was not looked at; what is returned is asked again on a new thread. */
  readonly lost: (check: Check, phase: Phase, why: string, rest: readonly Check[]) => readonly Check[];
}

/** As many as the worker keeps compiled. */
const KNOWN = 512;
const COMPILE_MS = 2_000;
const BOOT_MS = 20_000;
/** When the event loop itself stood still, the answer lies behind the deadline's timer: it is looked at before anybody is blamed. */
const LATE_MS = 25;
const LIMITS = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 8, codeRangeSizeMb: 16, stackSizeMb: 2 };
const PROGRAM = new URL(import.meta.url.replace(/lane(\.[jt]s)$/, 'worker$1'));

export class Lane {
  readonly #deps: LaneDeps;
  /** In the order sent; the first is at work. */
  #queue: Check[] = [];
  #worker: Worker | undefined;
  #isReady = false;
  #undo: () => void = () => undefined;
  readonly #known = new Set<string>();
  #closed = false;

  constructor(deps: LaneDeps) {
    this.#deps = deps;
  }

  /** The thread starts with the first check. */
  add(check: Check): void {
    this.#queue.push(check);
    const worker = (this.#worker ??= this.#start());
    if (!this.#isReady) return;
    this.#post(worker, check);
    if (this.#queue.length === 1) this.#arm();
  }

  /** The checks that were not answered. */
  async close(): Promise<readonly Check[]> {
    this.#closed = true;
    this.#undo();
    const left = this.#queue.splice(0);
    await this.#worker?.terminate();
    return left;
  }

  #post(worker: Worker, { id, digest, schema, args }: Check): void {
    worker.postMessage({ id, digest, args, schema: this.#known.has(digest) ? undefined : schema } satisfies CheckRequest);
  }

  /** The clock of the check at work. Compiling has its own time, so that no caller pays for another's schema. */
  #arm(): void {
    this.#undo();
    const [head] = this.#queue;
    if (head === undefined) return;
    const deadlineMs = this.#deps.deadlineMs();
    this.#undo = this.#deps.timers.after(this.#known.has(head.digest) ? deadlineMs : Math.max(COMPILE_MS, deadlineMs), () => {
      this.#undo = this.#deps.timers.after(LATE_MS, () => this.#lost('a schema ran out of time'));
    });
  }

  #start(): Worker {
    const worker = new Worker(PROGRAM, { resourceLimits: LIMITS, env: {}, execArgv: [], argv: [], stdin: false, stdout: false, stderr: false });
    // An idle thread must not keep the gateway alive; checks at work do, by their timer.
    worker.unref();
    this.#isReady = false;
    this.#undo = this.#deps.timers.after(BOOT_MS, () => this.#lost('the checker did not start'));
    worker.on('message', (reply: CheckReply) => {
      if (worker === this.#worker) this.#told(worker, reply);
    });
    for (const event of ['error', 'exit'] as const) {
      worker.on(event, (what: unknown) => {
        if (worker === this.#worker && !this.#closed) this.#lost(what instanceof Error ? `a schema broke its thread: ${what.message}` : 'a schema ended its thread');
      });
    }
    return worker;
  }

  #told(worker: Worker, reply: CheckReply): void {
    if (reply.kind === 'ready') {
      this.#isReady = true;
      for (const check of this.#queue) this.#post(worker, check);
      return this.#arm();
    }
    const [head] = this.#queue;
    if (head === undefined || head.id !== reply.id) return undefined;
    if (reply.kind === 'compiled') {
      if (this.#known.size >= KNOWN) this.#known.clear();
      this.#known.add(head.digest);
      return this.#arm();
    }
    this.#queue.shift();
    if (reply.kind === 'missing') {
      // The worker's cache is smaller than our memory of it: behind the others, with its schema.
      this.#known.delete(head.digest);
      this.add(head);
    } else head.settle(verdictOf(reply));
    return this.#arm();
  }

  #lost(why: string): void {
    this.#undo();
    const wasReady = this.#isReady;
    const dead = this.#worker;
    this.#worker = undefined;
    this.#isReady = false;
    const [head, ...rest] = this.#queue.splice(0);
    const phase = !wasReady ? 'start' : head !== undefined && this.#known.has(head.digest) ? 'run' : 'compile';
    this.#known.clear();
    void dead?.terminate();
    if (head === undefined) return;
    for (const waiting of this.#deps.lost(head, phase, why, rest)) this.add(waiting);
  }
}

function verdictOf(reply: Extract<CheckReply, { readonly kind: 'valid' | 'invalid' | 'unusable' }>): SchemaVerdict {
  switch (reply.kind) {
    case 'valid': return { kind: 'valid' };
    case 'invalid': return { kind: 'invalid', errors: reply.errors };
    case 'unusable': return { kind: 'unusable', note: reply.note };
  }
}
