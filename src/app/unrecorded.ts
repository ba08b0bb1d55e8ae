// Says on record how many refusals have no record of their own (J11): at most one such record in ten seconds, whatever comes.
import type { LifecycleEvent } from '../core/lifecycle.ts';
import type { Clock, Random, Timers } from '../core/ports.ts';

export interface UnrecordedDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly timers: Timers;
  readonly revision: () => number;
  /** Since the start. */
  readonly count: () => number;
  readonly note: (event: LifecycleEvent) => void;
}

const SPAN_MS = 10_000;

/** Returns the undo, which says what is left. */
export function noteUnrecorded({ clock, random, timers, revision, count, note }: UnrecordedDeps): () => void {
  let said = 0;
  const say = (): void => {
    const times = count() - said;
    if (times <= 0) return;
    said += times;
    note({ id: random.uuid(), wall: clock.wall(), by: 'system', revision: revision(), kind: 'refusals_unrecorded', times });
  };
  let undo: () => void;
  const turn = (): void => {
    say();
    undo = timers.after(SPAN_MS, turn);
  };
  undo = timers.after(SPAN_MS, turn);
  return () => {
    undo();
    say();
  };
}
