// One `tools/call` from its name to its answer. Read this file and `stages.ts` to check what stands before a backend.
import type { ToolEntry } from '../core/catalog.ts';
import type { ToolCall } from '../core/call.ts';
import type { DenyReason, Trail } from '../core/decision.ts';
import { callId, type Instant } from '../core/ids.ts';
import type { AgentIo, Answer, Inbound } from '../core/inbound.ts';
import { kindOf, members, stringOf } from '../core/json/slice.ts';
import type { RawJson } from '../core/json/scan.ts';
import type { CallOutcome, End, Refusal } from '../core/outcome.ts';
import { WINDOW_MS } from '../core/policy/limits.ts';
import type { BackendFault } from '../core/ports.ts';
import type { Result } from '../core/result.ts';
import type { Snapshot } from '../core/snapshot.ts';
import { denialToWire } from '../core/wire/denials.ts';
import { readMeta, type RequestMeta } from '../relay/meta.ts';
import { isErrorResult } from '../relay/results.ts';
import { CODE, errorMessage } from '../relay/rpc.ts';
import { admit } from './admit.ts';
import { answerEnd, denied, unknownTool, type Answered } from './answer.ts';
import { conclude, tell } from './conclude.ts';
import { dispatch } from './dispatch.ts';
import { cancelledBy, type Flight } from './inflight.ts';
import { chargeRefusal, isOnRecord, probeDenial, type ProbeDenial } from './probes.ts';
import { relayProgress } from './progress.ts';
import type { PipelineDeps } from './deps.ts';
import { screen, type Screened } from './screen.ts';
import { REQUEST_STAGES } from './stages.ts';
import { lookUp } from './view.ts';

export async function callTool(inbound: Inbound, io: AgentIo, snapshot: Snapshot, deps: PipelineDeps): Promise<Answer> {
  const asked = toolParams(inbound.params);
  if (asked === undefined) return { message: errorMessage(inbound.id, CODE.invalidParams, 'Missing tool name in params, or arguments that are not an object'), status: 200 };
  const probing = probeDenial(snapshot, inbound.principal, deps);
  if (probing !== undefined) return refuse(inbound, asked.name, probing, snapshot, deps);
  const entry = lookUp(snapshot.catalog, inbound.origin.endpoint, asked.name);
  if (entry === undefined) return refuse(inbound, asked.name, undefined, snapshot, deps);
  const call = toolCall(inbound, asked, entry, deps);
  const flight = deps.inflight.begin(call, io.signal);
  try {
    return await decideAndMake(call, inbound, io, flight, snapshot, deps);
  } finally {
    flight.end();
  }
}

interface ToolParams {
  readonly name: string;
  readonly args: RawJson | undefined;
  readonly meta: RequestMeta;
}

/** All that costs more for a longer message is done here, before the name is looked up: a hidden name must not take longer than none. */
function toolParams(params: RawJson | undefined): ToolParams | undefined {
  const all = members(params);
  const args = all?.get('arguments');
  const name = stringOf(all?.get('name'));
  if (name === undefined || (args !== undefined && kindOf(args) !== 'object')) return undefined;
  return { name, args, meta: readMeta(params) };
}

function toolCall(inbound: Inbound, { name, args, meta }: ToolParams, entry: ToolEntry, deps: PipelineDeps): ToolCall {
  return {
    kind: 'tool',
    id: callId(deps.random.uuid()),
    principal: inbound.principal,
    origin: inbound.origin,
    target: entry.target,
    at: deps.clock.mono(),
    wall: deps.clock.wall(),
    exposed: name,
    args,
    meta: meta.forward,
    wantsProgress: meta.progressToken !== undefined,
    continuation: undefined,
  };
}

/**
 * Turned away before there is a target: a name that leads nowhere, or (`probing`) a principal that was refused too often.
 * The probe limit comes before the look-up, so that hidden and unknown names stay alike in its light too.
 */
async function refuse(inbound: Inbound, name: string, probing: ProbeDenial | undefined, snapshot: Snapshot, deps: PipelineDeps): Promise<Answer> {
  if (probing === undefined) chargeRefusal('unknown_name', snapshot, inbound.principal, deps);
  const id = callId(deps.random.uuid());
  const refusal: Refusal = {
    kind: 'refused', id, wall: deps.clock.wall(), surface: inbound.origin.surface, peer: inbound.origin.peer,
    principal: inbound.principal, method: inbound.method, name: name.slice(0, 128), revision: snapshot.revision,
    reason: probing === undefined ? { code: 'unknown_name' } : { code: 'probe_limited', retryAfterMs: probing.retryAfterMs ?? WINDOW_MS },
  };
  if (probing === undefined || isOnRecord(snapshot, inbound.principal, deps)) await conclude(refusal, deps);
  else tell(refusal, deps);
  if (probing === undefined) return { message: unknownTool(inbound.id, name), status: 200 };
  const cx = { exposed: name.slice(0, 128), backend: '', callId: id, codes: snapshot.settings.errorCodes };
  return { message: denied(inbound, denialToWire(probing, cx), cx.exposed, deps.identity), status: 200 };
}

