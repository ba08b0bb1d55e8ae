// The JSON-RPC conversation with one child: what is said to it, and what each of its lines means. Knows no process.
import { decodeUtf8, type RawJson, scan } from '../../core/json/scan.ts';
import { oneLine, toRaw } from '../../core/json/compose.ts';
import { elements, memberOf } from '../../core/json/slice.ts';
import type { BackendFault, BackendReply, Clock, TaskStep, Timers } from '../../core/ports.ts';
import { err, ok } from '../../core/result.ts';
import { BACKEND_LIMITS as JSON_LIMITS } from '../../core/json/raw.ts';
import type { BackendSettings } from '../../core/settings.ts';
import { notificationMessage, requestMessage } from '../../relay/rpc.ts';
import { withinBytes } from '../answer.ts';
import { Attribution } from '../attribution.ts';
import { BackgroundTasks } from '../background.ts';
import type { BackendDeps } from '../deps.ts';
import { changedList } from '../handshake.ts';
import { BATCH_MOST, type Message, readMessage } from '../message.ts';
import { progressTokenOf } from '../progress.ts';
import { QuestionDesk } from '../questions.ts';
import { completedId } from '../../relay/elicitation.ts';
import type { Served } from '../serving.ts';
import { subscriptionOf, updatedUri } from '../subscription.ts';
import { type Asked, type AskOptions, PendingRequests } from './pending.ts';

export interface PeerHooks {
  /** One line with its newline. False: the child does not read and the queue is full. */
  write(line: string): boolean;
  listChanged(): void;
  /** Of a resource, or of a part of one. */
  updated(uri: string): void;
  /** A visit is over, of the page with this id. */
  completed(elicitation: string): void;
  /** This task runs, and whoever began it has given it up. */
  orphaned(task: string): void;
  /** Not protocol, or not for us. */
  noise(what: string): void;
  /** Noise as well, but a call may wait for this line: what it holds cannot be read as a whole. */
  unreadable(line: Uint8Array, what: string): void;
  /** Something came that settled no call. `units`: its length. */
  unsolicited(units: number): void;
}

export interface PeerDeps {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly stdinBytes: number;
  readonly settings: Pick<BackendSettings, 'id' | 'asks' | 'roots'>;
  readonly events: BackendDeps['events'];
  readonly log: BackendDeps['log'];
}

const EMPTY = toRaw({});

export class Peer {
  readonly #deps: PeerDeps;
  readonly #hooks: PeerHooks;
  readonly #pending: PendingRequests;
  readonly #attribution: Attribution;
  readonly #background: BackgroundTasks;
  readonly #desk: QuestionDesk;
  #closed: BackendFault | undefined;
  #modern = false;

