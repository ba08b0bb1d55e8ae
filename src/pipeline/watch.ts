// Tells viewers when a list of their own has changed, and only then: a change they cannot see is not theirs to know (§5.7, T120).
import type { ListName, Viewer } from '../core/inbound.ts';
import type { Clock, Digest, Timers } from '../core/ports.ts';
import type { Runtime } from '../core/snapshot.ts';
import type { ListedIn } from '../relay/definitions.ts';
import { listDigest } from './view.ts';

/** A burst of changes (a backend that restarts, a reload) makes one notice. */
const COALESCE_MS = 250;

/** Templates have no notice of their own. */
const NAMED: Readonly<Record<ListName, readonly ListedIn[]>> = { tools: ['tools'], prompts: ['prompts'], resources: ['resources', 'templates'] };
const NAMES: readonly ListName[] = ['tools', 'prompts', 'resources'];

export interface WatchDeps {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly digest: Digest;
}

export function createWatch(deps: WatchDeps): (viewer: Viewer, changed: (list: ListName) => void) => () => void {
  const digestOf = (name: ListName, viewer: Viewer): string => NAMED[name].map((list) => listDigest(list, deps.runtime.current(), viewer, deps.clock.wall(), deps.digest)).join();
  return (viewer, changed) => {
    const last = new Map(NAMES.map((name) => [name, digestOf(name, viewer)]));
    let undoTimer: (() => void) | undefined;
    const look = (): void => {
      undoTimer = undefined;
      for (const name of NAMES) {
        const next = digestOf(name, viewer);
        if (next === last.get(name)) continue;
        last.set(name, next);
        changed(name);
      }
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
