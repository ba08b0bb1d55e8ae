// The JSON-RPC conversation with one child: own ids, who waits for what, what is answered to its questions. Knows no process.
import { decodeUtf8, type RawJson, scan } from '../../core/json/scan.ts';
import { oneLine, toRaw } from '../../core/json/compose.ts';
import { elements, memberOf, safeIntegerOf } from '../../core/json/slice.ts';
import type { BackendReply, BackendFault, Clock, Timers } from '../../core/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { BACKEND_LIMITS as JSON_LIMITS } from '../../core/json/raw.ts';
import type { BackendSettings } from '../../core/settings.ts';
import { notificationMessage, requestMessage } from '../../relay/rpc.ts';
import { withinBytes } from '../answer.ts';
import { Attribution } from '../attribution.ts';
import { type Deadline, type DeadlineTimes, startDeadline } from '../deadline.ts';
import { changedList } from '../handshake.ts';
import { BATCH_MOST, type Message, readMessage } from '../message.ts';
import { type ProgressGate, progressGate, progressTokenOf } from '../progress.ts';
import { QuestionDesk } from '../questions.ts';
import { relatedTaskOf } from '../../relay/tasks.ts';
import type { Serving } from '../serving.ts';
import { subscriptionOf, updatedUri } from '../subscription.ts';

export interface PeerHooks {
  /** One line with its newline. False: the child does not read and the queue is full. */
  write(line: string): boolean;
  listChanged(): void;
  /** Of a resource, or of a part of one. */
  updated(uri: string): void;
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
  readonly settings: Pick<BackendSettings, 'asks' | 'roots'>;
}

export interface AskOptions extends DeadlineTimes {
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((params: RawJson) => void) | undefined;
  readonly resultBytes: number;
  /** False for the handshake: `initialize` is never cancelled. */
  readonly cancellable: boolean;
  /** The agent's call that this is; undefined: a question of our own. */
  readonly serving?: Serving;
  /** Of `subscriptions/listen`: what was agreed. */
  readonly acknowledged?: (params: RawJson) => void;
}

export type Asked = Result<BackendReply, BackendFault>;

interface Pending {
  readonly limit: number;
  readonly gate: ProgressGate;
  readonly deadline: Deadline;
  readonly acknowledged: ((params: RawJson) => void) | undefined;
  /** `answered`: the child has said its last word about it. */
  readonly settle: (asked: Asked, answered: boolean) => void;
}

const EMPTY = toRaw({});

export class Peer {
  readonly #deps: PeerDeps;
  readonly #hooks: PeerHooks;
  readonly #pending = new Map<number, Pending>();
  readonly #attribution: Attribution;
  readonly #desk: QuestionDesk;
  #lastId = 0;
  #closed: BackendFault | undefined;
  #modern = false;

  constructor(deps: PeerDeps, hooks: PeerHooks) {
    this.#deps = deps;
    this.#hooks = hooks;
    this.#attribution = new Attribution(deps.clock);
    this.#desk = new QuestionDesk(deps);
  }

  /** From now on its requests stay unanswered: a modern server must not send any, nor may we write responses (CI2). */
  becomeModern(): void {
    this.#modern = true;
  }

