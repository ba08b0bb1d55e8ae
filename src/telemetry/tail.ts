// Live tail: hands every outcome and lifecycle event to those who watch, never waiting for them. Each has a bounded buffer of its
// own; who is too slow misses the oldest, and the number missed is known.
import type { LifecycleEvent } from '../core/lifecycle.ts';
import type { LiveEvent } from '../core/operations.ts';
import type { Outcome } from '../core/outcome.ts';

export interface TailDeps {
  /** Runs the task in a later turn of the event loop. */
  readonly defer: (task: () => void) => void;
  readonly bounds?: { readonly watchers: number; readonly buffer: number };
}

export interface Tail {
  /** Subscribers of outcomes and of lifecycle events. */
  readonly outcome: (outcome: Outcome) => void;
  readonly lifecycle: (event: LifecycleEvent) => void;
  /** Returns the undo; undefined when there are too many watchers already. A listener that throws is not asked again. */
  watch(listener: (event: LiveEvent) => void): (() => void) | undefined;
  watchers(): number;
  /** Events that some watcher was too slow for, since the start. */
  missed(): number;
}

interface Watcher {
  readonly listener: (event: LiveEvent) => void;
  buffer: LiveEvent[];
  scheduled: boolean;
}

const BOUNDS = { watchers: 32, buffer: 1024 };

export function createTail(deps: TailDeps): Tail {
  const bounds = deps.bounds ?? BOUNDS;
  const watchers = new Set<Watcher>();
  let missed = 0;
  const flush = (watcher: Watcher): void => {
    watcher.scheduled = false;
    const events = watcher.buffer;
    watcher.buffer = [];
    for (const event of events) {
      if (!watchers.has(watcher)) return;
      try {
        watcher.listener(event);
      } catch {
        // A watcher's fault must not reach the call that it watched.
        watchers.delete(watcher);
      }
    }
  };
  const publish = (event: LiveEvent): void => {
    for (const watcher of watchers) {
      if (watcher.buffer.length >= bounds.buffer) {
        watcher.buffer.shift();
        missed += 1;
      }
      watcher.buffer.push(event);
      if (watcher.scheduled) continue;
      watcher.scheduled = true;
      deps.defer(() => flush(watcher));
    }
  };
  return {
    outcome: (outcome) => publish({ type: 'outcome', outcome }),
    lifecycle: (event) => publish({ type: 'lifecycle', event }),
    watch: (listener) => {
      if (watchers.size >= bounds.watchers) return undefined;
      const watcher: Watcher = { listener, buffer: [], scheduled: false };
      watchers.add(watcher);
      return () => void watchers.delete(watcher);
    },
    watchers: () => watchers.size,
    missed: () => missed,
  };
}
