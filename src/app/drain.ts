// How long a replaced backend stays: until what was decided for it has ended, at most for the drain time. Waits, ends nothing.
import type { Backend, Clock, Timers } from '../core/ports.ts';
import type { Inflight } from '../pipeline/inflight.ts';

const POLL_MS = 50;

/**
 * The calls it has at hand, and those on their way to it: decided under the revision that still had it, but not sent yet, as
 * while their arguments are checked or their intent is written. They may go nowhere else, so without a wait a reload would
 * refuse them. Those that begin later are not its own.
 */
export async function drained(backend: Backend, drainMs: number, deps: { readonly clock: Clock; readonly timers: Timers; readonly inflight: Pick<Inflight, 'list' | 'has'> }): Promise<void> {
  const { clock, timers, inflight } = deps;
  const end = clock.mono() + drainMs;
  const owed = inflight.list().filter((flight) => flight.call.target.backend === backend.id);
  while ((backend.status().inflight > 0 || owed.some((flight) => inflight.has(flight))) && clock.mono() < end) {
    await new Promise<void>((resolve) => {
      timers.after(POLL_MS, resolve);
    });
  }
}
