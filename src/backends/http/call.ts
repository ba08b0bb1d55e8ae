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
import { Place } from './place.ts';
import { ERROR_BYTES, isRefusal, isSuccess, readingOf, sessionOf, statusFault } from './response.ts';
import { type BodyReader, type BodySink, jsonReader, sseReader } from './sse.ts';

const LINGER_MS = 1_000;

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
  readonly #place = new Place({ leastMs: 50, firstMs: 1_000, mostMs: 30_000 });
  #settled = false;
  #isStream = false;
  /** The rest of its stream may be fetched by requests of their own. */
  #isSent = false;
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

  begin(body: string): void {
    const { method, name, extra } = this.#ask;
    this.#exchange = this.#context.wire.post(this.manner, { method, name, extra, body, silenceMs: this.#silenceMs() }, this);
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
  begun(): void {
    if (this.#isSent) return;
    this.#isSent = true;
    this.#ask.sent?.();
  }

  head(status: number, headers: ResponseHeaders): void {
    this.#status = status;
    this.#session = sessionOf(headers) ?? this.#session;
    this.#isTaken = isSuccess(status) && this.manner.endpoint !== undefined;
    if (this.#isTaken) return undefined;
    const reading = readingOf(status, headers, this.#ask.resultBytes);
    if (!reading.ok) return this.fault(reading.error);
    this.#isStream = reading.value?.as === 'events';
    if (reading.value?.as === 'json') this.#reader = jsonReader(reading.value.cap, this);
    if (reading.value?.as === 'events') this.#reader = sseReader(reading.value.cap, this);
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
    else if (this.#errorBytes > ERROR_BYTES) this.fault(statusFault(this.#status));
    return undefined;
  }

  end(): void {
    this.#reader?.end();
    this.#reader = undefined;
    this.#undo();
    if (this.#settled || this.#isTaken) return;
    if (!isSuccess(this.#status)) this.#settle(err(statusFault(this.#status)));
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
    if (this.#status > 299) {
      if (isRefusal(message, mine, this.#status, this.manner)) this.#settle(ok(message.answer));
      return undefined;
    }
    if (mine) return this.#answered(message, bytes);
    if (message.kind === 'request' && this.manner.era === 'modern') {
      return this.fault({ code: 'protocol', detail: 'a request from a server of an era without server requests' });
    }
    if (message.kind === 'notification' && message.params !== undefined) this.#heard(message.method, message.params);
    if (!this.#context.route(message, this.manner, this.served)) this.#rest();
    return undefined;
  }

  /** On this stream, so of this call, but for what says itself that it is of a task. */
  #heard(method: string, params: RawJson): void {
    if (this.#settled) return;
    this.#ask.heard?.(method, params);
    if (method === 'notifications/message') this.#context.whose(params, this.manner, this.served)?.log?.(params);
  }

  fault(fault: BackendFault): void {
    const { resultBytes } = this.#ask;
    // An error body that cannot be read changes nothing about its status.
    if (this.#status > 299) this.#settle(err(statusFault(this.#status)));
    else this.#settle(err(fault.code === 'oversize' ? { code: 'oversize', limit: resultBytes } : fault));
    this.#exchange?.abort();
  }

  eventId(id: string): void {
    if (this.manner.era === 'legacy') this.#place.read(id);
  }

  retry(ms: number): void {
    this.#place.retry(ms);
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

  /** A legacy server may close the stream and go on in another one: the call itself is not sent again (2025-11-25 transports). */
  #resume(): boolean {
    const { lastEventId, retryMs } = this.#place;
    if (lastEventId === undefined || this.#status !== 200) return false;
    this.#undo = this.#context.deps.timers.after(retryMs, () => {
      if (this.#settled) return;
      this.#status = 0;
      this.#exchange = this.#context.wire.events(this.manner, lastEventId, this.#silenceMs(), this);
    });
    return true;
  }

  #silenceMs(): number {
    // Nothing comes while somebody is asked, and our own deadline stands still.
    if (this.served?.ask !== undefined) return 0;
    // Our own deadline comes first and says it better.
    return Math.max(this.#ask.timeoutMs, this.#ask.maxTimeoutMs) + 1_000;
  }

  #settle(asked: Asked): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#undo();
    this.#deadline.clear();
    this.#ended.abort();
    this.#ask.signal?.removeEventListener('abort', this.#abort);
    this.#context.over(this, asked.ok ? 'answered' : this.#status > 299 ? 'refused' : 'lost', asked.ok ? asked.value : undefined);
    this.#resolve({ asked, status: this.#status, session: this.#session });
  }
}
