// Holds back what is said of names that do not exist, or not for this principal, until a moment that was fixed when the request came: a hidden
// name takes a longer way through the gateway than an unknown one, and the clock would tell them apart (SEC49, T132).
import type { Answer } from '../core/inbound.ts';
import type { Timers } from '../core/ports.ts';

/** Longer than either way takes, the record on disk included, unless the machine is overloaded. */
const SILENCE_MS = 20;

export type Silence = (work: () => Answer | Promise<Answer>) => Promise<Answer>;

export function createSilence(timers: Timers): Silence {
  return async (work) => {
    const first = silence(timers);
    try {
      const answer = await work();
      if (answer.silent === true && !first.over()) await first.done;
      // Overtaken: then the next whole one, so that by how much is not told to the microsecond.
      else if (answer.silent === true) await silence(timers).done;
      return answer;
    } finally {
      first.end();
    }
  };
}

function silence(timers: Timers): { readonly done: Promise<void>; over(): boolean; end(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let passed = false;
  const end = timers.after(SILENCE_MS, () => {
    passed = true;
    resolve();
  });
  return { done: promise, over: () => passed, end };
}
