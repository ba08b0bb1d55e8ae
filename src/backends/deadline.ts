// The time one call may take: a timeout that progress renews, up to a hard maximum (checklist C10).
import type { Clock, Timers } from '../core/ports.ts';

/** As long as for ever, for what is held open. */
export const DAY_MS = 86_400_000;

export interface Deadline {
  /** Progress arrived: the timeout begins again, the maximum does not. */
  renew(): void;
  clear(): void;
}

export interface DeadlineTimes {
  readonly timeoutMs: number;
  readonly maxTimeoutMs: number;
}

/** `expired` gets the milliseconds since the start. Renewing costs no timer: one that fires early is set anew. */
export function startDeadline(deps: { readonly clock: Clock; readonly timers: Timers }, times: DeadlineTimes, expired: (afterMs: number) => void): Deadline {
  const start = deps.clock.mono();
  const last = start + Math.max(times.timeoutMs, times.maxTimeoutMs);
  let until = start + times.timeoutMs;
  const fire = (): void => {
    const now = deps.clock.mono();
    if (now >= until) expired(Math.round(now - start));
    else undo = deps.timers.after(Math.ceil(until - now), fire);
  };
  let undo = deps.timers.after(times.timeoutMs, fire);
  return {
    renew: () => {
      until = Math.min(last, deps.clock.mono() + times.timeoutMs);
    },
    clear: () => undo(),
  };
}

/** Whether `done` settles within the time. The timer never outlives the answer, so it keeps no process alive. */
export async function settlesWithin(timers: Timers, done: Promise<unknown>, ms: number): Promise<boolean> {
  let undo = (): void => undefined;
  const late = new Promise<false>((resolve) => {
    undo = timers.after(ms, () => resolve(false));
  });
  const settled = await Promise.race([done.then(() => true), late]);
  undo();
  return settled;
}

export async function sleep(timers: Timers, ms: number): Promise<void> {
  return new Promise((resolve) => void timers.after(ms, resolve));
}
