// What the principal's roles may call. Denied is answered like unknown: its existence is not theirs to learn.
import { decide } from '../../core/policy/decide.ts';
import type { Stage } from '../stage.ts';

export const roleStage: Stage = {
  name: 'role',
  run(call, cx) {
    return decide(cx.snapshot.policy, call.principal, call.target, cx.wall).role;
  },
};
