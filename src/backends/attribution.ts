// Whose is a message of a backend that names no request, on a pipe or stream that is of all of them? Only when exactly one agent's call can be meant is it anybody's (T91, T101).
import type { RawJson } from '../core/json/scan.ts';
import type { BackendReply, Clock } from '../core/ports.ts';
import { relatedTaskOf } from '../relay/tasks.ts';
import { type BackgroundTasks, DOUBT_MS } from './background.ts';
import type { Served } from './serving.ts';

const MOST_DOUBTS = 256;

interface Doubt {
  /** Undefined: of anybody. */
  readonly owner: string | undefined;
  readonly until: number;
  /** It may have become a task. */
  readonly begins: boolean;
}

export class Attribution {
  readonly #clock: Clock;
  readonly #background: BackgroundTasks;
  readonly #served = new Map<number, Served>();
  /** In the order they began, which is the order they end. */
  readonly #doubts = new Map<number, Doubt>();

  constructor(clock: Clock, background: BackgroundTasks) {
    this.#clock = clock;
    this.#background = background;
  }

  begin(id: number, served: Served): void {
    this.#served.set(id, served);
  }

  /** `answered`: by the backend. Else it may still be at it. `reply`: what it said, where that can be read. */
  end(id: number, answered: boolean, reply?: BackendReply): void {
    const served = this.#served.get(id);
    if (!this.#served.delete(id) || served === undefined) return;
    if (answered) return this.#answered(served, reply);
    const until = this.#clock.mono() + DOUBT_MS;
    const isFull = this.#doubts.size >= MOST_DOUBTS;
    this.#doubts.set(isFull ? 0 : id, { owner: isFull ? undefined : served.owner, until, begins: served.begins });
  }

  /** A call answered with a task goes on; `tasks/result` is answered when one has ended. */
  #answered({ owner, begins, task }: Served, reply: BackendReply | undefined): void {
    if (reply?.kind !== 'result') return;
    if (begins) this.#background.begun(reply.raw, owner);
    if (task !== undefined) this.#background.over(task);
  }

  /** The backend answered a call that nobody waits for any more: it is done with it, but for the task it may have become, which is returned. */
  late(id: number, reply?: BackendReply): string | undefined {
    const doubt = this.#doubts.get(id);
    this.#doubts.delete(id);
    return doubt?.owner !== undefined && doubt.begins && reply?.kind === 'result' ? this.#background.begun(reply.raw, doubt.owner) : undefined;
  }

  /** Whose is a message with these params? What names a task is of whoever waits for its end, and of nobody else; `served`: whose it is otherwise. */
  whose(params: RawJson | undefined, served: () => Served | undefined): Served | undefined {
    const task = relatedTaskOf(params);
    return task === undefined ? served() : [...this.#served.values()].find((one) => one.task === task);
  }

  /** The one call there is. Another principal's that was given up a while ago is a doubt, and so is a task of another's that goes on. */
  sole(): Served | undefined {
    const now = this.#clock.mono();
    for (const [id, { until }] of this.#doubts) if (until <= now) this.#doubts.delete(id);
    const [served] = this.#served.values();
    if (served === undefined || this.#served.size > 1) return undefined;
    for (const { owner } of this.#doubts.values()) if (owner !== served.owner) return undefined;
    return this.#background.hasOther(served.owner) ? undefined : served;
  }
}
