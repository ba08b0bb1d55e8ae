// Two ways to talk to a SQLite file: in this thread (short commands) or in one of its own (the daemon). Same promise-based face.
import { Worker } from 'node:worker_threads';
import type { SQLInputValue } from 'node:sqlite';
import { messageIn } from '../core/thrown.ts';
import { openSqliteFile, type SqliteAnswer, type SqliteFile, type SqliteOpening } from './sqlite-file.ts';

export interface SqliteSession {
  execute(text: string, parameters: readonly SQLInputValue[]): Promise<SqliteAnswer>;
  close(): Promise<void>;
}

/** `text` undefined asks the thread to close the file and end. */
export interface ThreadRequest {
  readonly id: number;
  readonly text: string | undefined;
  readonly parameters: readonly SQLInputValue[];
}

export type ThreadReply =
  | ({ readonly id: number; readonly ok: true } & SqliteAnswer)
  | { readonly id: number; readonly ok: false; readonly message: string; readonly errcode: number | undefined };

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

export function isThreadOpening(value: unknown): value is SqliteOpening {
  return isRecord(value) && typeof value['path'] === 'string' && typeof value['readOnly'] === 'boolean';
}

export function isThreadRequest(value: unknown): value is ThreadRequest {
  return isRecord(value) && typeof value['id'] === 'number' && Array.isArray(value['parameters']);
}

function isThreadReply(value: unknown): value is ThreadReply {
  return isRecord(value) && typeof value['id'] === 'number' && typeof value['ok'] === 'boolean';
}

/** Carries SQLite's result code across the thread, so that fault.ts reads it as if thrown here. */
class SqliteError extends Error {
  readonly errcode: number | undefined;

  constructor(message: string, errcode: number | undefined) {
    super(message);
    this.errcode = errcode;
  }
}

export function inlineSession(opening: SqliteOpening): SqliteSession {
  let file: SqliteFile | undefined;
  return {
    execute: async (text, parameters) => {
      file ??= openSqliteFile(opening);
      return file.execute(text, parameters);
    },
    close: async () => {
      file?.close();
    },
  };
}

interface Waiter {
  readonly resolve: (answer: SqliteAnswer) => void;
  readonly reject: (thrown: Error) => void;
}

// Built files end in .js; `new URL` is not rewritten by the compiler.
const THREAD = new URL(import.meta.url.endsWith('.ts') ? './sqlite-thread.ts' : './sqlite-thread.js', import.meta.url);

export function threadSession(opening: SqliteOpening): SqliteSession {
  const waiters = new Map<number, Waiter>();
  let last = 0;
  let worker: Worker | undefined;
  let closing = false;

  const fail = (gone: Worker, message: string): void => {
    if (worker === gone) worker = undefined;
    for (const waiter of waiters.values()) waiter.reject(new SqliteError(message, undefined));
    waiters.clear();
  };
  const start = (): Worker => {
    const made = new Worker(THREAD, { workerData: opening, stdin: false, env: {} });
    made.on('message', (reply: unknown) => {
      if (isThreadReply(reply)) settle(waiters, reply);
      if (waiters.size === 0 && !closing) made.unref();
    });
    made.on('error', (thrown) => fail(made, `the store's thread failed: ${messageIn(thrown)}`));
    made.on('exit', () => fail(made, "the store's thread has ended"));
    return made;
  };
  const ask = (text: string | undefined, parameters: readonly SQLInputValue[]): Promise<SqliteAnswer> => {
    worker ??= start();
    const asked = worker;
    const id = last += 1;
    return new Promise((resolve, reject) => {
      waiters.set(id, { resolve, reject });
      // Pending work keeps the process alive, an idle thread does not.
      asked.ref();
      asked.postMessage({ id, text, parameters } satisfies ThreadRequest);
    });
  };
  return {
    // What is under way when the file is closed must not open it again: nobody would close it then.
    execute: (text, parameters) => (closing ? Promise.reject(new SqliteError('the store is closed', undefined)) : ask(text, parameters)),
    close: async () => {
      closing = true;
      const last = worker;
      if (last === undefined) return;
      const ended = new Promise((resolve) => last.once('exit', resolve));
      await ask(undefined, []).catch(() => undefined);
      await ended;
    },
  };
}

function settle(waiters: Map<number, Waiter>, reply: ThreadReply): void {
  const waiter = waiters.get(reply.id);
  waiters.delete(reply.id);
  if (reply.ok) waiter?.resolve({ rows: reply.rows, changes: reply.changes });
  else waiter?.reject(new SqliteError(reply.message, reply.errcode));
}
