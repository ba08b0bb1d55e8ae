// What `sentinel why` says of one call. Everything but `present`, `changes` and what is compared with now is as the record has it.
import type { Verdict } from '../core/ruling.ts';
import type { Change } from './why-case.ts';

export interface WhyReport {
  readonly call: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly asked: Asked;
  readonly who: Asker;
  /** What was done; undefined where the record does not say. */
  readonly decision: Verdict | undefined;
  /** What the rules said: another word only under monitor and shadow. */
  readonly ruling: Verdict | undefined;
  readonly because: string;
  readonly decidedBy: Decider;
  readonly stages: readonly StageView[];
  readonly end: End;
  readonly tookMs: Durations;
  readonly configuration: Comparison;
  /** What the call counted in; only where the configuration is still the same. */
  readonly limits: readonly { readonly scope: string; readonly limit: number; readonly windowS: number }[] | undefined;
  /** What kills and roles (and scopes, where those of the token are on record) say of the same call under the file as it is now. */
  readonly present: { readonly decision: Verdict; readonly rule: string } | undefined;
  /** Why that cannot be said from what is on record. */
  readonly unjudged: string | undefined;
  /** What would change it, or what to look at. */
  readonly changes: readonly Change[];
  readonly traceId: string | undefined;
}

interface Asked {
  readonly method: string | undefined;
  readonly type: string | undefined;
  readonly target: string | undefined;
  readonly exposed: string | undefined;
  readonly class: string | undefined;
  readonly argsBytes: number | undefined;
}

interface Asker {
  readonly subject: string | undefined;
  readonly issuer: string | undefined;
  readonly roles: readonly string[];
  readonly scopes: readonly string[] | undefined;
  readonly client: string | undefined;
  readonly surface: string | undefined;
  readonly peer: string | undefined;
}

interface Decider {
  readonly stage: string | undefined;
  readonly rule: string | undefined;
  readonly mode: string | undefined;
  readonly severity: string | undefined;
  /** Who answers for the rule. */
  readonly owner: string | undefined;
}

interface StageView {
  readonly stage: string;
  readonly decision: string;
  readonly rule: string;
  readonly mode: string;
  readonly note: string | undefined;
}

interface End {
  /** False: in flight, or nobody knows. */
  readonly concluded: boolean;
  readonly status: string | undefined;
  readonly code: string | undefined;
  readonly isError: boolean | undefined;
  /** Why an allowed call did not end well. */
  readonly because: string | undefined;
  readonly fault: string | undefined;
  readonly resultBytes: number | undefined;
  readonly attempts: number | undefined;
  /** The page that says more: `sentinel explain SEN-0302`. */
  readonly docs: string | undefined;
}

interface Durations {
  readonly admit: number | undefined;
  readonly queue: number | undefined;
  readonly dispatch: number | undefined;
  readonly screen: number | undefined;
}

interface Comparison {
  /** A revision counts within one run of a gateway; whether two configurations are the same, only the hash says. */
  readonly revision: number | undefined;
  readonly hash: string | undefined;
  readonly hashNow: string;
  /** Undefined where the record has no hash. */
  readonly same: boolean | undefined;
  /** Whose configuration it is compared with. */
  readonly from: 'gateway' | 'file';
  readonly revisionNow: number | undefined;
  /** Since the running gateway read it. */
  readonly fileChanged: boolean;
}
