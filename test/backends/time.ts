// Time that passes when a test says so.
import { instant, timestamp } from '../../src/core/ids.ts';
import type { Clock, Timers } from '../../src/core/ports.ts';

export class FakeTime {
  #now = 0;
  #timers: { readonly at: number; readonly run: () => void }[] = [];
  readonly clock: Clock = { mono: () => instant(this.#now), wall: () => timestamp(this.#now) };
  readonly timers: Timers = {
    after: (ms, run) => {
      const timer = { at: this.#now + ms, run };
      this.#timers.push(timer);
      return () => {
        this.#timers = this.#timers.filter((each) => each !== timer);
      };
    },
  };

  get waiting(): number {
    return this.#timers.length;
  }

  /** Runs what is due on the way, in order. */
  pass(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const next = this.#timers.filter(({ at }) => at <= end).toSorted((left, right) => left.at - right.at)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((each) => each !== next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = end;
  }

  /** The same, and what was promised on the way gets its turn. */
  async passes(ms: number): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.pass(ms);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
