// A followed URI that outlives its backend: when a reload has put another in its place, it is decided and asked for again there, and its
// agent is told once, for nobody knows what was missed meanwhile. Restarts of one backend are the backend's own to bridge.
import type { Snapshot } from '../core/snapshot.ts';
import type { Backend } from '../core/ports.ts';
import type { PipelineDeps } from './deps.ts';
import { follow, type Followed, type FollowGiven } from './follow.ts';

type Following = Extract<Followed, { kind: 'following' }>;

export async function keepFollowing(given: FollowGiven, snapshot: Snapshot, deps: PipelineDeps): Promise<Followed> {
  const first = await follow(given, snapshot, deps);
  return first.kind === 'following' ? kept(first, given, deps) : first;
}

function kept(first: Following, given: FollowGiven, deps: PipelineDeps): Following {
  const { id } = first.backend;
  let now: Following | undefined = first;
  let at: Backend | undefined = first.backend;
  const stop = new AbortController();
  const again = async (next: Backend): Promise<void> => {
    at = next;
    now?.undo();
    now = undefined;
    const followed = await follow({ ...given, signal: stop.signal }, deps.runtime.current(), deps);
    // A fault may pass: at the next change it is asked again. What is refused is over.
    if (followed.kind === 'ended' && followed.end.kind === 'failed') at = undefined;
    if (followed.kind !== 'following') return;
    now = followed;
    if (stop.signal.aborted) now.undo();
    else given.told(given.uri);
  };
  const unsubscribe = deps.runtime.subscribe(({ settings }) => {
    const row = settings.backends.find(({ id: known }) => known === id);
    const next = row === undefined ? undefined : deps.backend(row);
    // One that has not listed anything yet cannot be asked; its first list is a new snapshot.
    if (next === undefined || next === at || next.listing() === undefined) return;
    again(next).catch(deps.onListenerFault);
  });
  return {
    ...first,
    undo: () => {
      unsubscribe();
      stop.abort('agent');
      now?.undo();
    },
  };
}
