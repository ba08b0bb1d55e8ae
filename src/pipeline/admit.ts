// Runs the stages and makes the Permit. The only place where a permit can come from, and where modes are obeyed.
import type { Call, Continuation, TaskCall } from '../core/call.ts';
import type { Decision, DenyReason, Evidence, Mode, Trail } from '../core/decision.ts';
import { issuePermit, type Permit } from '../core/permit.ts';
import { messageIn } from '../core/thrown.ts';
import type { Stage, StageContext } from './stage.ts';

export type Admission =
  | { readonly kind: 'admitted'; readonly permit: Permit }
  | { readonly kind: 'denied'; readonly reason: DenyReason; readonly trail: Trail };

export async function admit(call: Call, stages: readonly Stage[], cx: StageContext): Promise<Admission> {
  const review = await runStages(call, stages, cx);
  return review.kind === 'denied' ? review : { kind: 'admitted', permit: issuePermit(review.call, review.trail, cx.snapshot.revision) };
}

export type Review =
  | { readonly kind: 'passed'; readonly call: Call; readonly trail: Trail }
  | Extract<Admission, { kind: 'denied' }>;

/** A throw is a deny: a stage that cannot decide has not allowed anything. */
export async function runStages(call: Call, stages: readonly Stage[], cx: StageContext): Promise<Review> {
  const trail: Evidence[] = [];
  let current = call;
  for (const stage of stages) {
    const decision = await runStage(stage, current, cx);
    const mode = decision.kind === 'deny' ? (decision.mode ?? 'enforce') : 'enforce';
    trail.push(evidence(stage.name, decision, mode));
    if (decision.kind === 'hold') return { kind: 'denied', reason: { code: 'stage_failed', stage: stage.name }, trail };
    if (decision.kind === 'deny' && mode === 'enforce') return { kind: 'denied', reason: decision.reason, trail };
    if (decision.kind === 'rewrite' && current.kind === 'tool') current = { ...current, args: decision.args };
  }
  return { kind: 'passed', call: current, trail };
}

/** The same call once more, now with leave to become a task: its backend refused it without (SEP-2663), so nothing was executed. */
export function waitingPermit({ call, trail, revision }: Permit): Permit {
  return issuePermit(call.kind === 'tool' ? { ...call, task: { ttlMs: undefined, taker: 'gateway' } } : call, trail, revision);
}

/**
 * About one task, and no other, for as long as it is known: without what its call or request said, which may be megabytes and is done
 * with. `task`: its id at the backend.
 */
export function taskPermit({ call, trail, revision }: Permit, about: Pick<TaskCall, 'exposed' | 'task' | 'born' | 'until'>): Permit {
  const { id, principal, origin, target, at, wall } = call;
  const lean = { ...origin, client: undefined, trace: undefined };
  return issuePermit({ kind: 'task', verb: 'get', id, principal, origin: lean, target, at, wall, ...about, meta: undefined, wantsProgress: false, responses: undefined, hosted: false }, trail, revision);
}

/** The same call once more, with what its backend asked for: decided already, and not executed yet (MRTR). */
export function continuedPermit({ call, trail, revision }: Permit, continuation: Continuation): Permit {
  return issuePermit('continuation' in call ? { ...call, continuation } : call, trail, revision);
}

async function runStage(stage: Stage, call: Call, cx: StageContext): Promise<Decision> {
  try {
    return await stage.run(call, cx);
  } catch (error) {
    return { kind: 'deny', rule: `${stage.name}:failed`, reason: { code: 'stage_failed', stage: stage.name }, severity: 'critical', note: messageIn(error) };
  }
}

export function evidence(stage: string, decision: Decision, mode: Mode): Evidence {
  const severity = decision.kind === 'deny' ? (decision.severity ?? 'medium') : 'info';
  return { stage, rule: decision.rule, decision: decision.kind, mode, severity, note: decision.note };
}
