// One URI that an agent wants to hear of: decided, charged and recorded like any call when it opens, and judged by the newest policy
// at each delivery, for what may be seen changes while it is followed (T113, T117).
import type { ListenCall } from '../core/call.ts';
import type { Evidence, Trail } from '../core/decision.ts';
import { callId } from '../core/ids.ts';
import type { Inbound } from '../core/inbound.ts';
import { segmentsBy } from '../core/json/segment.ts';
import type { End } from '../core/outcome.ts';
import { mayUse } from '../core/policy/decide.ts';
import { matches } from '../core/policy/globs.ts';
import { canonicalUri } from '../core/policy/uris.ts';
import type { Backend } from '../core/ports.ts';
import type { Principal } from '../core/principal.ts';
import { ok } from '../core/result.ts';
import type { Snapshot } from '../core/snapshot.ts';
import type { RequestMeta } from '../relay/meta.ts';
import { concerns } from '../relay/updates.ts';
import { admit } from './admit.ts';
import { faultHealth } from './attempt.ts';
import { resourceAt } from './calls/resource.ts';
import { conclude } from './conclude.ts';
import type { PipelineDeps } from './deps.ts';
import { dispatch } from './dispatch.ts';
import { exposeFor } from './expose.ts';
import { judge } from './judged.ts';
import { cancelledBy } from './inflight.ts';
import { chargeRefusal } from './probes.ts';
import { refuse } from './refuse.ts';
import { REQUEST_STAGES } from './stages.ts';
import { NOWHERE, sending, setOut, took, type Way } from './way.ts';

/** Why nothing is followed. */
export type Unfollowed = Extract<End, { kind: 'denied' | 'failed' | 'cancelled' }>;

export type Followed =
  | { readonly kind: 'following'; readonly backend: Backend; undo(): void }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'ended'; readonly call: ListenCall; readonly end: Unfollowed };

export interface FollowGiven {
  readonly inbound: Inbound;
  /** As the agent wrote it. */
  readonly uri: string;
  readonly meta: RequestMeta['forward'];
  /** Of the request that opens it. */
  readonly signal: AbortSignal;
  /** Who hears of it now, where that can change: a session goes on with a refreshed token. */
  readonly viewer?: () => Principal;
  /** Called with the URI as the agent knows it: of the resource, or of a part of it (T115). */
  told(uri: string): void;
}

export async function follow(given: FollowGiven, snapshot: Snapshot, deps: PipelineDeps): Promise<Followed> {
  const { uri, signal } = given;
  const inbound: Inbound = { ...given.inbound, principal: given.viewer?.() ?? given.inbound.principal };
  const at = resourceAt(snapshot.catalog, inbound.origin.endpoint, uri);
  if (at === undefined) {
    await refuse(inbound, uri, { code: 'unknown_name' }, snapshot, deps);
    return { kind: 'unknown' };
  }
  const call: ListenCall = {
    kind: 'listen', id: callId(deps.random.uuid()), principal: inbound.principal, origin: inbound.origin, target: at.target, at: deps.clock.mono(), wall: deps.clock.wall(),
    exposed: uri, uri: at.uri, meta: given.meta, wantsProgress: false,
  };
  const flight = deps.inflight.begin(call, signal);
  try {
    return await open(call, flight.signal, given, snapshot, deps);
  } finally {
    flight.end();
  }
}

async function open(call: ListenCall, signal: AbortSignal, { told, viewer }: FollowGiven, snapshot: Snapshot, deps: PipelineDeps): Promise<Followed> {
  const giveBack: (() => void)[] = [];
  const ended = async (end: Unfollowed, trail: Trail, way: Way): Promise<Followed> => {
    if (end.kind === 'denied') {
      for (const give of giveBack) give();
      chargeRefusal(end.reason.code, snapshot, call.principal, deps);
    }
    await record(call, end, trail, way, snapshot, deps);
    return { kind: 'ended', call, end };
  };
  const admission = await admit(call, REQUEST_STAGES, { snapshot, now: call.at, wall: call.wall, windows: deps.windows, schemas: deps.schemas, segment: segmentsBy(deps.disguise), paramHeaders: undefined, onRefusal: (give) => giveBack.push(give) });
  if (admission.kind === 'denied') return ended({ kind: 'denied', reason: admission.reason }, admission.trail, NOWHERE);
  const { permit } = admission;
  const way = setOut(deps.clock);
  const dispatched = await dispatch(permit, snapshot, deps, async (backend) => {
    const result = await backend.follow(permit, (uri) => {
      const exposed = deliverable(call, viewer?.() ?? call.principal, uri, deps);
      if (exposed !== undefined) told(exposed);
    }, sending(way, deps.clock));
    return { result: result.ok ? ok({ undo: result.value, backend }) : result, health: result.ok ? 'success' : faultHealth(result.error) };
  });
  if (dispatched.kind === 'denied') return ended({ kind: 'denied', reason: dispatched.reason }, [...permit.trail, dispatched.evidence], NOWHERE);
  way.back = deps.clock.mono();
  const { result } = dispatched;
  if (!result.ok) return ended({ kind: 'failed', fault: result.error }, permit.trail, way);
  if (signal.aborted) {
    result.value.undo();
    return ended({ kind: 'cancelled', by: cancelledBy(signal) }, permit.trail, way);
  }
  await record(call, { kind: 'answered', isError: false, bytes: 0, digest: deps.digest('') }, permit.trail, way, snapshot, deps);
  return { kind: 'following', ...result.value };
}

async function record(call: ListenCall, end: End, trail: readonly Evidence[], way: Way, snapshot: Snapshot, deps: PipelineDeps): Promise<void> {
  await conclude({
    kind: 'call', call, trail, revision: snapshot.revision, configHash: snapshot.configHash, judged: judge(call, trail, snapshot), end,
    took: took(call.at, way, undefined, deps.clock),
  }, deps);
}

/** The URI as this agent knows it, if it may know it now; a backend names what it likes, so that what was not followed is no news. */
function deliverable({ origin, target, uri: followed }: ListenCall, principal: Principal, uri: string, { runtime, clock }: PipelineDeps): string | undefined {
  const { policy, catalog } = runtime.current();
  const view = catalog.byBackend.get(target.backend);
  const name = canonicalUri(uri);
  if (view === undefined || name === undefined || !concerns(followed, uri)) return undefined;
  const told = { ...target, name };
  if (view.hide.some((pattern) => matches(pattern, told)) || !mayUse(policy, principal, told, clock.wall())) return undefined;
  const expose = exposeFor(catalog, origin.endpoint, target.backend);
  return expose === undefined ? uri : expose(uri);
}
