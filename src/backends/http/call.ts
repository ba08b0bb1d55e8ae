// One JSON-RPC request over HTTP, from sending to its one settlement: status, body, stream, resumption, deadline, cancellation.
import type { RawJson } from '../../core/json/scan.ts';
import { safeIntegerOf } from '../../core/json/slice.ts';
import type { BackendFault } from '../../core/ports.ts';
import { err, ok } from '../../core/result.ts';
import { withinBytes } from '../answer.ts';
import { type Deadline, startDeadline } from '../deadline.ts';
import { type Message, readMessage } from '../message.ts';
import { type ProgressGate, progressGate } from '../progress.ts';
import type { Served } from '../serving.ts';
import type { Asked, CallContext, HttpAsk, Manner, Reply } from './ask.ts';
import { type Exchange, type Receiver, type ResponseHeaders, resting } from './exchange.ts';
import { type FlatHeaders, isSessionId } from './headers.ts';
import { type BodyReader, type BodySink, ENVELOPE_BYTES, jsonReader, sseReader } from './sse.ts';

const ERROR_BYTES = 64 * 1024;
const LINGER_MS = 1_000;
const RETRY_MS = 1_000;
const RETRY_LEAST_MS = 50;
const RETRY_MOST_MS = 30_000;

export class HttpCall implements Receiver, BodySink {
  readonly id: number;
  readonly #ask: HttpAsk;
  readonly #context: CallContext;
  readonly #resolve: (reply: Reply) => void;
  readonly #deadline: Deadline;
  readonly #gate: ProgressGate;
  readonly #rest: () => void;
  readonly #abort = (): void => this.give({ code: 'cancelled' });
  #exchange: Exchange | undefined;
  #reader: BodyReader | undefined;
  #status = 0;
  #session: string | undefined;
  #errorBytes = 0;
  #lastEventId: string | undefined;
  #retryMs = RETRY_MS;
  #settled = false;
  #isStream = false;
  /** HTTP+SSE: the message has arrived, whatever becomes of this response. */
  #isTaken = false;
  #undo: () => void = () => undefined;
  readonly #ended = new AbortController();
  /** What may be asked and told because of this call. */
  readonly served: Served | undefined;

