// Whose is a message of a backend that names no request, on a pipe or stream that is of all of them? Only when exactly one agent's call can be meant is it anybody's (T91, T101).
import type { Clock } from '../core/ports.ts';
import type { Served } from './serving.ts';

/** A call that was given up may still be worked at, and asked about. An SDK stops at once; so long nobody else is asked instead. */
const DOUBT_MS = 600_000;
const MOST_DOUBTS = 256;

interface Doubt {
  /** Undefined: of anybody. */
  readonly owner: string | undefined;
  readonly until: number;
}

export class Attribution {
  readonly #clock: Clock;
  readonly #served = new Map<number, Served>();
  /** In the order they began, which is the order they end. */
  readonly #doubts = new Map<number, Doubt>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  begin(id: number, served: Served): void {
    this.#served.set(id, served);
  }

  /** `answered`: by the backend. Else it may still be at it. */
  end(id: number, answered: boolean): void {
    const served = this.#served.get(id);
    if (!this.#served.delete(id) || answered || served === undefined) return;
    const until = this.#clock.mono() + DOUBT_MS;
    const isFull = this.#doubts.size >= MOST_DOUBTS;
    this.#doubts.set(isFull ? 0 : id, { owner: isFull ? undefined : served.owner, until });
  }

  /** The backend answered a call that nobody waits for any more: it is done with it. */
  late(id: number): void {
    this.#doubts.delete(id);
  }

  /** Who waits for the end of this task: its messages say whose they are. */
  ofTask(task: string): Served | undefined {
    return [...this.#served.values()].find((served) => served.task === task);
  }

  /** The one call there is. Another principal's that was given up a while ago is a doubt. */
  sole(): Served | undefined {
    const now = this.#clock.mono();
    for (const [id, { until }] of this.#doubts) if (until <= now) this.#doubts.delete(id);
    const [served] = this.#served.values();
    if (served === undefined || this.#served.size > 1) return undefined;
    for (const { owner } of this.#doubts.values()) if (owner !== served.owner) return undefined;
    return served;
  }
}
