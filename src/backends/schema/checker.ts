// Arguments against a backend's own schema, on a thread that can be lost: one check at a time, each with a deadline (R6, I23).
import { Worker } from 'node:worker_threads';
import type { Target } from '../../core/call.ts';
import type { RawJson } from '../../core/json/scan.ts';
import type { Clock, SchemaChecker, SchemaVerdict } from '../../core/ports.ts';
import type { Timers } from '../deps.ts';
import type { CheckReply, CheckRequest } from './protocol.ts';

export interface CheckerDeps {
  readonly clock: Clock;
  readonly timers: Timers;
  /** For one validation. Compiling a schema, once, may take longer. */
  readonly deadlineMs: number;
  readonly schemaBytes: number;
  /** The worker was lost: why, in words. */
  readonly log: (text: string) => void;
}

export interface ClosableChecker extends SchemaChecker {
  /** Checks that wait are answered `unusable`. */
  close(): Promise<void>;
}

interface Check extends Omit<CheckRequest, 'schema'> {
  readonly schema: string;
  readonly resolve: (verdict: SchemaVerdict) => void;
  readonly retried: boolean;
}

/** As many as the worker keeps compiled. */
const KNOWN = 512;
const COMPILE_MS = 2_000;
const BOOT_MS = 20_000;
/** Waiting checks; more are refused at once. */
const QUEUE = 10_000;
const QUARANTINE_MS = 600_000;
const QUARANTINE_SIZE = 1_000;
/** A validation that hangs may be the arguments' fault: one caller must not take a tool from all others. */
const STRIKES = 3;
const LIMITS = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 8, codeRangeSizeMb: 16, stackSizeMb: 2 };
const PROGRAM = new URL(import.meta.url.replace(/checker(\.[jt]s)$/, 'worker$1'));

class WorkerChecker implements ClosableChecker {
  readonly #deps: CheckerDeps;
  /** In the order sent; the first is at work. */
  #queue: Check[] = [];
  #worker: Worker | undefined;
  #isReady = false;
  #compiling = false;
  #undo: () => void = () => undefined;
  readonly #known = new Set<string>();
  readonly #offences = new Map<string, { strikes: number; until: number }>();
  #lastId = 0;
  #closed = false;

  constructor(deps: CheckerDeps) {
    this.#deps = deps;
  }

  check(_target: Target, schema: RawJson, digest: string, args: RawJson): Promise<SchemaVerdict> {
    const refusal = this.#refusal(schema, digest);
    if (refusal !== undefined) return Promise.resolve({ kind: 'unusable', note: refusal });
    return new Promise((resolve) => {
      this.#lastId += 1;
      this.#add({ id: this.#lastId, digest, schema, args, resolve, retried: false });
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#undo();
    for (const waiting of this.#queue.splice(0)) waiting.resolve({ kind: 'unusable', note: 'the checker has been closed' });
    await this.#worker?.terminate();
  }

  #refusal(schema: RawJson, digest: string): string | undefined {
    if (this.#closed) return 'the checker has been closed';
    if (Buffer.byteLength(schema) > this.#deps.schemaBytes) return `the schema is larger than ${this.#deps.schemaBytes} bytes`;
    if (this.#queue.length >= QUEUE) return 'too many checks are waiting';
    const offence = this.#offences.get(digest);
    if (offence === undefined || offence.strikes < STRIKES || this.#deps.clock.mono() >= offence.until) return undefined;
    return 'the schema is in quarantine: it ran out of time or memory';
  }

  #add(check: Check): void {
    this.#queue.push(check);
    const worker = (this.#worker ??= this.#start());
    if (!this.#isReady) return;
    this.#post(worker, check);
    if (this.#queue.length === 1) this.#arm();
  }

  #post(worker: Worker, { id, digest, schema, args }: Check): void {
    worker.postMessage({ id, digest, args, schema: this.#known.has(digest) ? undefined : schema } satisfies CheckRequest);
  }

  /** The clock of the check at work. Compiling has its own time, so that no caller pays for another's schema. */
  #arm(): void {
    this.#undo();
    const [head] = this.#queue;
    if (head === undefined) return;
    this.#compiling = !this.#known.has(head.digest);
    this.#undo = this.#deps.timers.after(this.#compiling ? Math.max(COMPILE_MS, this.#deps.deadlineMs) : this.#deps.deadlineMs, () => this.#lost('a schema ran out of time'));
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
      this.#add(head);
    } else head.resolve(verdictOf(reply));
    return this.#arm();
  }

  /** The check at work is the offender; those behind it get one more chance on a new thread. */
  #lost(why: string): void {
    this.#undo();
    const wasReady = this.#isReady;
    const dead = this.#worker;
    this.#worker = undefined;
    this.#isReady = false;
    this.#known.clear();
    void dead?.terminate();
    const [head, ...rest] = this.#queue.splice(0);
    this.#deps.log(why);
    if (head === undefined) return;
    if (wasReady) this.#strike(head.digest, this.#compiling ? STRIKES : 1);
    head.resolve({ kind: 'unusable', note: why });
    for (const waiting of rest) {
      if (waiting.retried || !wasReady) waiting.resolve({ kind: 'unusable', note: 'the checker failed twice' });
      else this.#add({ ...waiting, retried: true });
    }
  }

  #strike(digest: string, strikes: number): void {
    const now = this.#deps.clock.mono();
    const before = this.#offences.get(digest);
    const earlier = before === undefined || now >= before.until ? 0 : before.strikes;
    this.#offences.delete(digest);
    this.#offences.set(digest, { strikes: earlier + strikes, until: now + QUARANTINE_MS });
    const [oldest] = this.#offences.keys();
    if (this.#offences.size > QUARANTINE_SIZE && oldest !== undefined) this.#offences.delete(oldest);
  }
}

function verdictOf(reply: Extract<CheckReply, { readonly kind: 'valid' | 'invalid' | 'unusable' }>): SchemaVerdict {
  switch (reply.kind) {
    case 'valid': return { kind: 'valid' };
    case 'invalid': return { kind: 'invalid', errors: reply.errors };
    case 'unusable': return { kind: 'unusable', note: reply.note };
  }
}

/** The thread starts with the first check. */
export function createSchemaChecker(deps: CheckerDeps): ClosableChecker {
  return new WorkerChecker(deps);
}
