// What the gateway has asked one agent of the 2025 revisions and has not heard back: JSON-RPC requests with ids of ours, each on
// the stream of the request it belongs to. An answer counts in its own session only, once, and from whom was asked (T53, SL8, A40).
// Decides nothing about policy or capabilities.
import type { AgentIo } from '../../core/inbound.ts';
import { type Answerer, type Heard, LONGEST_WAIT_MS, type Question, type QuestionReply } from '../../core/capabilities.ts';
import { objectOf, quote } from '../../core/json/compose.ts';
import type { RawJson } from '../../core/json/scan.ts';
import { kindOf, members, safeIntegerOf, stringOf } from '../../core/json/slice.ts';
import type { Timers } from '../../core/ports.ts';
import { detached } from '../../core/text.ts';
import { CODE, notificationMessage, requestMessage } from '../../relay/rpc.ts';
import { idKey, type ResponseEnvelope } from './envelope.ts';

/** The stream of one request, towards its agent. */
export interface Channel {
  /** False when nobody can be reached. */
  send(message: RawJson): boolean;
  /** Calls `told` when nobody can be reached any more; returns the undo. */
  onGone(told: () => void): () => void;
}

export interface Asker {
  readonly ask: NonNullable<AgentIo['ask']>;
  /** The request is about to be answered: what is still open is withdrawn. */
  end(): void;
}

/** A backend that asks more than this at once is not asking a person. No setting: what is refused here is a fault of the backend. */
const OPEN_PER_REQUEST = 8;
const OPEN_PER_SESSION = 64;
const MESSAGE_MAX = 1024;

const PROCESS_TIMERS: Timers = {
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

interface Open {
  readonly owner: string;
  readonly settle: (reply: Heard) => void;
}

interface Asked {
  readonly channel: Channel;
  /** Principal key of the request: nobody else answers for it. */
  readonly owner: string;
  /** Of the request. */
  readonly signal: AbortSignal;
  /** Ends of the questions this request has open. */
  readonly open: Set<(why: string) => void>;
}

export class Questions {
  readonly #timers: Timers;
  readonly #open = new Map<string, Open>();
  #asked = 0;
  #over = false;

  constructor(timers: Timers = PROCESS_TIMERS) {
    this.#timers = timers;
  }

  /** Questions that wait for an answer. */
  get size(): number {
    return this.#open.size;
  }

  /** For one request; `signal` is that request's own. */
  asker(channel: Channel, owner: string, signal: AbortSignal): Asker {
    const asked: Asked = { channel, owner, signal, open: new Set() };
    let over = false;
    return {
      ask: async (question, withdrawn) => {
        const refusal = over ? 'the request has ended' : this.#refusal(asked, withdrawn);
        return refusal === undefined ? await this.#put(asked, question, withdrawn) : unanswered(refusal);
      },
      end: () => {
        over = true;
        for (const stop of asked.open) stop('the request has ended');
      },
    };
  }

  /** False when nothing that was asked is answered by it: unknown, late, a repeat, or from another principal. */
  answered(response: ResponseEnvelope, owner: string, by: Answerer): boolean {
    const open = response.key === undefined ? undefined : this.#open.get(response.key);
    if (open === undefined || open.owner !== owner) return false;
    open.settle({ ...replyOf(response), by });
    return true;
  }

  /** No answer can come any more: the session has ended, or nothing is read from the agent now. */
  end(): void {
    this.#over = true;
    for (const open of this.#open.values()) open.settle(unanswered('the session has ended'));
  }

  #refusal({ signal, open }: Asked, withdrawn: AbortSignal): string | undefined {
    if (this.#over) return 'the session has ended';
    if (signal.aborted) return 'the request was cancelled';
    if (withdrawn.aborted) return 'the question was withdrawn';
    return open.size >= OPEN_PER_REQUEST || this.#open.size >= OPEN_PER_SESSION ? 'too many questions at once' : undefined;
  }

  #put({ channel, owner, signal, open }: Asked, question: Question, withdrawn: AbortSignal): Promise<Heard> {
    this.#asked += 1;
    // Never used again in this session (SL10); text, so that it is not mistaken for one of the agent's own numbers.
    const id = quote(`s-${this.#asked}`);
    const key = idKey(id) ?? id;
    if (!channel.send(requestMessage(id, question.method, question.params))) return Promise.resolve(unanswered('the agent cannot be reached'));
    return new Promise((resolve) => {
      const undo: (() => void)[] = [];
      const settle = (reply: Heard): void => {
        if (!this.#open.delete(key)) return;
        for (const each of undo) each();
        resolve(reply);
      };
      // The agent may be showing it to a person: it is told that nobody waits any more.
      const withdraw = (why: string): void => {
        if (this.#open.has(key)) channel.send(notificationMessage('notifications/cancelled', objectOf([['requestId', id], ['reason', quote(why)]])));
        settle(unanswered(why));
      };
      this.#open.set(key, { owner, settle });
      open.add(withdraw);
      undo.push(
        () => open.delete(withdraw),
        onAbort(signal, () => withdraw('the request was cancelled')),
        onAbort(withdrawn, () => withdraw('the question was withdrawn')),
        channel.onGone(() => settle(unanswered('the agent has gone'))),
        this.#timers.after(LONGEST_WAIT_MS, () => withdraw('the agent did not answer in time')),
      );
    });
  }
}

function onAbort(signal: AbortSignal, told: () => void): () => void {
  signal.addEventListener('abort', told, { once: true });
  return () => signal.removeEventListener('abort', told);
}

/** Ours: no agent said this. */
function unanswered(why: string): QuestionReply {
  return { kind: 'error', code: CODE.internal, message: `Not answered: ${why}` };
}

function replyOf({ result, error }: ResponseEnvelope): QuestionReply {
  if (result !== undefined) return kindOf(result) === 'object' ? { kind: 'result', raw: result } : unanswered('the result is not an object');
  const said = members(error);
  const code = said?.get('code');
  const number = code === undefined ? undefined : safeIntegerOf(code);
  const message = stringOf(said?.get('message')) ?? 'The agent refused';
  // Kept for as long as the call: not with the whole body it came in.
  return { kind: 'error', code: number ?? CODE.internal, message: detached(message.slice(0, MESSAGE_MAX)) };
}
