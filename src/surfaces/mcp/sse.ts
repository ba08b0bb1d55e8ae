// One text/event-stream answer (WHATWG server-sent events) with a bounded backlog. It writes events; it knows nothing of their meaning.
import type { ServerResponse } from 'node:http';
import type { RawJson } from '../../core/json/scan.ts';
import { oneLine } from '../../core/json/compose.ts';
import type { Instant } from '../../core/ids.ts';

const HEADERS = [
  'Content-Type', 'text/event-stream', 'Cache-Control', 'no-cache, no-store, no-transform', 'X-Accel-Buffering', 'no', 'X-Content-Type-Options', 'nosniff',
] as const;

export interface EventStreamOptions {
  /** Bytes that may wait for a slow reader. */
  readonly bufferBytes: number;
  /** Added to the answer's own, name and value by turns. */
  readonly headers: readonly string[];
  /** The reader was too slow: the stream has been destroyed (I15). */
  readonly overflowed: () => void;
}

/** The stream of one answer, whether it can be resumed or not. */
export interface AnswerStream {
  /** Nobody reads it, and nobody will. */
  readonly closed: boolean;
  send(message: RawJson): void;
  comment(): void;
  end(): void;
  /** Calls `told` when it is closed before its end; returns the undo. */
  onGone(told: () => void): () => void;
  /** Ends a connection that is older than `afterMs`, if its reader can come back for the rest. */
  rest(now: Instant, afterMs: number): void;
}

export class EventStream implements AnswerStream {
  readonly #response: ServerResponse;
  readonly #options: EventStreamOptions;
  #closed = false;
  /** Who waits for something that only this connection can bring. */
  #toTell: Set<() => void> | undefined = undefined;

  constructor(response: ServerResponse, options: EventStreamOptions) {
    this.#response = response;
    this.#options = options;
    response.writeHead(200, [...HEADERS, ...options.headers]);
    response.flushHeaders();
  }

  get closed(): boolean {
    return this.#closed || this.#response.destroyed;
  }

  /** Without an id: it cannot be asked for again, and an id would promise it (T30). */
  send(message: RawJson): void {
    this.write([`data: ${oneLine(message)}\n\n`]);
  }

  /** A comment: keeps proxies and clients from closing an idle stream. */
  comment(): void {
    // A reader that is behind has something to read already.
    if (this.#response.writableLength === 0) this.write([': keep-alive\n\n']);
  }

  end(): void {
    if (this.closed) return;
    this.#closed = true;
    this.#response.end();
  }

  onGone(told: () => void): () => void {
    const all = (this.#toTell ??= toldAll(this.#response));
    all.add(told);
    return () => all.delete(told);
  }

  rest(): void {
    // What was not read would be lost.
  }

  /** Whole events as they are, shared and not copied; false when they cannot reach the reader. */
  write(events: readonly (string | Buffer)[]): boolean {
    if (this.closed) return false;
    // Asked before writing, so that one large answer to a reader that keeps up is no overflow, nor what it has missed.
    if (this.#response.writableLength > this.#options.bufferBytes) {
      this.#closed = true;
      this.#response.destroy();
      this.#options.overflowed();
      return false;
    }
    for (const event of events) this.#response.write(event);
    return true;
  }
}

/** One listener for all: a batch may wait for more answers than an emitter takes listeners without a warning. */
function toldAll(response: ServerResponse): Set<() => void> {
  const all = new Set<() => void>();
  response.once('close', () => {
    for (const each of all) each();
  });
  return all;
}

/**
 * An event without a message: from its id on the stream can be resumed, after `retryMs` (SEP-1699). Clients before 2025-11-25 take
 * the empty data for a broken message.
 */
export function primingEvent(id: string, retryMs: number): string {
  return `id: ${id}\nretry: ${retryMs}\ndata: \n\n`;
}
