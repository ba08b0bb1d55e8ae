// Requests about tasks that the gateway keeps itself: their backend answered at once, so there is nobody to ask.
import type { TaskCall } from '../../core/call.ts';
import type { RawJson } from '../../core/json/scan.ts';
import { rfc3339 } from '../../core/rfc3339.ts';
import { screenOwn, type Screened } from '../screen.ts';
import { OVER_ALREADY, UNKNOWN_TASK } from './carry.ts';
import type { KnownTask } from './known.ts';
import { hostedTold, inlinedEnd, tell, type Teller } from './tell.ts';
import { acknowledged } from '../../relay/tasks.ts';

export function carryHosted(known: KnownTask | undefined, teller: Teller & { readonly call: TaskCall }): Screened {
  // Of before a restart, or let go since: nothing but memory held it.
  if (known?.hosted === undefined) return UNKNOWN_TASK;
  const { call, identity } = teller;
  const isModern = call.origin.era === 'modern';
  const own = (body: RawJson): Screened => ({ kind: 'own', body, end: 'answered', isError: false });
  switch (call.verb) {
    case 'result': return screenOwn({ kind: 'result', raw: known.hosted });
    case 'update': return own(acknowledged(identity));
    case 'cancel': return isModern ? own(acknowledged(identity)) : OVER_ALREADY;
    case 'get': {
      const told = hostedTold(known.hosted, known.task, rfc3339(known.began), known.until - known.began);
      const end = isModern ? inlinedEnd(screenOwn({ kind: 'result', raw: known.hosted }), teller) : undefined;
      return own(tell(told, known, end?.inlined ?? {}, teller, end?.status));
    }
  }
}
