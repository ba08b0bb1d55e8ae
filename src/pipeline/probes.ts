// How often one principal may be refused. What tells a guesser something is counted closely; what tells nothing (a limit reached,
// a backend left alone) loosely, but counted: each refusal is a durable record, and who may make them without end fills the disk
// and so stops everybody (J01).
import type { DenyCode, DenyReason } from '../core/decision.ts';
import { probeClaim, WINDOW_MS, type LimitClaim } from '../core/policy/limits.ts';
import type { WindowTable } from '../core/policy/window.ts';
import type { Principal } from '../core/principal.ts';
import type { Clock } from '../core/ports.ts';
import type { Snapshot } from '../core/snapshot.ts';

/** Refusals without a record of their own, since the start. */
export interface Unrecorded {
  times: number;
}

export interface ProbeDeps {
  readonly probes: WindowTable;
  readonly clock: Clock;
}

export type ProbeDenial = Extract<DenyReason, { code: 'limited' }>;

type RefusedAs = DenyCode | 'unknown_name' | 'bad_handle';

const CLOSELY: ReadonlySet<RefusedAs> = new Set<RefusedAs>(['unknown_name', 'forbidden', 'killed', 'invalid_arguments', 'guarded']);
/** An honest agent in a loop against a full limit makes some per second. */
const LOOSELY = 10;

/** Too many refusals already: nothing more is tried until the window has room again. */
export function probeDenial(snapshot: Snapshot, principal: Principal, { probes, clock }: ProbeDeps): ProbeDenial | undefined {
  const close = probeClaim(snapshot, principal);
  const verdict = probes.peekAll([close, loose(close)], clock.mono());
  return verdict.ok ? undefined : { code: 'limited', scope: 'probe', limit: verdict.claim.limit, windowMs: WINDOW_MS, retryAfterMs: verdict.retryAfterMs };
}

export function chargeRefusal(code: RefusedAs, snapshot: Snapshot, principal: Principal, { probes, clock }: ProbeDeps): void {
  const close = probeClaim(snapshot, principal);
  const { key, limit } = CLOSELY.has(code) ? close : loose(close);
  probes.take(key, limit, clock.mono());
}

/** Of refusals that no limit ends, those by these limits among them, each principal has its share of records; the rest is counted and logged only. */
export function isOnRecord(snapshot: Snapshot, principal: Principal, { probes, clock }: ProbeDeps): boolean {
  const { key, limit } = probeClaim(snapshot, principal);
  return probes.take(`told\u0000${key}`, limit, clock.mono()).ok;
}

function loose({ key, limit, scope }: LimitClaim): LimitClaim {
  return { key: `refused\u0000${key}`, limit: limit * LOOSELY, scope };
}