  /** `params` gets the request's own id, which is also its progress token. */
  ask(method: string, params: (id: RawJson) => RawJson, options: AskOptions): Promise<Asked> {
    if (this.#closed !== undefined) return Promise.resolve(err(this.#closed));
    if (options.signal?.aborted === true) return Promise.resolve(err({ code: 'cancelled' }));
    this.#lastId += 1;
    const id = this.#lastId;
    if (!this.#send(requestMessage(toRaw(id), method, params(toRaw(id))))) {
      return Promise.resolve(err({ code: 'queue_full', limit: this.#deps.stdinBytes }));
    }
    return new Promise((resolve) => this.#wait(id, options, resolve));
  }

  #wait(id: number, options: AskOptions, resolve: (asked: Asked) => void): void {
    const { signal, serving, acknowledged } = options;
    const ended = new AbortController();
    const give = (fault: BackendFault): void => {
      settle(err(fault), false);
      if (options.cancellable) this.notify('notifications/cancelled', toRaw({ requestId: id, reason: fault.code }));
    };
    const abort = (): void => give({ code: 'cancelled' });
    const deadline = startDeadline(this.#deps, options, (afterMs) => give({ code: 'timeout', afterMs }));
    const settle = (asked: Asked, answered: boolean): void => {
      if (!this.#pending.delete(id)) return;
      deadline.clear();
      signal?.removeEventListener('abort', abort);
      this.#attribution.end(id, answered);
      ended.abort();
      resolve(asked);
    };
    signal?.addEventListener('abort', abort, { once: true });
    const gate = progressGate(options.onProgress);
    this.#pending.set(id, { limit: options.resultBytes, gate, deadline, acknowledged, settle });
    if (serving !== undefined) this.#attribution.begin(id, { ...serving, deadline, ended: ended.signal });
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
        return this.#answered(message.id, units, (limit) => (withinBytes(message.answer, bytes, limit) ? ok(message.answer) : err({ code: 'oversize', limit })));
      case 'broken':
        return this.#answered(message.id, units, () => err({ code: 'protocol', detail: message.detail }));
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
  #answered(idRaw: RawJson, units: number, asked: (limit: number) => Asked): void {
    const id = safeIntegerOf(idRaw);
    const pending = this.#pendingOf(idRaw);
    if (pending !== undefined) return pending.settle(asked(pending.limit), true);
    this.#hooks.unsolicited(units);
    if (id === undefined || id < 1 || id > this.#lastId) this.#hooks.noise('an answer to a question that was not asked');
    else this.#attribution.late(id);
    return undefined;
  }

  /** A request is never taken for an answer and never left hanging (original C7, C8). A modern server must not send any (T80). */
  #question(asking: Extract<Message, { readonly kind: 'request' }>): void {
    if (this.#modern) return this.#hooks.noise('a request from a server of an era without server requests');
    const task = relatedTaskOf(asking.params);
    return this.#desk.take(asking, task === undefined ? this.#attribution.sole() : this.#attribution.ofTask(task), (reply) => {
      if (this.#closed === undefined) this.#send(reply);
    });
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
      case 'notifications/message': return this.#attribution.sole()?.log?.(params);
      case 'notifications/cancelled': return this.#takenBack(memberOf(params, 'requestId'));
      case 'notifications/subscriptions/acknowledged': return this.#pendingOf(subscriptionOf(params))?.acknowledged?.(params);
      case 'notifications/resources/updated': {
        const uri = updatedUri(params);
        return uri === undefined ? undefined : this.#hooks.updated(uri);
      }
      default: return undefined;
    }
  }

  #progress(params: RawJson): void {
    const pending = this.#pendingOf(progressTokenOf(params));
    if (pending?.gate(params) === true) pending.deadline.renew();
  }

  /** Its own question (legacy), or a stream it was asked for (modern, X). */
  #takenBack(requestId: RawJson | undefined): void {
    if (requestId === undefined) return;
    if (!this.#modern) return this.#desk.cancelled(requestId);
    const pending = this.#pendingOf(requestId);
    if (pending?.acknowledged !== undefined) pending.settle(ok({ kind: 'result', raw: EMPTY }), true);
  }

  #pendingOf(idRaw: RawJson | undefined): Pending | undefined {
    const id = idRaw === undefined ? undefined : safeIntegerOf(idRaw);
    return id === undefined ? undefined : this.#pending.get(id);
  }

  /** Fails one call whose answer is known to be unusable; false when nobody waits for that id. */
  fail(id: number, fault: (limit: number) => BackendFault): boolean {
    const pending = this.#pending.get(id);
    pending?.settle(err(fault(pending.limit)), true);
    return pending !== undefined;
  }

  /** Ends every conversation with this fault, now and later. */
  close(fault: BackendFault): void {
    this.#closed ??= fault;
    for (const pending of [...this.#pending.values()]) pending.settle(err(fault), true);
    this.#desk.close();
  }
}
