// Questions of one call that its modern agent has not answered: kept by key until a request of the agent brings the answers.
// Knows no policy and no time but the moment in which questions that belong together are waited for.
import type { Heard, Question, QuestionReply } from '../../core/capabilities.ts';
import { copyOf } from '../../core/json/raw.ts';
import type { Timers } from '../../core/ports.ts';
import { CODE } from '../../relay/rpc.ts';

/** Several questions of one backend often come at once; the agent gets them in one answer. */
const GATHER_MS = 50;

/** Read by nobody: whoever asked waits no more. */
const WITHDRAWN: QuestionReply = { kind: 'error', code: CODE.internal, message: 'Withdrawn' };

/**
 * UTF-16 units of the questions of one call together. A form or a page has a few thousand and a text to continue some ten thousand; calls
 * wait for minutes, and many of them at once.
 */
const UNITS_MOST = 262_144;
const TOO_LARGE: QuestionReply = { kind: 'error', code: CODE.internal, message: 'The question is too large' };

interface Open {
  readonly question: Question;
  answer(reply: Heard): void;
}

export class OpenQuestions {
  readonly #timers: Timers;
  readonly #open = new Map<string, Open>();
  #asked = 0;
  #undo: (() => void) | undefined;
  #due: PromiseWithResolvers<void> | undefined;
  #closed: QuestionReply | undefined;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  get size(): number {
    return this.#open.size;
  }

  /** In the order asked. Keys are never used twice in one call. */
  list(): readonly (readonly [key: string, question: Question])[] {
    return [...this.#open].map(([key, { question }]) => [key, question]);
  }

  /** Whether there is room for it beside those that are open. */
  fits(question: Question): boolean {
    let units = unitsOf(question);
    for (const open of this.#open.values()) units += unitsOf(open.question);
    return units <= UNITS_MOST;
  }

  add(question: Question, withdrawn?: AbortSignal): Promise<Heard> {
    if (this.#closed !== undefined) return Promise.resolve(this.#closed);
    if (withdrawn?.aborted === true) return Promise.resolve(WITHDRAWN);
    if (!this.fits(question)) return Promise.resolve(TOO_LARGE);
    const { promise, resolve } = Promise.withResolvers<Heard>();
    this.#asked += 1;
    const key = `q${this.#asked}`;
    this.#open.set(key, { question: keptOf(question), answer: resolve });
    withdrawn?.addEventListener('abort', () => this.answer(key, WITHDRAWN), { once: true });
    if (this.#due !== undefined) {
      this.#undo ??= this.#timers.after(GATHER_MS, () => {
        this.#undo = undefined;
        this.#due?.resolve();
      });
    }
    return promise;
  }

  /** Resolves when there is something to tell the agent that waits now. */
  due(): Promise<void> {
    this.#due = Promise.withResolvers<void>();
    if (this.#open.size > 0) this.#due.resolve();
    return this.#due.promise;
  }

  /** Nobody waits any more. */
  away(): void {
    this.#undo?.();
    this.#undo = undefined;
    this.#due = undefined;
  }

  answer(key: string, reply: Heard): void {
    const open = this.#open.get(key);
    this.#open.delete(key);
    open?.answer(reply);
  }

  /** The call is over, or its agent is not expected any more. Each open question is answered by `replyTo`, later ones at once by `reply`. */
  close(reply: QuestionReply, replyTo: (question: Question) => QuestionReply = () => reply): void {
    this.#closed ??= reply;
    this.away();
    for (const { question, answer } of this.#open.values()) answer(replyTo(question));
    this.#open.clear();
  }
}

function unitsOf({ params }: Question): number {
  return params?.length ?? 0;
}

/** The message it came in may be megabytes. */
function keptOf({ method, params }: Question): Question {
  return { method, params: params === undefined ? undefined : copyOf(params) };
}
