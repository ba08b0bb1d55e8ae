// Holds a legacy backend's `tasks/result` open while its task waits for input: the backend asks on that request alone (2025-11-25), and a
// modern agent reads the questions in `tasks/get`. Judges nothing and keeps no result: whoever tells them to an agent does and asks.
import type { Question, QuestionReply } from '../../core/capabilities.ts';
import type { Permit } from '../../core/permit.ts';
import type { Backend, Random, Timers } from '../../core/ports.ts';
import { CODE } from '../../relay/rpc.ts';
import { OpenQuestions } from '../questions/open.ts';
import { REQUESTS_MOST } from '../../relay/rounds.ts';

const OVER: QuestionReply = { kind: 'error', code: CODE.internal, message: 'Nobody waits for this task' };
const TOO_MANY: QuestionReply = { kind: 'error', code: CODE.internal, message: 'Too many questions at once' };
const KEY_BYTES = 6;

export interface Collecting {
  readonly backend: Backend;
  readonly permit: Permit;
  readonly task: string;
  /** Until the task is forgotten. */
  readonly lastsMs: number;
  /** Gives back the place that an open request takes. */
  readonly release: () => void;
}

export class Collector {
  readonly #open: OpenQuestions;
  readonly #stop = new AbortController();
  /** Keys of one task are never used twice (SEP-2663), also after a restart, which forgets how many there were. */
  readonly #prefix: string;
  readonly #over: Promise<void>;
  readonly #undo: () => void;
  #ended = false;

  constructor({ backend, permit, task, lastsMs, release }: Collecting, { timers, random }: { readonly timers: Timers; readonly random: Random }) {
    this.#open = new OpenQuestions(timers);
    this.#prefix = random.token(KEY_BYTES);
    const undo = timers.after(lastsMs, () => this.end());
    this.#undo = () => {
      undo();
      release();
    };
    const ask = (question: Question, withdrawn: AbortSignal): Promise<QuestionReply> => (this.#open.size < REQUESTS_MOST ? this.#open.add(question, withdrawn) : Promise.resolve(TOO_MANY));
    this.#over = this.#held(backend.task(permit, { verb: 'result', task }, { signal: this.#stop.signal, onProgress: undefined, onLog: undefined, ask }));
  }

  /** The backend asks nothing more on this request. */
  get ended(): boolean {
    return this.#ended;
  }

  list(): readonly (readonly [key: string, question: Question])[] {
    return this.#open.list().map(([key, question]) => [`${this.#prefix}.${key}`, question]);
  }

  reply(key: string, reply: (question: Question) => QuestionReply): void {
    const own = this.#open.list().find(([known]) => `${this.#prefix}.${known}` === key);
    if (own !== undefined) this.#open.answer(own[0], reply(own[1]));
  }

  /** Resolves when there is something to tell, or the task is over. */
  async due(): Promise<void> {
    await Promise.race([this.#open.due(), this.#over]);
  }

  end(): void {
    this.#ended = true;
    this.#undo();
    this.#stop.abort('agent');
    this.#open.close(OVER);
  }

  /** However it ends: its result is asked for when an agent wants it, and a fault of this hop is none of the task. */
  async #held(answered: Promise<unknown>): Promise<void> {
    await answered.catch(() => undefined);
    this.end();
  }
}
