// Counts events, or bytes, in fixed windows: says when there were too many, and how long the window still lasts.
import type { Clock } from '../core/ports.ts';

export class Strikes {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #windowMs: number;
  #start = -Infinity;
  #count = 0;

  constructor(clock: Clock, limit: number, windowMs: number) {
    this.#clock = clock;
    this.#limit = limit;
    this.#windowMs = windowMs;
  }

  /** True from the `limit`-th event of a window on. `weight`: for what is counted otherwise than one by one. */
  hit(weight: number = 1): boolean {
    const now = this.#clock.mono();
    if (now - this.#start >= this.#windowMs) {
      this.#start = now;
      this.#count = 0;
    }
    this.#count += weight;
    return this.#count >= this.#limit;
  }

  restMs(): number {
    return Math.max(0, this.#start + this.#windowMs - this.#clock.mono());
  }
}
