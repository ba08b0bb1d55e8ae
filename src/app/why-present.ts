// What the present configuration says of a call on record: where the record tells enough of it, and else why not.
import type { Target } from '../core/call.ts';
import { timestamp } from '../core/ids.ts';
import { decide, decideAccess, isOpen } from '../core/policy/decide.ts';
import type { Case } from './why-case.ts';
import type { WhyReport } from './why-report.ts';
import { isCut, type Told } from './why-told.ts';

type Judging = Pick<Case, 'policy' | 'principal' | 'now'>;
type Present = NonNullable<WhyReport['present']>;

/** One phrase. A role or a kind that is missing here may be the one that decides. */
export function unjudgedFor(told: Told, judging: Judging): string | undefined {
  const { target, orElse, last } = told;
  if (target === undefined || last.subject === null) return undefined;
  if (told.rolesCut) return 'the record does not name all roles of the caller whole';
  if (isCut(last.subject)) return 'the record does not name the caller whole';
  if (orElse === undefined) return undefined;
  const [one, other] = [judged(told, target, judging), judged(told, orElse, judging)];
  return one.decision === other.decision && one.rule === other.rule ? undefined : 'the record does not tell whether it was of a prompt or of a resource, which differ';
}

export function presentOf(one: Case): WhyReport['present'] {
  const { told } = one;
  return told.target === undefined || told.last.subject === null || one.unjudged !== undefined ? undefined : judged(told, told.target, one);
}

function judged({ scopes }: Told, target: Target, { policy, principal, now }: Judging): Present {
  const { kill, role } = decide(policy, principal, target, timestamp(now));
  const access = scopes === undefined ? role : decideAccess(policy, principal, target);
  const deciding = isOpen(kill) ? access : kill;
  return { decision: isOpen(deciding) ? 'allow' : 'deny', rule: deciding.rule };
}