async function decideAndMake(call: ToolCall, inbound: Inbound, io: AgentIo, flight: Flight, snapshot: Snapshot, deps: PipelineDeps): Promise<Answer> {
  const made = await make(call, inbound, io, flight, snapshot, deps);
  const { end } = made;
  if (end.kind === 'denied') chargeRefusal(end.reason.code, snapshot, inbound.principal, deps);
  const outcome: CallOutcome = { kind: 'call', call: isHidden(end) ? withoutContent(call) : call, trail: made.trail, revision: snapshot.revision, configHash: snapshot.configHash, end, took: made.took };
  await conclude(outcome, deps);
  return answerEnd(inbound, call, made, snapshot, deps.identity);
}

/** Answered as if there were no such tool. */
function isHidden(end: End): boolean {
  return end.kind === 'denied' && (end.reason.code === 'forbidden' || (end.reason.code === 'killed' && !end.reason.seen));
}

/**
 * To redact and digest the arguments of a record takes time in proportion to their length, and the answer waits for the record:
 * with a few megabytes of them an agent could tell a hidden tool from an unknown one by the clock (SEC49, C01).
 */
function withoutContent(call: ToolCall): ToolCall {
  return { ...call, args: undefined, meta: undefined };
}

interface Made extends Answered {
  readonly trail: Trail;
  readonly took: CallOutcome['took'];
}

async function make(call: ToolCall, inbound: Inbound, io: AgentIo, flight: Flight, snapshot: Snapshot, deps: PipelineDeps): Promise<Made> {
  const undo: (() => void)[] = [];
  const refused = (reason: DenyReason, trail: Trail): Made => {
    for (const give of undo) give();
    return { end: { kind: 'denied', reason }, answer: undefined, trail, took: took(call.at, undefined, undefined, undefined, deps) };
  };
  const admission = await admit(call, REQUEST_STAGES, { snapshot, now: call.at, wall: call.wall, windows: deps.windows, schemas: deps.schemas, paramHeaders: inbound.paramHeaders, onRefusal: (give) => undo.push(give) });
  if (admission.kind === 'denied') return refused(admission.reason, admission.trail);

  const { permit } = admission;
  const sent = deps.clock.mono();
  const token = readMeta(inbound.params).progressToken;
  const progress = token === undefined ? undefined : relayProgress(token, deps, io.notify);
  const dispatched = await dispatch(permit, snapshot, { signal: flight.signal, onProgress: progress?.receive, onLog: undefined, ask: undefined }, deps).finally(() => progress?.end(!flight.signal.aborted));
  if (dispatched.kind === 'denied') return refused(dispatched.reason, [...permit.trail, dispatched.evidence]);

  const back = deps.clock.mono();
  const made = screen(dispatched.result, snapshot.settings.bounds.resultBytes);
  const end = flight.signal.aborted ? { kind: 'cancelled', by: cancelledBy(flight.signal) } as const : endOf(made, deps);
  return { end, answer: made.ok ? made.value : undefined, trail: permit.trail, took: took(call.at, sent, back, deps.clock.mono(), deps) };
}

function took(at: Instant, sent: Instant | undefined, back: Instant | undefined, screened: Instant | undefined, deps: PipelineDeps): CallOutcome['took'] {
  return {
    admitMs: (sent ?? deps.clock.mono()) - at,
    queueMs: undefined,
    dispatchMs: sent === undefined || back === undefined ? undefined : back - sent,
    screenMs: back === undefined || screened === undefined ? undefined : screened - back,
  };
}

function endOf(made: Result<Screened, BackendFault>, deps: PipelineDeps): End {
  if (!made.ok) return { kind: 'failed', fault: made.error };
  const answer = made.value;
  if (answer.kind === 'error') return { kind: 'errored', code: answer.code, bytes: answer.message.length };
  const { raw } = answer.result;
  return { kind: 'answered', isError: isErrorResult(answer.result), bytes: raw.length, digest: deps.digest(raw) };
}
