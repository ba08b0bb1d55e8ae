// What a legacy backend asks of us: answered here, or put to the agent whose call it serves; never left hanging (original C8). Which call
// that is, the transport says; a question without one is refused (T91, T92, T106).
// Sources: MCP 2025-11-25 client/{elicitation,sampling,roots}, basic/utilities/{ping,cancellation}.
import { LONGEST_WAIT_MS, type QuestionMethod, type QuestionReply } from '../core/capabilities.ts';
import { toRaw } from '../core/json/compose.ts';
import { copyOf } from '../core/json/raw.ts';
import type { RawJson } from '../core/json/scan.ts';
import type { BackendEvents, QuestionRefused, Timers } from '../core/ports.ts';
import type { BackendSettings } from '../core/settings.ts';
import { err, ok, type Result } from '../core/result.ts';
import { CODE, errorMessage, resultMessage } from '../relay/rpc.ts';
import type { BackendLog } from './deps.ts';
import { answersRoots } from './handshake.ts';
import type { Served } from './serving.ts';
import { shortText } from './text.ts';

export interface QuestionDeps {
  readonly timers: Timers;
  readonly settings: Pick<BackendSettings, 'id' | 'asks' | 'roots'>;
  readonly events: Pick<BackendEvents, 'questionRefused'>;
  readonly log: BackendLog;
}

export interface Asking {
  readonly id: RawJson;
  readonly method: string;
  readonly params: RawJson | undefined;
}

/** Open at once, of one call: no person sees more. Not a setting, for more of them help nobody. Of one backend there are so many as it has calls in flight: one agent's questions cost no other agent its own. */
const MOST_OF_CALL = 4;
/** Questions of one call, one after the other: somebody sits before each of them. */
const MOST_IN_A_CALL = 64;
const ERROR_CHARS = 1024;
const EMPTY = toRaw({});
const DECLINE = toRaw({ action: 'decline' });
const CANCEL = toRaw({ action: 'cancel' });
const QUESTIONS: Readonly<Record<QuestionMethod, keyof BackendSettings['asks']>> = { 'elicitation/create': 'elicitation', 'sampling/createMessage': 'sampling', 'roots/list': 'roots' };

interface Askable {
  readonly served: Served;
  readonly ask: NonNullable<Served['ask']>;
}

export class QuestionDesk {
  readonly #deps: QuestionDeps;
  /** By the backend's id as written. */
  readonly #open = new Map<RawJson, { readonly served: Served; readonly stop: AbortController }>();
  readonly #asked = new WeakMap<AbortSignal, number>();

  constructor(deps: QuestionDeps) {
    this.#deps = deps;
  }

  /** `served`: the call it belongs to without a doubt. `reply` gets one message, or none when the question is taken back. */
  take(asking: Asking, served: Served | undefined, reply: (message: RawJson) => void): void {
    const { id, method } = asking;
    if (method === 'ping') return reply(resultMessage(id, EMPTY));
    if (!isQuestion(method)) return reply(errorMessage(id, CODE.methodNotFound, 'Method not found'));
    const { settings } = this.#deps;
    const judged = this.#askable(id, method, served);
    // A person may think for long: of the message it came in nothing else is kept.
    if (judged.ok) return void this.#put({ id: copyOf(id), method, params: asking.params === undefined ? undefined : copyOf(asking.params) }, method, judged.value, reply);
    if (method === 'roots/list' && answersRoots(settings)) return reply(resultMessage(id, rootsOf(settings.roots)));
    this.#deps.events.questionRefused(judged.error);
    this.#deps.log({ backend: settings.id, level: 'debug', event: 'question refused', text: `${method}: ${judged.error}` });
    return reply(this.#refusal(id, method));
  }

  /** Whether the call that ends with this signal has a question open. */
  isAsked(ended: AbortSignal): boolean {
    return this.#openOf(ended) > 0;
  }

  #openOf(ended: AbortSignal): number {
    return [...this.#open.values()].filter(({ served }) => served.ended === ended).length;
  }

  /** The backend takes its own question back. */
  cancelled(requestId: RawJson): void {
    this.#open.get(requestId)?.stop.abort();
  }

  close(): void {
    for (const { stop } of [...this.#open.values()]) stop.abort();
  }

  #askable(id: RawJson, method: QuestionMethod, served: Served | undefined): Result<Askable, QuestionRefused> {
    if (!this.#deps.settings.asks[QUESTIONS[method]]) return err('forbidden');
    if (served === undefined || served.ended.aborted) return err('unattributed');
    const { ask } = served;
    if (ask === undefined) return err('unaskable');
    if (this.#open.has(id)) return err('repeated');
    const isFull = this.#openOf(served.ended) >= MOST_OF_CALL || (this.#asked.get(served.ended) ?? 0) >= MOST_IN_A_CALL;
    return isFull ? err('too_many') : ok({ served, ask });
  }

  async #put(asking: Asking, method: QuestionMethod, { served, ask }: Askable, reply: (message: RawJson) => void): Promise<void> {
    const { id, params } = asking;
    const stop = new AbortController();
    this.#open.set(id, { served, stop });
    this.#asked.set(served.ended, (this.#asked.get(served.ended) ?? 0) + 1);
    const resume = served.deadline.pause();
    const answered = await firstOf(ask({ method, params }, AbortSignal.any([stop.signal, served.ended])), [stop.signal, served.ended], this.#deps.timers);
    resume();
    this.#open.delete(id);
    if (stop.signal.aborted) return;
    // The backend may still be at the call, and would sit there until a time of its own (4.6).
    if (served.ended.aborted) return reply(method === 'elicitation/create' ? resultMessage(id, CANCEL) : errorMessage(id, CODE.internal, 'The call it was asked for has ended'));
    if (answered === undefined) {
      stop.abort();
      return reply(errorMessage(id, CODE.internal, 'Nobody answered in time'));
    }
    return reply(answered.kind === 'result' ? resultMessage(id, answered.raw) : errorMessage(id, answered.code, shortText(answered.message, ERROR_CHARS)));
  }

  /** Policy first, then what can be said without anybody: that the user was not asked. */
  #refusal(id: RawJson, method: QuestionMethod): RawJson {
    if (method === 'elicitation/create' && this.#deps.settings.asks.elicitation) return resultMessage(id, DECLINE);
    return errorMessage(id, CODE.methodNotFound, 'Method not found');
  }
}

function isQuestion(method: string): method is QuestionMethod {
  return Object.hasOwn(QUESTIONS, method);
}

function rootsOf(roots: BackendSettings['roots']): RawJson {
  return toRaw({ roots: roots.map(({ uri, name }) => (name === undefined ? { uri } : { uri, name })) });
}

const FAILED: QuestionReply = { kind: 'error', code: CODE.internal, message: 'The question could not be asked' };

/** Undefined: none of them in time, or nobody waits for it any more. */
async function firstOf(answer: Promise<QuestionReply>, signals: readonly AbortSignal[], timers: Timers): Promise<QuestionReply | undefined> {
  const { promise: nobody, resolve } = Promise.withResolvers<undefined>();
  const give = (): void => resolve(undefined);
  const undo = timers.after(LONGEST_WAIT_MS, give);
  for (const signal of signals) signal.addEventListener('abort', give, { once: true });
  const first = await Promise.race([answer.catch(() => FAILED), nobody]);
  undo();
  for (const signal of signals) signal.removeEventListener('abort', give);
  return first;
}
