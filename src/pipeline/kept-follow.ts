// A followed URI that outlives its backend: when a reload has put another in its place, it is decided and asked for again there, and its
// agent is told once, for nobody knows what was missed meanwhile. Restarts of one backend are the backend's own to bridge.
import type { DenyCode } from '../core/decision.ts';
import type { Snapshot } from '../core/snapshot.ts';
import type { Backend } from '../core/ports.ts';
import type { PipelineDeps } from './deps.ts';
import { follow, type Followed, type FollowGiven, type Unfollowed } from './follow.ts';

type Following = Extract<Followed, { kind: 'following' }>;

export interface KeptGiven extends FollowGiven {
  /** It could not be followed anywhere any more: nothing is told of it from now on. Never called after its undo. */
  over(): void;
}

export async function keepFollowing(given: KeptGiven, snapshot: Snapshot, deps: PipelineDeps): Promise<Followed> {
  const first = await follow(given, snapshot, deps);
  return first.kind === 'following' ? kept(first, given, deps) : first;
}

function kept(first: Following, given: KeptGiven, deps: PipelineDeps): Following {
  const { id } = first.backend;
  let now: Following | undefined = first;
  let at: Backend | undefined = first.backend;
  let tries = 0;
  let forgetRetry = (): void => {};
  const stop = new AbortController();
  const closed = deps.subscriptions.opened();
  const undo = (): void => {
    unsubscribe();
    forgetRetry();
    closed();
    stop.abort('agent');
    now?.undo();
    now = undefined;
  };
  const over = (): void => {
    undo();
    given.over();
  };
  const again = async (next: Backend): Promise<void> => {
    at = next;
    forgetRetry();
    now?.undo();
    now = undefined;
    const followed = await follow({ ...given, signal: stop.signal }, deps.runtime.current(), deps);
    // Taken back, or replaced once more, while it was asked: whoever asked last is the one that is kept.
    if (stop.signal.aborted || at !== next) {
      if (followed.kind === 'following') followed.undo();
    } else if (followed.kind === 'following') {
      now = followed;
      tries = 0;
      given.told(given.uri);
    } else if (followed.kind === 'ended' && mayPass(followed.end) && tries < TRIES_MOST) {
      at = undefined;
      tries += 1;
      forgetRetry = deps.timers.after(RETRY_MS * tries, () => look(deps.runtime.current()));
    } else over();
  };
  const look = ({ settings }: Snapshot): void => {
    const row = settings.backends.find(({ id: known }) => known === id);
    if (row === undefined) return over();
    const next = deps.backend(row);
    // One that has not listed anything yet cannot be asked; its first list is a new snapshot.
    if (next === undefined || next === at || next.listing() === undefined) return;
    again(next).catch(deps.onListenerFault);
  };
  const unsubscribe = deps.runtime.subscribe(look);
  return { ...first, undo };
}

/** Each is a call, on record and charged: a backend that fails for ever is not asked for ever. The limits are of a minute. */
const TRIES_MOST = 6;
const RETRY_MS = 20_000;

/** What is asked again after a while, and at the next change: a fault, and what is busy, left alone or used up for the moment. All else was refused. */
const PASSING: ReadonlySet<DenyCode> = new Set<DenyCode>(['limited', 'busy', 'circuit_open', 'backend_down', 'audit_unavailable']);

function mayPass(end: Unfollowed): boolean {
  return end.kind === 'failed' || (end.kind === 'denied' && PASSING.has(end.reason.code));
}
