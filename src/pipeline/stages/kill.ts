// The operator's will comes before everything else.
import { decide } from '../../core/policy/decide.ts';
import type { Stage } from '../stage.ts';

export const killStage: Stage = {
  name: 'kill',
  run(call, cx) {
    return decide(cx.snapshot.policy, call.principal, call.target, cx.wall).kill;
  },
};
