// What a stream would follow that the roles allow and the token of its agent was not granted: found before anything is followed.
import type { Target } from '../core/call.ts';
import type { Inbound } from '../core/inbound.ts';
import { objectOf, quote } from '../core/json/compose.ts';
import { decide, decideAccess, isOpen } from '../core/policy/decide.ts';
import type { Snapshot } from '../core/snapshot.ts';
import { resourceAt } from './calls/resource.ts';
import { taskCalls } from './calls/task.ts';
import type { PipelineDeps } from './deps.ts';
import { openTask } from './tasks/ids.ts';

export interface Lacking {
  readonly uris: readonly string[];
  readonly ids: readonly string[];
  /** All that this request needs, for one challenge. */
  readonly scopes: readonly string[];
}

/** What the roles let this principal follow, and its token does not. Asked before the acknowledgement, which could take no HTTP status back. */
export function lackingScope(uris: readonly string[], ids: readonly string[], { principal, origin }: Inbound, { policy, catalog }: Snapshot, deps: PipelineDeps): Lacking {
  const needed = new Set<string>();
  const lacks = (target: Target | undefined): boolean => {
    // What is killed is left out whatever the token: nobody should log in again for it.
    if (target === undefined || !isOpen(decide(policy, principal, target, deps.clock.wall()).kill)) return false;
    const decision = decideAccess(policy, principal, target);
    if (decision.kind !== 'deny' || decision.reason.code !== 'insufficient_scope') return false;
    for (const scope of decision.reason.scopes) needed.add(scope);
    return true;
  };
  const tasks = taskCalls('get', (id) => openTask(id, principal, deps));
  const taskOf = (id: string): Target | undefined => tasks.ask(objectOf([['taskId', quote(id)]]))?.find(catalog, origin.endpoint)?.target;
  return { uris: uris.filter((uri) => lacks(resourceAt(catalog, origin.endpoint, uri)?.target)), ids: ids.filter((id) => lacks(taskOf(id))), scopes: [...needed] };
}
