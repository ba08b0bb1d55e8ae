// The JSON-RPC conversation with one HTTP backend: own ids, who waits for what, what is said without being asked.
import { quote, toRaw } from '../../core/json/compose.ts';
import type { RawJson } from '../../core/json/scan.ts';
import { members, safeIntegerOf } from '../../core/json/slice.ts';
import type { BackendFault, BackendReply, TaskStep } from '../../core/ports.ts';
import { err } from '../../core/result.ts';
import { completedId } from '../../relay/elicitation.ts';
import type { HttpBackendSettings } from '../../core/settings.ts';
import { Attribution } from '../attribution.ts';
import { BackgroundTasks } from '../background.ts';
import { settlesWithin } from '../deadline.ts';
import type { BackendDeps } from '../deps.ts';
import { changedList } from '../handshake.ts';
import { type Message, readMessage } from '../message.ts';
import { progressTokenOf } from '../progress.ts';
import { type Asking, QuestionDesk } from '../questions.ts';
import type { Served } from '../serving.ts';
import { Strikes } from '../strikes.ts';
import { updatedUri } from '../subscription.ts';
import { Asides, FAREWELL_MS } from './aside.ts';
import type { CallContext, HttpAsk, Manner, Reply } from './ask.ts';
import { HttpCall } from './call.ts';
import type { Exchange, Receiver } from './exchange.ts';
import { Wire } from './wire.ts';

export interface ConversationHooks {
  listChanged(): void;
  updated(uri: string): void;
  /** False: of a page that nobody was shown. */
  completed(elicitation: string): boolean;
  noise(what: string): void;
}

/** Of streams, whatever they carry: comments are free for a server to send, and reading them is not. */
const STREAM_BYTES_PER_SECOND = 32 * 1024 * 1024;

export class HttpConversation {
  readonly #wire: Wire;
  readonly #hooks: ConversationHooks;
  readonly #context: CallContext;
  readonly #asides: Asides;
  readonly #desk: QuestionDesk;
  readonly #flood: Strikes;
  readonly #weight: Strikes;
  readonly #calls = new Map<number, HttpCall>();
  /** By session: what was asked in one is no question of another. */
  readonly #whose = new WeakMap<Manner, Attribution>();
  /** Of all sessions: a task may outlive the one it was begun in. */
  readonly #background: BackgroundTasks;
  #lastId = 0;
  #closed = false;
  /** When an answer last came, on the monotonic clock. */
  heardAt: number = -Infinity;

