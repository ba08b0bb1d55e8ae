// Waiting: for an attempt to connect that is under way, and between two attempts. Both can be ended early.
import type { Timers } from '../core/ports.ts';

/** Calls that arrive while a connection is being made wait for it; when none is being made they do not. */
export class Attempt {
  #underway: PromiseWithResolvers<void> | undefined;

  begin(): void {
    this.#underway ??= Promise.withResolvers();
  }

  finish(): void {
    this.#underway?.resolve();
    this.#underway = undefined;
  }

  /** Resolves when the attempt is over, the time is up, or the signal fires; at once when there is no attempt. */
  async settled(timers: Timers, signal: AbortSignal, ms: number): Promise<void> {
    const underway = this.#underway;
    if (underway === undefined || signal.aborted) return;
    const { promise: given, resolve: give } = Promise.withResolvers<void>();
    const abort = (): void => give();
    signal.addEventListener('abort', abort, { once: true });
    const undo = timers.after(ms, abort);
    await Promise.race([underway.promise, given]);
    undo();
    signal.removeEventListener('abort', abort);
  }
}

/** A sleep that `wake` ends. One sleeper at a time; a wake without a sleeper is kept for the next one. */
export class Nap {
  readonly #timers: Timers;
  #wake: (() => void) | undefined;
  #woken = false;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  async sleep(ms: number): Promise<void> {
    if (this.#woken) {
      this.#woken = false;
      return;
    }
    await new Promise<void>((resolve) => {
      const undo = this.#timers.after(ms, resolve);
      this.#wake = () => {
        undo();
        resolve();
      };
    });
    this.#wake = undefined;
    this.#woken = false;
  }

  wake(): void {
    if (this.#wake === undefined) this.#woken = true;
    else this.#wake();
  }
}
