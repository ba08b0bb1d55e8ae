// Checks arguments in a worker thread, one after another, each under a deadline. A schema that hangs or bursts the worker is
// not asked again; what waited behind it is asked once more in a new worker.
import { Worker } from 'node:worker_threads';
import type { SchemaChecker, SchemaVerdict, Timers } from '../../core/ports.ts';
import type { ArgumentSettings } from '../../core/settings.ts';
import { messageOf } from '../text.ts';
import { isCheckReply, type CheckReply } from './protocol.ts';

export interface CheckerDeps {
  readonly settings: () => ArgumentSettings;
  readonly timers: Timers;
}

interface Job {
  readonly id: number;
  readonly digest: string;
  readonly schema: string;
  readonly args: string;
  readonly settle: (verdict: SchemaVerdict) => void;
}

/** Measured: a schema that bursts 64 MB ends the worker in under a second; ordinary ones need a few. */
const HEAP_MB = 64;
const QUEUE_MAX = 1024;
const QUARANTINE_MAX = 1024;
const KNOWN_MAX = 1024;
/** A new worker loads its libraries in this time, or it is given up. */
const START_MS = 10_000;

export function createSchemaChecker(deps: CheckerDeps): SchemaChecker & { close(): Promise<void> } {
  const bench = new Bench(deps);
  return {
    check: (_target, schema, digest, args) => bench.check(schema, digest, args),
    close: () => bench.close(),
  };
}

class Bench {
  readonly #deps: CheckerDeps;
  readonly #quarantine = new Map<string, string>();
  #worker: Worker | undefined;
  #ready = false;
  #known = new Set<string>();
  #queue: Job[] = [];
  #running: Job | undefined;
  #undoDeadline: (() => void) | undefined;
  #lastId = 0;
  #closed = false;

  constructor(deps: CheckerDeps) {
    this.#deps = deps;
  }

  check(schema: string, digest: string, args: string): Promise<SchemaVerdict> {
    const { schemaBytes } = this.#deps.settings();
    const known = this.#quarantine.get(digest);
    if (known !== undefined) return Promise.resolve({ kind: 'unusable', note: known });
    if (schema.length > schemaBytes) return Promise.resolve({ kind: 'unusable', note: `the schema is larger than ${schemaBytes} bytes` });
    if (this.#closed || this.#queue.length >= QUEUE_MAX) return Promise.reject(new Error('arguments cannot be checked now'));
    return new Promise((resolve) => {
      this.#queue.push({ id: ++this.#lastId, digest, schema, args, settle: resolve });
      this.#next();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    const worker = this.#worker;
    this.#drop();
    for (const job of this.#queue.splice(0)) job.settle({ kind: 'unusable', note: 'the gateway is stopping' });
    await worker?.terminate();
  }

  #next(): void {
    if (this.#running !== undefined) return;
    const job = this.#queue[0];
    if (job === undefined) return;
    const worker = this.#worker ?? this.#start();
    if (!this.#ready) return;
    this.#queue.shift();
    this.#running = job;
    this.#undoDeadline = this.#deps.timers.after(this.#deps.settings().deadlineMs, () => this.#fail(`the schema took longer than ${this.#deps.settings().deadlineMs} ms`));
    worker.postMessage({ id: job.id, digest: job.digest, schema: this.#known.has(job.digest) ? undefined : job.schema, args: job.args });
    if (this.#known.size >= KNOWN_MAX) this.#known.clear();
    this.#known.add(job.digest);
  }

  #start(): Worker {
    // The extension is that of this file: .ts from source, .js in the published package.
    const file = new URL(`./worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);
    const worker = new Worker(file, { resourceLimits: { maxOldGenerationSizeMb: HEAP_MB, maxYoungGenerationSizeMb: 16 }, env: {}, stdin: false });
    worker.unref();
    this.#worker = worker;
    this.#undoDeadline = this.#deps.timers.after(START_MS, () => this.#fail('the checker did not start'));
    worker.on('message', (message: unknown) => {
      if (worker === this.#worker && isCheckReply(message)) this.#heard(message);
    });
    worker.on('error', (error: unknown) => {
      if (worker === this.#worker) this.#fail(`the schema ended the checker: ${messageOf(error)}`);
    });
    worker.on('exit', () => {
      if (worker === this.#worker) this.#fail('the checker ended');
    });
    return worker;
  }

  #heard(message: CheckReply): void {
    if (message.kind === 'ready') {
      this.#clearDeadline();
      this.#ready = true;
      return this.#next();
    }
    const job = this.#running;
    if (job === undefined || message.id !== job.id) return;
    this.#clearDeadline();
    this.#running = undefined;
    if (message.kind === 'verdict') job.settle(message.verdict);
    else {
      this.#known.delete(job.digest);
      this.#queue.unshift(job);
    }
    this.#next();
  }

  /** The worker is gone or must go. Whoever was being checked is to blame; the start itself blames the first in line. */
  #fail(note: string): void {
    const culprit = this.#running ?? this.#queue.shift();
    const worker = this.#worker;
    this.#drop();
    worker?.terminate().catch(() => {});
    if (culprit !== undefined) this.#blame(culprit, note);
    this.#next();
  }

  #blame(job: Job, note: string): void {
    const oldest = this.#quarantine.keys().next();
    if (this.#quarantine.size >= QUARANTINE_MAX && oldest.done !== true) this.#quarantine.delete(oldest.value);
    this.#quarantine.set(job.digest, note);
    job.settle({ kind: 'unusable', note });
  }

  #drop(): void {
    this.#clearDeadline();
    this.#worker = undefined;
    this.#ready = false;
    this.#known = new Set();
    this.#running = undefined;
  }

  #clearDeadline(): void {
    this.#undoDeadline?.();
    this.#undoDeadline = undefined;
  }
}