  constructor(settings: HttpBackendSettings, deps: BackendDeps, hooks: ConversationHooks) {
    this.#wire = new Wire(settings, deps);
    this.#hooks = hooks;
    this.#flood = new Strikes(deps.clock, deps.limits.unsolicitedPerSecond, 1000);
    this.#weight = new Strikes(deps.clock, STREAM_BYTES_PER_SECOND, 1000);
    this.#desk = new QuestionDesk({ timers: deps.timers, settings, events: deps.events, log: deps.log });
    this.#asides = new Asides({ timers: deps.timers, wire: this.#wire });
    this.#background = new BackgroundTasks(deps.clock);
    this.#context = {
      deps,
      wire: this.#wire,
      route: (message, manner, served) => this.#route(message, manner, served),
      cancel: (manner, id, reason) => void this.notify(manner, 'notifications/cancelled', toRaw({ requestId: id, reason })),
      weigh: (bytes) => this.weigh(bytes),
      whose: (params, manner, served) => this.#attribution(manner).whose(params, () => served),
      over: (call, how, reply) => {
        this.#calls.delete(call.id);
        this.#attribution(call.manner).end(call.id, how !== 'lost', reply);
        if (how === 'answered') this.heardAt = deps.clock.mono();
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
      if (call.served !== undefined) this.#attribution(ask.manner).begin(id, call.served);
      call.begin(body);
    });
  }

  /** Resolves when it was taken or could not be; a notification has no answer. */
  async notify(manner: Manner, method: string, params?: RawJson): Promise<void> {
    if (!this.#closed) await this.#asides.notify(manner, method, params);
  }

  openStream(manner: Manner, lastEventId: string | undefined, receiver: Receiver): Exchange {
    return this.#wire.events(manner, lastEventId, 0, receiver);
  }

  /** A message of a stream that is no call's own. False: rest a little, there are too many. */
  receive(raw: RawJson, bytes: number, manner: Manner): boolean {
    const message = readMessage(raw);
    // HTTP+SSE has this one stream for everything (2024-11-05); elsewhere an answer here is nobody's.
    if (manner.endpoint !== undefined && (message.kind === 'answer' || message.kind === 'broken')) {
      const id = safeIntegerOf(message.id);
      const call = id === undefined ? undefined : this.#calls.get(id);
      if (call !== undefined) {
        call.delivered(message, bytes);
        return true;
      }
      if (id !== undefined && id >= 1 && id <= this.#lastId) {
        this.#attribution(manner).late(id);
        return !this.#flood.hit();
      }
    }
    return this.#route(message, manner, message.kind === 'request' ? this.#attribution(manner).sole() : undefined);
  }

  /** What it answered to a step about a task of its own. */
  heardOf(step: TaskStep, reply: BackendReply): void {
    this.#background.answered(step, reply);
  }

  #attribution(manner: Manner): Attribution {
    const known = this.#whose.get(manner) ?? new Attribution(this.#context.deps.clock, this.#background);
    this.#whose.set(manner, known);
    return known;
  }

  /** A message that settles no call, from any stream; progress is attributed by token, not by stream (4.5). */
  #route(message: Message, manner: Manner, served: Served | undefined): boolean {
    if (message.kind === 'notification') this.#notified(message.method, message.params, manner);
    else if (message.kind === 'request' && manner.era === 'legacy') {
      this.#question(message, manner, served);
    } else this.#hooks.noise('an answer to a question that was not asked');
    return !this.#flood.hit();
  }

  #question(message: Asking, manner: Manner, served: Served | undefined): void {
    // What the desk says at once nobody had to think about: of that, a flood is dropped.
    let isAtOnce = true;
    const whose = this.#attribution(manner).whose(message.params, () => served);
    this.#desk.take(message, whose, (reply) => void this.#reply(manner, reply, !isAtOnce));
    isAtOnce = false;
  }

  async #reply(manner: Manner, message: RawJson, given: boolean): Promise<void> {
    if (!this.#closed) await this.#asides.answer(manner, message, given);
  }

  /** False: more came in this second than should be read. */
  weigh(bytes: number): boolean {
    return !this.#weight.hit(bytes);
  }

  #notified(method: string, params: RawJson | undefined, { era }: Manner): void {
    if (changedList(method) !== undefined) return this.#hooks.listChanged();
    switch (method) {
      case 'notifications/progress': return this.#progressed(params);
      case 'notifications/tasks/status': return this.#background.told(params);
      case 'notifications/resources/updated': {
        const uri = updatedUri(params);
        return uri === undefined ? undefined : this.#hooks.updated(uri);
      }
      case 'notifications/elicitation/complete': {
        // 2026-07-28 has no such ids.
        const id = era === 'modern' ? undefined : completedId(params);
        if (id !== undefined && !this.#hooks.completed(id)) this.#hooks.noise('the end of an elicitation that nobody was shown');
        return undefined;
      }
      case 'notifications/cancelled': {
        const question = members(params)?.get('requestId');
        return question === undefined ? undefined : this.#desk.cancelled(question);
      }
      default: return undefined;
    }
  }

  #progressed(params: RawJson | undefined): void {
    const id = safeIntegerOf(progressTokenOf(params));
    if (id !== undefined && params !== undefined) this.#calls.get(id)?.progress(params);
  }

  /** The stream on which answers were to come is gone. */
  lost(manner: Manner, fault: BackendFault): void {
    for (const call of [...this.#calls.values()]) if (call.manner === manner) call.lost(fault);
  }

  /** Ends every call with this fault, then the session, then the connections. */
  async close(fault: BackendFault, manner: Manner | undefined): Promise<void> {
    this.#closed = true;
    for (const call of [...this.#calls.values()]) call.give(fault);
    this.#desk.close();
    if (manner?.session !== undefined) await settlesWithin(this.#context.deps.timers, this.#asides.endSession(manner), FAREWELL_MS);
    await this.#wire.close();
  }
}

function failed(fault: BackendFault): Reply {
  return { asked: err(fault), status: 0, session: undefined };
}
