// Turned away before there is a call: what is no request, a name that leads nowhere, a handle that is not good, or a principal that was refused
// too often.
import type { TargetKind } from '../core/call.ts';
import { callId, type CallId } from '../core/ids.ts';
import type { Inbound, Turned } from '../core/inbound.ts';
import type { Refusal, RefusalReason } from '../core/outcome.ts';
import { WINDOW_MS } from '../core/policy/limits.ts';
import type { Snapshot } from '../core/snapshot.ts';
import type { DenialContext } from '../core/wire/denials.ts';
import { NAME_ECHO } from './calls/method.ts';
import { conclude, tell } from './conclude.ts';
import type { PipelineDeps } from './deps.ts';
import { chargeRefusal, isOnRecord, type ProbeDenial } from './probes.ts';

type Early = Extract<RefusalReason, { code: 'unknown_name' | 'bad_handle' }>;

/** Charged to the limit for refused requests, and on record before it is answered. */
export async function refuse(inbound: Inbound, name: string, reason: Early, snapshot: Snapshot, deps: PipelineDeps): Promise<void> {
  chargeRefusal(reason.code, snapshot, inbound.principal, deps);
  await conclude(refusalOf(inbound, name, reason, callId(deps.random.uuid()), snapshot, deps), deps);
}

/** By that limit itself. Comes before any look-up, so that hidden and unknown names stay alike in its light too. Of these refusals each principal has its share of records. */
export async function refuseProbing(inbound: Inbound, kind: TargetKind, name: string, denial: ProbeDenial, snapshot: Snapshot, deps: PipelineDeps): Promise<DenialContext> {
  const id = callId(deps.random.uuid());
  const refusal = refusalOf(inbound, name, { code: 'probe_limited', retryAfterMs: denial.retryAfterMs ?? WINDOW_MS }, id, snapshot, deps);
  await withinShare(refusal, inbound, snapshot, deps);
  return { kind, exposed: name.slice(0, NAME_ECHO), backend: '', callId: id, codes: snapshot.settings.errorCodes };
}

/** It tells a guesser nothing, so that it is not charged; and it has no end, so that it has a share of records. */
export async function refuseRequest(inbound: Inbound, code: Turned, snapshot: Snapshot, deps: PipelineDeps): Promise<void> {
  await withinShare(refusalOf(inbound, undefined, { code }, callId(deps.random.uuid()), snapshot, deps), inbound, snapshot, deps);
}

async function withinShare(refusal: Refusal, { principal }: Inbound, snapshot: Snapshot, deps: PipelineDeps): Promise<void> {
  if (isOnRecord(snapshot, principal, deps)) return conclude(refusal, deps);
  deps.unrecorded.times += 1;
  return tell(refusal, deps);
}

function refusalOf(inbound: Inbound, name: string | undefined, reason: RefusalReason, id: CallId, snapshot: Snapshot, deps: PipelineDeps): Refusal {
  const { origin, principal, method } = inbound;
  return { kind: 'refused', id, wall: deps.clock.wall(), surface: origin.surface, peer: origin.peer, principal, method, name: name?.slice(0, NAME_ECHO), reason, revision: snapshot.revision };
}
