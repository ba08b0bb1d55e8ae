// The order is the policy: the operator's will, then what the role may do, then what it may still do, then whether the
// question is well formed, then what it says (expensive last). A test pins it.
import type { Stage } from './stage.ts';
import { argumentsStage } from './stages/arguments.ts';
import { guardsStage } from './stages/guards.ts';
import { killStage } from './stages/kill.ts';
import { limitStage } from './stages/limit.ts';
import { roleStage } from './stages/role.ts';

export const REQUEST_STAGES: readonly Stage[] = [killStage, roleStage, limitStage, argumentsStage, guardsStage];

/** What an agent says to its backend in the middle of a call: the call was decided, these words were not. */
export const ANSWER_STAGES: readonly Stage[] = [guardsStage];
