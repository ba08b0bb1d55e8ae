// A text/event-stream answer (WHATWG server-sent events) with a bounded backlog. It writes messages; it knows nothing of their meaning.
import type { ServerResponse } from 'node:http';
import type { RawJson } from '../../core/json/scan.ts';
import { oneLine } from '../../core/json/compose.ts';

/** No event ids: these streams cannot be resumed, and an id would promise it (T30, T52). */
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

export class EventStream {
  readonly #response: ServerResponse;
  readonly #options: EventStreamOptions;
  #closed = false;

  constructor(response: ServerResponse, options: EventStreamOptions) {
    this.#response = response;
    this.#options = options;
    response.writeHead(200, [...HEADERS, ...options.headers]);
    response.flushHeaders();
  }

  get closed(): boolean {
    return this.#closed || this.#response.destroyed;
  }

  send(message: RawJson): void {
    this.#write(`data: ${oneLine(message)}\n\n`);
  }

  /** A comment: keeps proxies and clients from closing an idle stream. */
  comment(): void {
    // A reader that is behind has something to read already.
    if (this.#response.writableLength === 0) this.#write(': keep-alive\n\n');
  }

  end(): void {
    if (this.closed) return;
    this.#closed = true;
    this.#response.end();
  }

  #write(text: string): void {
    if (this.closed) return;
    // Asked before writing, so that one large answer to a reader that keeps up is no overflow.
    if (this.#response.writableLength > this.#options.bufferBytes) {
      this.#closed = true;
      this.#response.destroy();
      this.#options.overflowed();
      return;
    }
    this.#response.write(text);
  }
}