  constructor(id: number, ask: HttpAsk, context: CallContext, resolve: (reply: Reply) => void) {
    this.id = id;
    this.#ask = ask;
    this.#context = context;
    this.#resolve = resolve;
    this.#deadline = startDeadline(context.deps, ask, (afterMs) => this.give({ code: 'timeout', afterMs }));
    this.#gate = progressGate(ask.onProgress);
    this.#rest = resting(context.deps.timers, () => this.#exchange);
    this.served = ask.serving === undefined ? undefined : { ...ask.serving, deadline: this.#deadline, ended: this.#ended.signal };
    ask.signal?.addEventListener('abort', this.#abort, { once: true });
  }

  get manner(): Manner {
    return this.#ask.manner;
  }

  begin(headers: FlatHeaders, body: string): void {
    this.#exchange = this.#context.send({ method: 'POST', headers, body, silenceMs: this.#silenceMs() }, this.manner, this);
  }

  progress(params: RawJson): void {
    if (this.#gate(params)) this.#deadline.renew();
  }

  /** Gives up: the backend is told, by closing the stream (modern) or by a notification (legacy, CH6). */
  give(fault: BackendFault): void {
    if (this.#settled) return;
    this.#settle(err(fault));
    this.#exchange?.abort();
    if (this.#ask.cancellable && this.manner.era === 'legacy') this.#context.cancel(this.manner, this.id, fault.code);
  }

  /** The answer, from another stream than this request's (HTTP+SSE). */
  delivered(message: Message, bytes: number): void {
    this.#answered(message, bytes);
  }

  /** No answer can come any more, and nobody is there to be told. */
  lost(fault: BackendFault): void {
    this.#settle(err(fault));
    this.#exchange?.abort();
  }

  // ── what the exchange tells ──
  head(status: number, headers: ResponseHeaders): void {
    this.#status = status;
    const session = headers['mcp-session-id'];
    if (typeof session === 'string' && isSessionId(session)) this.#session = session;
    const type = String(headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase();
    const isOk = status >= 200 && status < 300;
    this.#isTaken = isOk && this.manner.endpoint !== undefined;
    if (this.#isTaken) return undefined;
    this.#isStream = type === 'text/event-stream';
    if (headers['content-encoding'] !== undefined && headers['content-encoding'] !== 'identity') {
      return this.fault({ code: 'protocol', detail: 'a compressed answer that was not asked for' });
    }
    if (type === 'application/json') this.#reader = jsonReader(isOk ? this.#ask.resultBytes + ENVELOPE_BYTES : ERROR_BYTES, this);
    else if (isOk && this.#isStream) this.#reader = sseReader(this.#ask.resultBytes + ENVELOPE_BYTES, this);
    else if (isOk) return this.fault({ code: 'protocol', detail: status === 202 ? 'accepted without an answer' : 'an answer that is neither JSON nor a stream of events' });
    return undefined;
  }

  data(chunk: Buffer): void {
    if (this.#reader !== undefined) {
      this.#reader.push(chunk);
      if (!this.#context.weigh(chunk.length)) this.#rest();
      return undefined;
    }
    this.#errorBytes += chunk.length;
    if (this.#errorBytes > ERROR_BYTES && this.#isTaken) this.#exchange?.abort();
    else if (this.#errorBytes > ERROR_BYTES) this.fault(this.#statusFault());
    return undefined;
  }

  end(): void {
    this.#reader?.end();
    this.#reader = undefined;
    this.#undo();
    if (this.#settled || this.#isTaken) return;
    if (this.#status < 200 || this.#status > 299) this.#settle(err(this.#statusFault()));
    else if (!this.#resume()) this.#settle(err({ code: 'protocol', detail: 'the stream ended without an answer' }));
  }

  fail(fault: BackendFault): void {
    this.#undo();
    if (!this.#settled && !this.#isTaken && !this.#resume()) this.#settle(err(fault));
  }

  // ── what the body tells ──
  message(raw: RawJson, bytes: number): void {
    const message = readMessage(raw);
    const mine = (message.kind === 'answer' || message.kind === 'broken') && safeIntegerOf(message.id) === this.id;
    if (this.#status > 299) return this.#errorBody(message, mine);
    if (mine) return this.#answered(message, bytes);
    if (message.kind === 'request' && this.manner.era === 'modern') {
      return this.fault({ code: 'protocol', detail: 'a request from a server of an era without server requests' });
    }
    if (message.kind === 'notification' && message.params !== undefined) this.#heard(message.method, message.params);
    if (!this.#context.route(message, this.manner, this.served)) this.#rest();
    return undefined;
  }

  /** On this stream, so of this call without a doubt. */
  #heard(method: string, params: RawJson): void {
    if (this.#settled) return;
    this.#ask.heard?.(method, params);
    if (method === 'notifications/message') this.served?.log?.(params);
  }

  fault(fault: BackendFault): void {
    const { resultBytes } = this.#ask;
    // An error body that cannot be read changes nothing about its status.
    if (this.#status > 299) this.#settle(err(this.#statusFault()));
    else this.#settle(err(fault.code === 'oversize' ? { code: 'oversize', limit: resultBytes } : fault));
    this.#exchange?.abort();
  }

  eventId(id: string): void {
    // It goes back as a header: only what a header may hold.
    if (this.manner.era === 'legacy' && isSessionId(id)) this.#lastEventId = id;
  }

  retry(ms: number): void {
    this.#retryMs = Math.min(RETRY_MOST_MS, Math.max(RETRY_LEAST_MS, ms));
  }

  #answered(message: Message, bytes: number): void {
    if (message.kind === 'broken') return this.#settle(err({ code: 'protocol', detail: message.detail }));
    if (message.kind !== 'answer') return undefined;
    const { resultBytes } = this.#ask;
    this.#settle(withinBytes(message.answer, bytes, resultBytes) ? ok(message.answer) : err({ code: 'oversize', limit: resultBytes }));
    // A server that leaves the stream open after its answer does not keep it. A JSON body has ended already.
    if (this.#isStream) this.#undo = this.#context.deps.timers.after(LINGER_MS, () => this.#exchange?.abort());
    return undefined;
  }

  /** Only the modern era puts JSON-RPC errors under 4xx; before it, an error status speaks of the transport. */
  #errorBody(message: Message, mine: boolean): void {
    const isAnswer = (message.kind === 'answer' && mine && message.answer.kind === 'error') || message.kind === 'error';
    const isClientError = this.#status >= 400 && this.#status < 500 && this.#status !== 401 && this.#status !== 403;
    if (isAnswer && isClientError && this.manner.era === 'modern') this.#settle(ok(message.answer));
  }

  /** A legacy server may close the stream and go on in another one: the call itself is not sent again (2025-11-25 transports). */
  #resume(): boolean {
    const lastEventId = this.#lastEventId;
    if (lastEventId === undefined || this.#status !== 200) return false;
    this.#undo = this.#context.deps.timers.after(this.#retryMs, () => {
      if (this.#settled) return;
      this.#status = 0;
      const headers = this.#context.streamHeaders(this.manner, lastEventId);
      this.#exchange = this.#context.send({ method: 'GET', headers, body: undefined, silenceMs: this.#silenceMs() }, this.manner, this);
    });
    return true;
  }

  #silenceMs(): number {
    // Nothing comes while somebody is asked, and our own deadline stands still.
    if (this.served?.ask !== undefined) return 0;
    // Our own deadline comes first and says it better.
    return Math.max(this.#ask.timeoutMs, this.#ask.maxTimeoutMs) + 1_000;
  }

  #statusFault(): BackendFault {
    const status = this.#status;
    return status === 401 || status === 403 ? { code: 'unauthorized', status } : { code: 'http_status', status };
  }

  #settle(asked: Asked): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#undo();
    this.#deadline.clear();
    this.#ended.abort();
    this.#ask.signal?.removeEventListener('abort', this.#abort);
    this.#context.over(this, asked.ok ? 'answered' : this.#status > 299 ? 'refused' : 'lost');
    this.#resolve({ asked, status: this.#status, session: this.#session });
  }
}