  constructor(deps: PeerDeps, hooks: PeerHooks) {
    this.#deps = deps;
    this.#hooks = hooks;
    this.#background = new BackgroundTasks(deps.clock);
    this.#attribution = new Attribution(deps.clock, this.#background);
    this.#desk = new QuestionDesk(deps);
    this.#pending = new PendingRequests({
      clock: deps.clock, timers: deps.timers, attribution: this.#attribution,
      orphaned: (task) => hooks.orphaned(task),
      isAsked: (ended) => this.#desk.isAsked(ended),
      cancel: (id, reason) => this.notify('notifications/cancelled', toRaw({ requestId: id, reason })),
    });
  }

  /** From now on its requests stay unanswered: a modern server must not send any, nor may we write responses (CI2). */
  becomeModern(): void {
    this.#modern = true;
  }

  /** `params` gets the request's own id, which is also its progress token. */
  ask(method: string, params: (id: RawJson) => RawJson, options: AskOptions): Promise<Asked> {
    if (this.#closed !== undefined) return Promise.resolve(err(this.#closed));
    if (options.signal?.aborted === true) return Promise.resolve(err({ code: 'cancelled' }));
    const id = this.#pending.nextId();
    if (!this.#send(requestMessage(toRaw(id), method, params(toRaw(id))))) {
      return Promise.resolve(err({ code: 'queue_full', limit: this.#deps.stdinBytes }));
    }
    options.sent?.();
    return this.#pending.wait(id, options);
  }

  notify(method: string, params?: RawJson): void {
    if (this.#closed === undefined) this.#send(notificationMessage(method, params));
  }

  receive(line: Uint8Array): void {
    // Nobody waits any more; a child that is being killed may still write for a while.
    if (this.#closed !== undefined) return;
    const text = decodeUtf8(line);
    if (!text.ok) return this.#hooks.unreadable(line, `a line that is not UTF-8 at byte ${text.error.offset}`);
    const scanned = scan(text.value, JSON_LIMITS);
    if (!scanned.ok) {
      // An empty line is no offence, but a flood of them keeps the gateway as busy as any other.
      if (text.value.trim() === '') this.#hooks.unsolicited(line.length);
      else this.#hooks.unreadable(line, `a line that is not JSON (${scanned.error.code} at ${scanned.error.offset})`);
      return undefined;
    }
    // 2025-03-26 may send batches (CH11).
    const batch = elements(scanned.value, BATCH_MOST) ?? [scanned.value];
    if (batch.length > BATCH_MOST) return this.#hooks.noise('a batch above the bound');
    for (const raw of batch) this.#message(readMessage(raw), line.length, raw.length);
    return undefined;
  }

  #message(message: Message, bytes: number, units: number): void {
    switch (message.kind) {
      case 'answer':
        return this.#answered(message, units, (limit) => (withinBytes(message.answer, bytes, limit) ? ok(message.answer) : err({ code: 'oversize', limit })));
      case 'broken':
        return this.#answered(message, units, () => err({ code: 'protocol', detail: message.detail }));
      case 'request':
        this.#hooks.unsolicited(units);
        return this.#question(message);
      case 'notification':
        this.#hooks.unsolicited(units);
        return this.#notified(message.method, message.params);
      case 'error':
      case 'noise':
        return this.#hooks.noise('a message that is neither an answer nor a call');
    }
  }

  /** An id we never gave is noise; one we gave and no longer wait for is merely late (C11). */
  #answered(message: Extract<Message, { readonly kind: 'answer' | 'broken' }>, units: number, asked: (limit: number) => Asked): void {
    const pending = this.#pending.of(message.id);
    if (pending !== undefined) return pending.settle(asked(pending.limit), true);
    this.#hooks.unsolicited(units);
    if (!this.#pending.late(message.id, message.kind === 'answer' ? message.answer : undefined)) this.#hooks.noise('an answer to a question that was not asked');
    return undefined;
  }

  /** A request is never taken for an answer and never left hanging (original C7, C8). A modern server must not send any (T80). */
  #question(asking: Extract<Message, { readonly kind: 'request' }>): void {
    if (this.#modern) return this.#hooks.noise('a request from a server of an era without server requests');
    return this.#desk.take(asking, this.#whose(asking.params), (reply) => {
      if (this.#closed === undefined) this.#send(reply);
    });
  }

  #whose(params: RawJson | undefined): Served | undefined {
    return this.#attribution.whose(params, () => this.#attribution.sole());
  }

  /** What it answered to a step about a task of its own. */
  heardOf(step: TaskStep, reply: BackendReply): void {
    this.#background.answered(step, reply);
  }

  /** The only way to the child: one message is one line, whatever an agent put between its tokens. */
  #send(message: RawJson): boolean {
    return this.#hooks.write(`${oneLine(message)}\n`);
  }

  #notified(method: string, params: RawJson | undefined): void {
    if (changedList(method) !== undefined) return this.#hooks.listChanged();
    if (params === undefined) return undefined;
    switch (method) {
      case 'notifications/progress': return this.#progress(params);
      case 'notifications/message': return this.#whose(params)?.log?.(params);
      case 'notifications/tasks/status':
      case 'notifications/tasks': return this.#background.told(params);
      case 'notifications/cancelled': return this.#takenBack(memberOf(params, 'requestId'));
      case 'notifications/subscriptions/acknowledged': return this.#pending.of(subscriptionOf(params))?.acknowledged?.(params);
      case 'notifications/resources/updated': {
        const uri = updatedUri(params);
        return uri === undefined ? undefined : this.#hooks.updated(uri);
      }
      case 'notifications/elicitation/complete': {
        // 2026-07-28 has no such ids.
        const id = this.#modern ? undefined : completedId(params);
        return id === undefined ? undefined : this.#hooks.completed(id);
      }
      default: return undefined;
    }
  }

  #progress(params: RawJson): void {
    const pending = this.#pending.of(progressTokenOf(params));
    if (pending?.gate(params) === true) pending.deadline.renew();
  }

  /** Its own question (legacy), or a stream it was asked for (modern, X). */
  #takenBack(requestId: RawJson | undefined): void {
    if (requestId === undefined) return;
    if (!this.#modern) return this.#desk.cancelled(requestId);
    const pending = this.#pending.of(requestId);
    if (pending?.acknowledged !== undefined) pending.settle(ok({ kind: 'result', raw: EMPTY }), true);
  }

  /** Fails one call whose answer is known to be unusable; false when nobody waits for that id. */
  fail(id: number, fault: (limit: number) => BackendFault): boolean {
    return this.#pending.fail(id, fault);
  }

  /** Ends every conversation with this fault, now and later. */
  close(fault: BackendFault): void {
    this.#closed ??= fault;
    this.#pending.close(fault);
    this.#desk.close();
  }
}
