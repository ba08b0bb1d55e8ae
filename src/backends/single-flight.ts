// Runs a task at most once at a time, with a rest after each; asking while it runs or rests, or shortly before, is one more run and not many.
import type { Timers } from '../core/ports.ts';

/** How many times the quiet time must pass between the end of one run and the next. */
const REST = 20;

export class SingleFlight {
  readonly #timers: Timers;
  readonly #quietMs: number;
  readonly #task: () => Promise<void>;
  #undo: (() => void) | undefined;
  #running = false;
  #again = false;
  #closed = false;

  /** `task` must not throw. */
  constructor(timers: Timers, quietMs: number, task: () => Promise<void>) {
    this.#timers = timers;
    this.#quietMs = quietMs;
    this.#task = task;
  }

  request(): void {
    if (this.#closed) return;
    if (this.#running) {
      this.#again = true;
      return;
    }
    this.#undo ??= this.#timers.after(this.#quietMs, () => void this.#run());
  }

  close(): void {
    this.#closed = true;
    this.#undo?.();
    this.#undo = undefined;
  }

  async #run(): Promise<void> {
    this.#undo = undefined;
    this.#running = true;
    await this.#task();
    if (this.#closed) return;
    // Each run is work for everybody (a new catalogue, every agent's list compared), and it is the backend that asks for it.
    this.#undo = this.#timers.after(this.#quietMs * REST, () => {
      this.#undo = undefined;
      this.#running = false;
      if (!this.#again) return;
      this.#again = false;
      this.request();
    });
  }
}
