// `kill --until` undoes itself: at its time a new snapshot is published, so that lists and their listeners hear of it.
// Nothing is forgotten: should the clock have been wrong and be set back, what had elapsed is in force again, as after a restart.
import type { Clock, Timers } from '../core/ports.ts';
import type { RuntimeCell } from './runtime.ts';

const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Returns the undo. */
export function publishExpiries(cell: RuntimeCell, { clock, timers }: { readonly clock: Clock; readonly timers: Timers }): () => void {
  let undo: (() => void) | undefined;
  const plan = (): void => {
    undo?.();
    const now = clock.wall();
    const next = Math.min(...cell.overrides().flatMap(({ until }) => (until === undefined || until <= now ? [] : [until])));
    if (!Number.isFinite(next)) return;
    undo = timers.after(Math.min(next - now + 1, LONGEST_TIMER_MS), () => {
      if (clock.wall() >= next) cell.override(cell.overrides());
      else plan();
    });
  };
  const unsubscribe = cell.subscribe(plan);
  plan();
  return () => {
    unsubscribe();
    undo?.();
  };
}
