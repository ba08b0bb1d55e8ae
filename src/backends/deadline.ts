// The time one call may take: a timeout that progress renews, up to a hard maximum (checklist C10).
import type { Clock, Timers } from '../core/ports.ts';

/** As long as for ever, for what is held open. */
export const DAY_MS = 86_400_000;

export interface Deadline {
  /** Progress arrived: the timeout begins again, the maximum does not. */
  renew(): void;
  /** The time stands still until every returned undo was called, as while somebody is asked; then the timeout begins again, the maximum goes on. */
  pause(): () => void;
  clear(): void;
}

export interface DeadlineTimes {
  readonly timeoutMs: number;
  readonly maxTimeoutMs: number;
}

/** `expired` gets the milliseconds since the start. Renewing costs no timer: one that fires early is set anew. */
export function startDeadline(deps: { readonly clock: Clock; readonly timers: Timers }, times: DeadlineTimes, expired: (afterMs: number) => void): Deadline {
  const start = deps.clock.mono();
  let last = start + Math.max(times.timeoutMs, times.maxTimeoutMs);
  let until = start + times.timeoutMs;
  let pauses = 0;
  let pausedAt = 0;
  const fire = (): void => {
    const now = deps.clock.mono();
    if (now >= until) expired(Math.round(now - start));
    else undo = deps.timers.after(Math.ceil(until - now), fire);
  };
  let undo = deps.timers.after(times.timeoutMs, fire);
  let cleared = false;
  const resume = (): void => {
    pauses -= 1;
    if (pauses > 0 || cleared) return;
    const now = deps.clock.mono();
    last += now - pausedAt;
    until = Math.min(last, now + times.timeoutMs);
    undo = deps.timers.after(Math.max(0, Math.ceil(until - now)), fire);
  };
  return {
    renew: () => {
      if (pauses === 0) until = Math.min(last, deps.clock.mono() + times.timeoutMs);
    },
    pause: () => {
      pauses += 1;
      if (pauses === 1 && !cleared) {
        pausedAt = deps.clock.mono();
        undo();
      }
      return once(resume);
    },
    clear: () => {
      cleared = true;
      undo();
    },
  };
}

function once(run: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    run();
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
