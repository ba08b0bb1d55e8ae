// Tells viewers when their own list has changed, and only then: a change they cannot see is not theirs to know (§5.7).
import type { ListName, Viewer } from '../core/inbound.ts';
import type { Clock, Digest, Timers } from '../core/ports.ts';
import type { Runtime } from '../core/snapshot.ts';
import { viewDigest, visibleTools } from './view.ts';

/** A burst of changes (a backend that restarts, a reload) makes one notice. */
const COALESCE_MS = 250;

export interface WatchDeps {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly digest: Digest;
}

export function createWatch(deps: WatchDeps): (viewer: Viewer, changed: (list: ListName) => void) => () => void {
  const digestOf = (viewer: Viewer): string => viewDigest(visibleTools(deps.runtime.current(), viewer, deps.clock.wall()), deps.digest);
  return (viewer, changed) => {
    let last = digestOf(viewer);
    let undoTimer: (() => void) | undefined;
    const look = (): void => {
      undoTimer = undefined;
      const next = digestOf(viewer);
      if (next === last) return;
      last = next;
      changed('tools');
    };
    const undoSubscription = deps.runtime.subscribe(() => {
      undoTimer ??= deps.timers.after(COALESCE_MS, look);
    });
    return () => {
      undoSubscription();
      undoTimer?.();
    };
  };
}
