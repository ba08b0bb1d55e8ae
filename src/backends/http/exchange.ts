// One HTTP request and its response, on undici's dispatch: no fetch, no redirects, no cookies, no decompression. Knows nothing of MCP.
import type { Dispatcher, Pool } from 'undici';
import type { BackendFault, Timers } from '../../core/ports.ts';
import { codeIn } from '../../core/thrown.ts';
import { messageOf } from '../text.ts';
import type { FlatHeaders } from './headers.ts';

export interface HttpRequest {
  readonly method: 'POST' | 'GET' | 'DELETE';
  readonly path: string;
  readonly headers: FlatHeaders;
  readonly body: string | undefined;
  /** Most time without a byte, before and after the headers; 0 = no limit. */
  readonly silenceMs: number;
}

export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>;

export interface Receiver {
  /** It goes out on a connection now. */
  begun?(): void;
  head(status: number, headers: ResponseHeaders): void;
  data(chunk: Buffer): void;
  /** Exactly one of these two comes last, and nothing after `abort`. */
  end(): void;
  fail(fault: BackendFault): void;
}

export interface Exchange {
  /** Closes the connection of this request; the receiver hears nothing more. */
  abort(): void;
  /** Backpressure: reads no more from the socket until `resume`. */
  pause(): void;
  resume(): void;
}

const REST_MS = 250;

/** Returns the request for a pause: reads no more for a moment, however often it is asked in it. */
export function resting(timers: Timers, current: () => Exchange | undefined): () => void {
  let rests = false;
  return () => {
    if (rests) return;
    rests = true;
    current()?.pause();
    timers.after(REST_MS, () => {
      rests = false;
      current()?.resume();
    });
  };
}

export function exchange(pool: Pool, request: HttpRequest, receiver: Receiver): Exchange {
  const handler = new ExchangeHandler(receiver, request.silenceMs);
  const { method, path, body, silenceMs } = request;
  try {
    pool.dispatch({ method, path, headers: [...request.headers], ...(body === undefined ? {} : { body }), headersTimeout: silenceMs, bodyTimeout: silenceMs }, handler);
  } catch (error) {
    handler.refuse(error);
  }
  return handler;
}

class ExchangeHandler implements Dispatcher.DispatchHandler, Exchange {
  readonly #receiver: Receiver;
  readonly #silenceMs: number;
  #controller: Dispatcher.DispatchController | undefined;
  #done = false;

  constructor(receiver: Receiver, silenceMs: number) {
    this.#receiver = receiver;
    this.#silenceMs = silenceMs;
  }

  abort(): void {
    this.#done = true;
    this.#controller?.abort(new Error('not wanted any more'));
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  /** The request could not even be made, as with a header that cannot be sent. */
  refuse(error: unknown): void {
    queueMicrotask(() => this.#fail({ code: 'protocol', detail: messageOf(error) }));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#done) controller.abort(new Error('not wanted any more'));
    else this.#receiver.begun?.();
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: ResponseHeaders): void {
    if (status >= 200 && !this.#done) this.#receiver.head(status, headers);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#done) this.#receiver.data(chunk);
  }

  onResponseEnd(): void {
    if (this.#done) return;
    this.#done = true;
    this.#receiver.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#fail(faultOf(error, this.#silenceMs));
  }

  #fail(fault: BackendFault): void {
    if (this.#done) return;
    this.#done = true;
    this.#receiver.fail(fault);
  }
}

function faultOf(error: Error, silenceMs: number): BackendFault {
  const code = codeIn(error) ?? '';
  switch (code) {
    case 'UND_ERR_HEADERS_TIMEOUT':
    case 'UND_ERR_BODY_TIMEOUT':
      return { code: 'timeout', afterMs: silenceMs };
    case 'UND_ERR_HEADERS_OVERFLOW':
    case 'UND_ERR_INVALID_ARG':
      return { code: 'protocol', detail: messageOf(error) };
    case 'UND_ERR_DESTROYED':
    case 'UND_ERR_CLOSED':
      return { code: 'stopped' };
    default:
      // Parser errors are HPE_…; the rest are sockets, names and certificates.
      return code.startsWith('HPE_') ? { code: 'protocol', detail: messageOf(error) } : { code: 'unreachable', detail: unreachableDetail(error) };
  }
}

function unreachableDetail(error: Error): string {
  // One error per address tried hides the reason in a list.
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).slice(0, 3).join('; ');
  return messageOf(error);
}
