// What the principal's roles may call, and whether its token was granted that. Denied by the roles is answered like unknown: its existence is
// not theirs to learn. Too small a scope is said.
import { decideAccess } from '../../core/policy/decide.ts';
import type { Stage } from '../stage.ts';

export const roleStage: Stage = {
  name: 'role',
  run(call, cx) {
    return decideAccess(cx.snapshot.policy, call.principal, call.target);
  },
};
