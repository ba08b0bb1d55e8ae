// The whole story of one call, or of one request that never became a call. Everything that is told about it is told from here.
import type { Call, SurfaceName } from './call.ts';
import type { DenyReason, Trail } from './decision.ts';
import type { CallId, Timestamp } from './ids.ts';
import type { AuthFailureCode, Principal } from './principal.ts';
import type { BackendFault } from './ports.ts';

export type CancelledBy = 'agent' | 'kill' | 'timeout' | 'shutdown';

export type End =
  | { readonly kind: 'denied'; readonly reason: DenyReason }
  /** `digest`: SHA-256 of the result bytes, hex. */
  | { readonly kind: 'answered'; readonly isError: boolean; readonly bytes: number; readonly digest: string }
  /** A modern backend asked for more; the agent was told, and its retry is a call of its own. */
  | { readonly kind: 'input_required'; readonly bytes: number; readonly digest: string }
  /** The backend works on, and its agent has a handle to ask with. */
  | { readonly kind: 'task_created'; readonly bytes: number; readonly digest: string }
  /** The backend answered with a JSON-RPC error. */
  | { readonly kind: 'errored'; readonly code: number; readonly bytes: number }
  | { readonly kind: 'failed'; readonly fault: BackendFault }
  | { readonly kind: 'cancelled'; readonly by: CancelledBy };

/** Answered as if there were no such name. */
export function isHidden(end: End): boolean {
  return end.kind === 'denied' && (end.reason.code === 'forbidden' || (end.reason.code === 'killed' && !end.reason.seen));
}

/** Milliseconds; undefined where that part never ran. */
export interface Took {
  readonly admitMs: number;
  readonly queueMs: number | undefined;
  readonly dispatchMs: number | undefined;
  readonly screenMs: number | undefined;
  /** Times that it was sent to its backend. */
  readonly attempts: number;
}

/** What the configuration says of a call beside whether it may be made. */
export interface Judged {
  /** Who answers for the rule that decided. */
  readonly owner: string | undefined;
  /** Whether it may change something. What nobody says of it, it may. */
  readonly changes: boolean;
  /** Names of arguments that the object's own definition knows. Any other key is the agent's word, and is written as a digest. */
  readonly declared: ReadonlySet<string>;
}

export interface CallOutcome {
  readonly kind: 'call';
  readonly call: Call;
  readonly trail: Trail;
  readonly revision: number;
  readonly configHash: string;
  readonly judged: Judged;
  readonly end: End;
  readonly took: Took;
}

export type RefusalReason =
  | { readonly code: 'unauthenticated'; readonly failure: AuthFailureCode }
  | { readonly code: 'unknown_name' }
  /** A `requestState`, cursor or task id that is not ours, not this principal's, used up or too old. `handle`: which check failed, for the record only. */
  | { readonly code: 'bad_handle'; readonly handle: 'forged' | 'foreign' | 'mismatch' | 'used' | 'expired' }
  /** A session that exists and belongs to somebody else. */
  | { readonly code: 'foreign_session' }
  /** A method that is not offered here; params that are not what the method takes. */
  | { readonly code: 'unknown_method' }
  | { readonly code: 'invalid_request' }
  | { readonly code: 'origin' }
  | { readonly code: 'host' }
  | { readonly code: 'probe_limited'; readonly retryAfterMs: number };

/** A request that was turned away before it had a target. `name` is untrusted and capped. */
export interface Refusal {
  readonly kind: 'refused';
  readonly id: CallId;
  readonly wall: Timestamp;
  readonly surface: SurfaceName;
  readonly peer: string;
  readonly principal: Principal | undefined;
  readonly method: string | undefined;
  readonly name: string | undefined;
  readonly reason: RefusalReason;
  readonly revision: number;
}

export type Outcome = CallOutcome | Refusal;

/** The original's seven words for `response_status` and the `status` label. */
export type Status = 'success' | 'error' | 'killed' | 'rate_limited' | 'denied' | 'invalid_args' | 'circuit_open';

export function statusOf(outcome: Outcome): Status {
  if (outcome.kind === 'refused') return refusedStatus(outcome.reason);
  const { end } = outcome;
  switch (end.kind) {
    case 'answered': return end.isError ? 'error' : 'success';
    case 'input_required':
    case 'task_created': return 'success';
    case 'errored':
    case 'failed': return 'error';
    case 'cancelled': return end.by === 'kill' ? 'killed' : 'error';
    case 'denied': return deniedStatus(end.reason);
  }
}

function refusedStatus({ code }: RefusalReason): Status {
  switch (code) {
    case 'probe_limited': return 'rate_limited';
    case 'invalid_request': return 'invalid_args';
    default: return 'denied';
  }
}

function deniedStatus(reason: DenyReason): Status {
  switch (reason.code) {
    case 'killed': return 'killed';
    case 'limited':
    case 'busy': return 'rate_limited';
    case 'invalid_arguments':
    case 'header_mismatch': return 'invalid_args';
    case 'circuit_open': return 'circuit_open';
    case 'backend_down':
    case 'audit_unavailable':
    case 'stage_failed': return 'error';
    case 'forbidden':
    case 'insufficient_scope':
    case 'guarded': return 'denied';
  }
}
