// The JSON-RPC conversation with one child: own ids, who waits for what, what is answered to its questions. Knows no process.
import { decodeUtf8, type RawJson, scan } from '../../core/json/scan.ts';
import { oneLine, toRaw } from '../../core/json/compose.ts';
import { elements, safeIntegerOf } from '../../core/json/slice.ts';
import type { BackendAnswer, BackendFault, Clock, Timers } from '../../core/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { BACKEND_LIMITS as JSON_LIMITS } from '../../core/json/raw.ts';
import { CODE, errorMessage, notificationMessage, requestMessage, resultMessage } from '../../relay/rpc.ts';
import { withinBytes } from '../answer.ts';
import { type Deadline, type DeadlineTimes, startDeadline } from '../deadline.ts';
import { BATCH_MOST, type Message, readMessage } from '../message.ts';
import { type ProgressGate, progressGate, progressTokenOf } from '../progress.ts';

export interface PeerHooks {
  /** One line with its newline. False: the child does not read and the queue is full. */
  write(line: string): boolean;
  toolsChanged(): void;
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
}

export interface AskOptions extends DeadlineTimes {
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((params: RawJson) => void) | undefined;
  readonly resultBytes: number;
  /** False for the handshake: `initialize` is never cancelled. */
  readonly cancellable: boolean;
}

export type Asked = Result<BackendAnswer, BackendFault>;

interface Pending {
  readonly limit: number;
  readonly gate: ProgressGate;
  readonly deadline: Deadline;
  readonly settle: (asked: Asked) => void;
}

const EMPTY = toRaw({});

export class Peer {
  readonly #deps: PeerDeps;
  readonly #hooks: PeerHooks;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #closed: BackendFault | undefined;
  #modern = false;

  constructor(deps: PeerDeps, hooks: PeerHooks) {
    this.#deps = deps;
    this.#hooks = hooks;
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
    const give = (fault: BackendFault): void => {
      settle(err(fault));
      if (options.cancellable) this.notify('notifications/cancelled', toRaw({ requestId: id, reason: fault.code }));
    };
    const abort = (): void => give({ code: 'cancelled' });
    const deadline = startDeadline(this.#deps, options, (afterMs) => give({ code: 'timeout', afterMs }));
    const settle = (asked: Asked): void => {
      if (!this.#pending.delete(id)) return;
      deadline.clear();
      options.signal?.removeEventListener('abort', abort);
      resolve(asked);
    };
    options.signal?.addEventListener('abort', abort, { once: true });
    const gate = progressGate(options.onProgress);
    this.#pending.set(id, { limit: options.resultBytes, gate, deadline, settle });
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
        return this.#question(message.id, message.method);
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
    const pending = id === undefined ? undefined : this.#pending.get(id);
    if (pending !== undefined) return pending.settle(asked(pending.limit));
    this.#hooks.unsolicited(units);
    if (id === undefined || id < 1 || id > this.#lastId) this.#hooks.noise('an answer to a question that was not asked');
    return undefined;
  }

  /** A request is never taken for an answer and never left hanging (original C7, C8). */
  #question(id: RawJson, method: string): void {
    if (this.#modern) return this.#hooks.noise('a request from a server of an era without server requests');
    const reply = method === 'ping' ? resultMessage(id, EMPTY) : errorMessage(id, CODE.methodNotFound, 'Method not found');
    this.#send(reply);
    return undefined;
  }

  /** The only way to the child: one message is one line, whatever an agent put between its tokens. */
  #send(message: RawJson): boolean {
    return this.#hooks.write(`${oneLine(message)}\n`);
  }

  #notified(method: string, params: RawJson | undefined): void {
    if (method === 'notifications/tools/list_changed') return this.#hooks.toolsChanged();
    if (method !== 'notifications/progress' || params === undefined) return undefined;
    const token = progressTokenOf(params);
    const id = token === undefined ? undefined : safeIntegerOf(token);
    const pending = id === undefined ? undefined : this.#pending.get(id);
    if (pending?.gate(params) === true) pending.deadline.renew();
    return undefined;
  }

  /** Fails one call whose answer is known to be unusable; false when nobody waits for that id. */
  fail(id: number, fault: (limit: number) => BackendFault): boolean {
    const pending = this.#pending.get(id);
    pending?.settle(err(fault(pending.limit)));
    return pending !== undefined;
  }

  /** Ends every conversation with this fault, now and later. */
  close(fault: BackendFault): void {
    this.#closed ??= fault;
    for (const pending of [...this.#pending.values()]) pending.settle(err(fault));
  }
}
