// The journal's thread as the event loop sees it, and the same without a thread for commands that end soon.
import { Worker } from 'node:worker_threads';
import type { StoreFault } from '../../core/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { messageIn } from '../../core/thrown.ts';
import type { Entry } from './appender.ts';
import { type Opened, Scribe, type ScribeDeps, type ScribeOptions } from './scribe.ts';
import type { SpaceReport } from './space.ts';

export interface JournalSession {
  open(): Promise<Result<Opened, StoreFault>>;
  append(entries: readonly Entry[]): Promise<Result<void, StoreFault>>;
  /** With a last checkpoint; then the thread is gone. Idempotent. */
  end(): Promise<Result<void, StoreFault>>;
  /** As it was at the last answer. */
  space(): SpaceReport | undefined;
}

export type ThreadRequest =
  | { readonly id: number; readonly ask: 'open' | 'end' }
  | { readonly id: number; readonly ask: 'append'; readonly entries: readonly Entry[] };

export type ThreadReply =
  | { readonly id: number; readonly result: Result<Opened | undefined, StoreFault>; readonly space: SpaceReport | undefined }
  | { readonly id: 0; readonly abandoned: { readonly number: number; readonly why: string } };

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

export function isThreadOptions(value: unknown): value is ScribeOptions {
  return isRecord(value) && Array.isArray(value['directories']) && typeof value['node'] === 'string' && isRecord(value['bounds']);
}

export function isThreadRequest(value: unknown): value is ThreadRequest {
  return isRecord(value) && typeof value['id'] === 'number' && typeof value['ask'] === 'string';
}

function isThreadReply(value: unknown): value is ThreadReply {
  return isRecord(value) && typeof value['id'] === 'number' && (isRecord(value['result']) || isRecord(value['abandoned']));
}

/** In the calling thread. */
export function inlineJournal(options: ScribeOptions, deps: ScribeDeps): JournalSession {
  const scribe = new Scribe(options, deps);
  return {
    open: async () => scribe.open(),
    append: async (entries) => scribe.append(entries),
    end: async () => scribe.end(),
    space: () => scribe.space(),
  };
}

/**
 * In a thread that runs `program`. One that ends by itself is not started again: what it wrote last is in doubt, and nobody but a new run may
 * say what became of it.
 */
export function threadJournal(program: URL, options: ScribeOptions, onAbandoned: ScribeDeps['onAbandoned']): JournalSession {
  return new Thread(program, options, onAbandoned);
}

class Thread implements JournalSession {
  readonly #worker: Worker;
  readonly #waiters = new Map<number, (result: Result<Opened | undefined, StoreFault>) => void>();
  readonly #exited: Promise<void>;
  #last = 0;
  #space: SpaceReport | undefined;
  #gone: StoreFault | undefined;
  #ending: Promise<Result<void, StoreFault>> | undefined;

  constructor(program: URL, options: ScribeOptions, onAbandoned: ScribeDeps['onAbandoned']) {
    this.#worker = new Worker(program, { workerData: options, stdin: false, env: {} });
    this.#worker.unref();
    this.#worker.on('message', (reply: unknown) => {
      if (!isThreadReply(reply)) return;
      if ('abandoned' in reply) onAbandoned(reply.abandoned.number, reply.abandoned.why);
      else this.#settle(reply.id, reply.result, reply.space);
    });
    this.#worker.on('error', (thrown) => this.#fail(`the journal's thread failed: ${messageIn(thrown)}`));
    this.#exited = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        this.#fail("the journal's thread has ended");
        resolve();
      });
    });
  }

  async open(): Promise<Result<Opened, StoreFault>> {
    const opened = await this.#ask({ ask: 'open' });
    return opened.ok ? ok(opened.value ?? { epoch: 0, indeterminate: 0 }) : opened;
  }

  async append(entries: readonly Entry[]): Promise<Result<void, StoreFault>> {
    const written = await this.#ask({ ask: 'append', entries });
    return written.ok ? ok(undefined) : written;
  }

  end(): Promise<Result<void, StoreFault>> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<Result<void, StoreFault>> {
    const ended = await this.#ask({ ask: 'end' });
    await this.#exited;
    return ended.ok ? ok(undefined) : ended;
  }

  space(): SpaceReport | undefined {
    return this.#space;
  }

  #ask(request: { readonly ask: 'open' | 'end' } | { readonly ask: 'append'; readonly entries: readonly Entry[] }): Promise<Result<Opened | undefined, StoreFault>> {
    if (this.#gone !== undefined) return Promise.resolve(err(this.#gone));
    const id = this.#last += 1;
    return new Promise((resolve) => {
      this.#waiters.set(id, resolve);
      // Pending work keeps the process alive, an idle thread does not.
      this.#worker.ref();
      this.#worker.postMessage({ id, ...request } satisfies ThreadRequest);
    });
  }

  #settle(id: number, result: Result<Opened | undefined, StoreFault>, space: SpaceReport | undefined): void {
    this.#space = space ?? this.#space;
    const resolve = this.#waiters.get(id);
    this.#waiters.delete(id);
    if (this.#waiters.size === 0 && this.#ending === undefined) this.#worker.unref();
    resolve?.(result);
  }

  #fail(detail: string): void {
    this.#gone ??= { code: 'unavailable', detail };
    for (const resolve of this.#waiters.values()) resolve(err(this.#gone));
    this.#waiters.clear();
  }
}
