// Windows: all of a call's claims have room and are charged together, or none is. A later refusal gives the charge back.
import { limitClaims, WINDOW_MS } from '../../core/policy/limits.ts';
import type { Stage } from '../stage.ts';

export const limitStage: Stage = {
  name: 'limit',
  run(call, cx) {
    const verdict = cx.windows.takeAll(limitClaims(cx.snapshot, call), cx.now);
    if (verdict.ok) {
      cx.onRefusal(() => cx.windows.refund(verdict.charge));
      return { kind: 'pass', rule: 'limit:room' };
    }
    const { claim, retryAfterMs } = verdict;
    return {
      kind: 'deny',
      rule: `limit:${claim.scope}`,
      reason: { code: 'limited', scope: claim.scope, limit: claim.limit, windowMs: WINDOW_MS, retryAfterMs },
      mode: cx.snapshot.settings.limits.mode,
      severity: 'low',
      note: retryAfterMs === undefined ? 'no wait helps' : `again in ${Math.ceil(retryAfterMs)} ms`,
    };
  },
};
