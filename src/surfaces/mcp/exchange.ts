// The answer side of one POST: JSON, or an event stream from the first notification on. Decides the form lazily, because
// an HTTP status can only be chosen while nothing has been sent (progress 4.5, R8).
import type { ServerResponse } from 'node:http';
import { arrayOf } from '../../core/json/compose.ts';
import type { RawJson } from '../../core/json/scan.ts';
import type { Instant } from '../../core/ids.ts';
import type { Answer } from '../../core/inbound.ts';
import type { CancelledBy } from '../../core/outcome.ts';
import type { Principal } from '../../core/principal.ts';
import type { Channel } from './questions.ts';
import { replyEmpty, replyJson } from './reply.ts';
import { type AnswerStream, EventStream } from './sse.ts';

export interface ExchangeOptions {
  readonly principal: Principal;
  /** A stream without a natural end (`subscriptions/listen`): it ends with its credential. */
  readonly long: boolean;
  readonly bufferBytes: number;
  /** CORS headers of this answer. */
  readonly headers: readonly string[];
  readonly now: Instant;
  /** Ends the work behind this answer. */
  readonly cancel: (by: CancelledBy) => void;
  /** The reader was too slow; told before `cancel`. */
  readonly behind: () => void;
  /** Its agent would rather have a stream, whatever the answer is. */
  readonly streams?: boolean;
  /** Opens a stream that can be resumed, when there can be one. */
  readonly resumable?: (response: ServerResponse) => AnswerStream | undefined;
}

export class Exchange implements Channel {
  readonly #response: ServerResponse;
  readonly #options: ExchangeOptions;
  #stream: AnswerStream | undefined = undefined;
  #touched: Instant;

  constructor(response: ServerResponse, options: ExchangeOptions) {
    this.#response = response;
    this.#options = options;
    this.#touched = options.now;
  }

  get principal(): Principal {
    return this.#options.principal;
  }

  get long(): boolean {
    return this.#options.long;
  }

  cancel(by: CancelledBy): void {
    this.#options.cancel(by);
  }

  /** No HTTP status of its own can become of the answer any more: whoever prefers a stream gets it now, and can come back to it. */
  begin(): void {
    if (this.#options.streams === true) this.#open();
  }

  notify(message: RawJson): void {
    this.#open()?.send(message);
  }

  /** The same for what must not get lost: false when the agent's side of this answer has gone. */
  send(message: RawJson): boolean {
    const stream = this.#open();
    if (stream === undefined || stream.closed) return false;
    stream.send(message);
    return !stream.closed;
  }

  onGone(told: () => void): () => void {
    return this.#stream?.onGone(told) ?? (() => undefined);
  }

  /** Keeps a slow answer alive through proxies and client timeouts; after one idle period the form is a stream. */
  keepAlive(now: Instant, everyMs: number): void {
    if (now - this.#touched < everyMs) return;
    this.#touched = now;
    this.#open()?.comment();
  }

  /** Ends a connection that has waited for this answer for long, where its agent can come back for it (SEP-1699). */
  rest(now: Instant, afterMs: number): void {
    if (this.#options.resumable !== undefined && now - this.#options.now >= afterMs) this.#open()?.rest(now, afterMs);
  }

  finish(answer: Answer, headers: readonly string[] = []): void {
    if (answer.status === 200) this.begin();
    if (this.#stream !== undefined) {
      if (answer.message !== undefined) this.#stream.send(answer.message);
      this.#stream.end();
    } else if (answer.message === undefined) {
      // Cancelled, so there is nothing to say, but HTTP needs an end.
      replyEmpty(this.#response, 202, this.#options.headers);
    } else {
      replyJson(this.#response, answer.status, answer.message, [...this.#options.headers, ...headers]);
    }
  }

  finishBatch(messages: readonly RawJson[]): void {
    this.begin();
    if (this.#stream !== undefined) {
      for (const message of messages) this.#stream.send(message);
      this.#stream.end();
    } else if (messages.length === 0) {
      replyEmpty(this.#response, 202, this.#options.headers);
    } else {
      replyJson(this.#response, 200, arrayOf(messages), this.#options.headers);
    }
  }

  #open(): AnswerStream | undefined {
    if (this.#stream === undefined && !this.#response.headersSent && !this.#response.destroyed) {
      const { bufferBytes, headers, resumable } = this.#options;
      // A reader that lets the backlog grow past its bound has left, whatever its socket says (I15).
      const overflowed = (): void => {
        this.#options.behind();
        this.#options.cancel('agent');
      };
      this.#stream = resumable?.(this.#response) ?? new EventStream(this.#response, { bufferBytes, headers, overflowed });
    }
    return this.#stream;
  }
}
