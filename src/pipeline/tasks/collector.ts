// Holds a legacy backend's `tasks/result` open while its task waits for input: the backend asks on that request alone (2025-11-25), and a
// modern agent reads the questions in `tasks/get`. Judges nothing: whoever tells them to an agent does.
import type { Question, QuestionReply } from '../../core/capabilities.ts';
import type { Permit } from '../../core/permit.ts';
import type { Backend, BackendAnswer, BackendFault, Timers } from '../../core/ports.ts';
import { err, type Result } from '../../core/result.ts';
import { CODE } from '../../relay/rpc.ts';
import { OpenQuestions } from '../questions/open.ts';
import { REQUESTS_MOST } from '../../relay/rounds.ts';

const OVER: QuestionReply = { kind: 'error', code: CODE.internal, message: 'Nobody waits for this task' };
const TOO_MANY: QuestionReply = { kind: 'error', code: CODE.internal, message: 'Too many questions at once' };

export class Collector {
  readonly #open: OpenQuestions;
  readonly #stop = new AbortController();
  readonly #serial: number;
  #answer: Result<BackendAnswer, BackendFault> | undefined;
  readonly #over: Promise<void>;

  /** `serial`: of this task; its keys are `<serial>.<n>`. */
  constructor(backend: Backend, permit: Permit, task: string, serial: number, timers: Timers) {
    this.#open = new OpenQuestions(timers);
    this.#serial = serial;
    const ask = (question: Question, withdrawn: AbortSignal): Promise<QuestionReply> => (this.#open.size < REQUESTS_MOST ? this.#open.add(question, withdrawn) : Promise.resolve(TOO_MANY));
    this.#over = backend.task(permit, { verb: 'result', task }, { signal: this.#stop.signal, onProgress: undefined, onLog: undefined, ask })
      .catch((): Result<BackendAnswer, BackendFault> => err({ code: 'protocol', detail: 'the client of this backend failed' }))
      .then((answer) => {
        this.#answer = answer;
      });
  }

  /** The end of the task, when it has come while it was held. */
  get answer(): Result<BackendAnswer, BackendFault> | undefined {
    return this.#answer;
  }

  list(): readonly (readonly [key: string, question: Question])[] {
    return this.#open.list().map(([key, question]) => [`${this.#serial}.${key}`, question]);
  }

  reply(key: string, reply: (question: Question) => QuestionReply): void {
    const own = this.#open.list().find(([known]) => `${this.#serial}.${known}` === key);
    if (own !== undefined) this.#open.answer(own[0], reply(own[1]));
  }

  /** Resolves when there is something to tell, or the task is over. */
  async due(): Promise<void> {
    await Promise.race([this.#open.due(), this.#over]);
  }

  end(): void {
    this.#stop.abort('agent');
    this.#open.close(OVER);
  }
}
