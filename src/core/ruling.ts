// One outcome in a few machine words: what was decided, by which rule, how it ended. Audit, metrics and log say the same.
import type { Evidence, Trail } from './decision.ts';
import type { Outcome } from './outcome.ts';

export type Verdict = 'allow' | 'deny';

/** What was done. A monitor or shadow rule may have said otherwise: see `rulingOf`. */
export function verdictOf(outcome: Outcome): Verdict {
  return outcome.kind === 'refused' || outcome.end.kind === 'denied' ? 'deny' : 'allow';
}

/** One closed word per way to end: a deny reason, a backend fault, `ok`, `tool_error`, `backend_error`, `cancelled_<by>`. */
export function codeOf(outcome: Outcome): string {
  if (outcome.kind === 'refused') return outcome.reason.code;
  const { end } = outcome;
  switch (end.kind) {
    case 'denied': return end.reason.code;
    case 'answered': return end.isError ? 'tool_error' : 'ok';
    case 'input_required':
    case 'task_created': return end.kind;
    case 'errored': return 'backend_error';
    case 'failed': return end.fault.code;
    case 'cancelled': return `cancelled_${end.by}`;
  }
}

/** The evidence that decides: the first deny that is enforced, else the first that would have been, else the role that allowed it. */
export function rulingOf(trail: Trail): Evidence | undefined {
  const denies = trail.filter((one) => one.decision === 'deny');
  return denies.find((one) => one.mode === 'enforce') ?? denies[0] ?? trail.find(({ stage }) => stage === 'role') ?? trail.at(-1);
}
