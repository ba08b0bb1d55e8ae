// The JSON-RPC conversation with one HTTP backend: own ids, who waits for what, what is said without being asked. One pool of connections.
import { Pool } from 'undici';
import { quote, toRaw } from '../../core/json/compose.ts';
import type { RawJson } from '../../core/json/scan.ts';
import { safeIntegerOf } from '../../core/json/slice.ts';
import type { BackendFault } from '../../core/ports.ts';
import { err } from '../../core/result.ts';
import type { HttpBackendSettings } from '../../core/settings.ts';
import { headerValue } from '../../relay/mirrored.ts';
import { CODE, errorMessage, notificationMessage, resultMessage } from '../../relay/rpc.ts';
import { settlesWithin } from '../deadline.ts';
import type { BackendDeps } from '../deps.ts';
import type { Message } from '../message.ts';
import { progressTokenOf } from '../progress.ts';
import { Strikes } from '../strikes.ts';
import { type CallContext, type HttpAsk, HttpCall, type Manner, type Reply } from './call.ts';
import { guardedLookup } from './egress.ts';
import { exchange, type Exchange, type HttpRequest, type Receiver } from './exchange.ts';
import { type FlatHeaders, settingHeaders } from './headers.ts';

export interface ConversationHooks {
  toolsChanged(): void;
  noise(what: string): void;
}

const JSON_BODY: FlatHeaders = ['content-type', 'application/json', 'accept', 'application/json, text/event-stream'];
const EVENTS_ONLY: FlatHeaders = ['accept', 'text/event-stream'];
const EMPTY = toRaw({});
const SIDE_MS = 10_000;
const FAREWELL_MS = 1_000;
/** Calls use at most `concurrency` connections; the rest is for streams, pings and cancellations. */
const SPARE_CONNECTIONS = 8;
const MOST_CONNECTIONS = 256;
/** Answers to its questions and cancellations on their way at once. A server that asks without end and takes no answer gets no more. */
const MOST_SIDE = 64;
/** Of streams, whatever they carry: comments are free for a server to send, and reading them is not. */
const STREAM_BYTES_PER_SECOND = 32 * 1024 * 1024;

export class HttpConversation {
  readonly #pool: Pool;
  readonly #path: string;
  readonly #own: FlatHeaders;
  readonly #hooks: ConversationHooks;
  readonly #context: CallContext;
  readonly #flood: Strikes;
  readonly #weight: Strikes;
  readonly #calls = new Map<number, HttpCall>();
  #lastId = 0;
  #side = 0;
  #closed = false;
  /** When an answer last came, on the monotonic clock. */
  heardAt: number = -Infinity;

  constructor(settings: HttpBackendSettings, deps: BackendDeps, hooks: ConversationHooks) {
    const url = new URL(settings.url);
    this.#path = `${url.pathname}${url.search}`;
    this.#own = settingHeaders(settings);
    this.#hooks = hooks;
    this.#flood = new Strikes(deps.clock, deps.limits.unsolicitedPerSecond, 1000);
    this.#weight = new Strikes(deps.clock, STREAM_BYTES_PER_SECOND, 1000);
    const host = url.hostname.replaceAll(/^\[|\]$/g, '');
    this.#pool = new Pool(url.origin, {
      connections: Math.min(MOST_CONNECTIONS, settings.concurrency) + SPARE_CONNECTIONS,
      pipelining: 1,
      allowH2: false,
      maxHeaderSize: deps.limits.headerBytes,
      connect: { timeout: deps.limits.connectMs, lookup: guardedLookup({ host, allowPrivate: settings.allowPrivate }) },
    });
    this.#context = {
      deps,
      send: (request, receiver) => this.#send(request, receiver),
      streamHeaders: (manner, lastEventId) => this.streamHeaders(manner, lastEventId),
      route: (message, manner) => this.route(message, manner),
      cancel: (manner, id, reason) => void this.notify(manner, 'notifications/cancelled', toRaw({ requestId: id, reason })),
      weigh: (bytes) => this.weigh(bytes),
      over: (id, answered) => {
        this.#calls.delete(id);
        if (answered) this.heardAt = deps.clock.mono();
      },
    };
  }

  ask(ask: HttpAsk): Promise<Reply> {
    if (this.#closed) return Promise.resolve(failed({ code: 'stopped' }));
    if (ask.signal?.aborted === true) return Promise.resolve(failed({ code: 'cancelled' }));
    this.#lastId += 1;
    const id = this.#lastId;
    const body = `{"jsonrpc":"2.0","id":${id},"method":${quote(ask.method)},"params":${ask.params(toRaw(id))}}`;
    return new Promise((resolve) => {
      const call = new HttpCall(id, ask, this.#context, resolve);
      this.#calls.set(id, call);
      call.begin([...JSON_BODY, ...this.#own, ...mannerHeaders(ask.manner, ask.method, ask.name), ...ask.extra], body);
    });
  }

  /** Resolves when it was taken or could not be; a notification has no answer. */
  async notify(manner: Manner, method: string, params?: RawJson): Promise<void> {
    return this.#post(manner, notificationMessage(method, params), method);
  }

  /** Without `initialized` there is no session: it is always sent. */
  async #post(manner: Manner, body: string, method: string | undefined): Promise<void> {
    if (this.#closed || (this.#side >= MOST_SIDE && method !== 'notifications/initialized')) return;
    this.#side += 1;
    await this.#whole({ method: 'POST', headers: [...JSON_BODY, ...this.#own, ...mannerHeaders(manner, method, undefined)], body, silenceMs: SIDE_MS });
    this.#side -= 1;
  }

  /** CH5. */
  async #endSession(manner: Manner): Promise<void> {
    await this.#whole({ method: 'DELETE', headers: [...this.#own, ...mannerHeaders(manner, undefined, undefined)], body: undefined, silenceMs: FAREWELL_MS });
  }

  /** A request whose response matters to nobody: `silenceMs` is all the time it has, or a byte now and then would hold it for days. */
  async #whole(request: Omit<HttpRequest, 'path'>): Promise<void> {
    return new Promise((resolve) => {
      let bytes = 0;
      const over = (): void => {
        undo();
        resolve();
      };
      const cut = (): void => {
        sent.abort();
        over();
      };
      const undo = this.#context.deps.timers.after(request.silenceMs, cut);
      const sent = this.#send(request, {
        head: () => undefined,
        data: (chunk) => {
          bytes += chunk.length;
          if (bytes >= 64 * 1024) cut();
        },
        end: over,
        fail: over,
      });
    });
  }

  openStream(manner: Manner, lastEventId: string | undefined, receiver: Receiver): Exchange {
    return this.#send({ method: 'GET', headers: this.streamHeaders(manner, lastEventId), body: undefined, silenceMs: 0 }, receiver);
  }

  streamHeaders(manner: Manner, lastEventId: string | undefined): FlatHeaders {
    const resume = lastEventId === undefined ? [] : ['last-event-id', lastEventId];
    return [...EVENTS_ONLY, ...this.#own, ...mannerHeaders(manner, undefined, undefined), ...resume];
  }

  /** A message that settles no call, from any stream; progress is attributed by token, not by stream (4.5). */
  route(message: Message, manner: Manner): boolean {
    if (message.kind === 'notification') this.#notified(message.method, message.params);
    else if (message.kind === 'request' && manner.era === 'legacy') this.#question(manner, message.id, message.method);
    else this.#hooks.noise('an answer to a question that was not asked');
    return !this.#flood.hit();
  }

  /** False: more came in this second than should be read. */
  weigh(bytes: number): boolean {
    return !this.#weight.hit(bytes);
  }

  #notified(method: string, params: RawJson | undefined): void {
    if (method === 'notifications/tools/list_changed') this.#hooks.toolsChanged();
    const token = method === 'notifications/progress' ? progressTokenOf(params) : undefined;
    const id = token === undefined ? undefined : safeIntegerOf(token);
    if (id !== undefined && params !== undefined) this.#calls.get(id)?.progress(params);
  }

  /** A question of a legacy server is never left hanging (C8). */
  #question(manner: Manner, id: RawJson, method: string): void {
    const reply = method === 'ping' ? resultMessage(id, EMPTY) : errorMessage(id, CODE.methodNotFound, 'Method not found');
    void this.#post(manner, reply, undefined);
  }

  /** Ends every call with this fault, then the session, then the connections. */
  async close(fault: BackendFault, manner: Manner | undefined): Promise<void> {
    this.#closed = true;
    for (const call of [...this.#calls.values()]) call.give(fault);
    if (manner?.session !== undefined) await settlesWithin(this.#context.deps.timers, this.#endSession(manner), FAREWELL_MS);
    await this.#pool.destroy();
  }

  #send(request: Omit<HttpRequest, 'path'>, receiver: Receiver): Exchange {
    return exchange(this.#pool, { ...request, path: this.#path }, receiver);
  }
}

function failed(fault: BackendFault): Reply {
  return { asked: err(fault), status: 0, session: undefined };
}

/** Computed from what is sent, after names are the backend's own (CH1). */
function mannerHeaders(manner: Manner, method: string | undefined, name: string | undefined): FlatHeaders {
  const headers: string[] = [];
  if (manner.version !== undefined) headers.push('mcp-protocol-version', manner.version);
  if (manner.session !== undefined) headers.push('mcp-session-id', manner.session);
  if (manner.era === 'modern' && method !== undefined) headers.push('mcp-method', headerValue(method));
  if (manner.era === 'modern' && name !== undefined) headers.push('mcp-name', headerValue(name));
  return headers;
}
