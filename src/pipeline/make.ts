// One call from the stages to its record: admitted, dispatched, screened, concluded once. Read this file and `stages.ts` to check
// what stands before a backend. Who waits for the answer is not known here.
import type { ServedCall } from '../core/call.ts';
import type { DenyReason, Trail } from '../core/decision.ts';
import { toRaw } from '../core/json/compose.ts';
import type { RawJson } from '../core/json/scan.ts';
import { segmentsBy } from '../core/json/segment.ts';
import type { ParamHeaders } from '../core/inbound.ts';
import { type CallOutcome, type End, isHidden } from '../core/outcome.ts';
import type { BackendFault, CallIo } from '../core/ports.ts';
import { ok, type Result } from '../core/result.ts';
import type { Snapshot } from '../core/snapshot.ts';
import { EMPTY_COMPLETION, isErrorResult } from '../relay/results.ts';
import { admit } from './admit.ts';
import type { Answered } from './answer.ts';
import type { Asked } from './calls/method.ts';
import { conclude } from './conclude.ts';
import type { PipelineDeps } from './deps.ts';
import { dispatch, type Dispatched } from './dispatch.ts';
import { cancelledBy } from './inflight.ts';
import { judge } from './judged.ts';
import type { Place } from './lease.ts';
import { chargeRefusal } from './probes.ts';
import type { Dialogue } from './questions/dialogue.ts';
import { NOT_OFFERED, perform, told } from './perform.ts';
import { type Screened, screenOwn } from './screen.ts';
import { REQUEST_STAGES } from './stages.ts';
import { NOWHERE, sending, setOut, took } from './way.ts';

/** One call and what it is decided by. */
export interface Case {
  readonly call: ServedCall;
  readonly snapshot: Snapshot;
  readonly paramHeaders: ParamHeaders | undefined;
  /** As the agent wrote it. */
  readonly method: string;
  readonly asked: Pick<Asked, 'content'>;
  readonly pages: number;
  /** Answered by the gateway itself, once it is admitted. */
  readonly local: Screened | undefined;
}

export interface MakeIo extends CallIo {
  /** It is allowed, and goes to its backend now. */
  admitted(): void;
  /** The backend has said its last. */
  over(): void;
  readonly dialogue: Dialogue;
  /** Once it is dispatched: for whoever waits without asking the backend anything. */
  readonly place?: Place;
}

const EMPTY = toRaw({});

export interface Made extends Answered {
  readonly trail: Trail;
  readonly took: CallOutcome['took'];
}

export async function makeCall(given: Case, io: MakeIo, deps: PipelineDeps): Promise<Made> {
  const { call, snapshot } = given;
  const decided = await decideAndSend(given, io, deps);
  const made: Made = { ...decided, trail: [...decided.trail, ...io.dialogue.trail()] };
  const { end } = made;
  if (end.kind === 'denied') chargeRefusal(end.reason.code, snapshot, call.principal, deps);
  await conclude({ kind: 'call', call: isHidden(end) ? withoutContent(call) : call, trail: made.trail, revision: snapshot.revision, configHash: snapshot.configHash, judged: judge(call, made.trail, snapshot), end, took: made.took }, deps, end.kind === 'answered' ? resultIn(made.answer) : undefined);
  return made;
}

/** What was answered with, for whoever may keep parts of it: of a task, in our own words. */
function resultIn(answer: Screened | undefined): RawJson | undefined {
  if (answer?.kind === 'result') return answer.result.raw;
  return answer?.kind === 'own' ? answer.body : undefined;
}

/**
 * To redact and digest the arguments of a record takes time in proportion to their length, and the answer waits for the record:
 * with a few megabytes of them an agent could tell a hidden tool from an unknown one by the clock (SEC49, C01).
 */
function withoutContent(call: ServedCall): ServedCall {
  switch (call.kind) {
    case 'tool':
    case 'prompt': return { ...call, args: undefined, meta: undefined };
    case 'completion': return { ...call, argument: EMPTY, context: undefined, meta: undefined };
    case 'resource': return { ...call, meta: undefined };
    case 'task': return { ...call, responses: undefined, meta: undefined };
  }
}

async function decideAndSend(given: Case, io: MakeIo, deps: PipelineDeps): Promise<Made> {
  const { call, snapshot, paramHeaders } = given;
  const local = given.local ?? nothingToComplete(call, snapshot);
  const undo: (() => void)[] = [];
  const refused = (reason: DenyReason, trail: Trail): Made => {
    for (const give of undo) give();
    return { end: { kind: 'denied', reason }, answer: undefined, trail, took: took(call.at, NOWHERE, undefined, deps.clock) };
  };
  const admission = await admit(call, REQUEST_STAGES, { snapshot, now: call.at, wall: call.wall, windows: deps.windows, schemas: deps.schemas, segment: segmentsBy(deps.disguise), paramHeaders, onRefusal: (give) => undo.push(give) });
  if (admission.kind === 'denied') return refused(admission.reason, admission.trail);

  const { permit } = admission;
  io.admitted();
  const way = setOut(deps.clock);
  const sent = sending(way, deps.clock);
  const dispatched: Dispatched<Screened> = local !== undefined ? { kind: 'done', result: ok(local) } : await dispatch(permit, snapshot, deps, (backend, settings, place) => perform({ ...given, permit, backend, settings }, { ...io, place, sent }, deps)).finally(() => io.over());
  if (dispatched.kind === 'denied') return refused(dispatched.reason, [...permit.trail, dispatched.evidence]);

  way.back = deps.clock.mono();
  const made = told(dispatched.result, { ...given, permit }, io, deps);
  const end = io.signal.aborted ? { kind: 'cancelled', by: cancelledBy(io.signal) } as const : endOf(made, deps);
  return { end, answer: made.ok ? made.value : undefined, trail: permit.trail, took: took(call.at, way, deps.clock.mono(), deps.clock) };
}

/** Offered because of another backend: completing to nothing is the answer of one that cannot (4.11). */
function nothingToComplete(call: ServedCall, { catalog }: Snapshot): Screened | undefined {
  if (call.kind !== 'completion' || catalog.byBackend.get(call.target.backend)?.offers.completions === true) return undefined;
  return screenOwn({ kind: 'result', raw: EMPTY_COMPLETION });
}

function endOf(made: Result<Screened, BackendFault>, deps: PipelineDeps): End {
  if (!made.ok) return { kind: 'failed', fault: made.error };
  const answer = made.value;
  if (answer.kind === 'error' || answer.kind === 'own_error') return { kind: 'errored', code: answer.code, bytes: Buffer.byteLength(answer.message) };
  if (answer.kind === 'task') return { kind: 'failed', fault: NOT_OFFERED };
  if (answer.kind === 'own') {
    const said = { bytes: Buffer.byteLength(answer.body), digest: deps.digest(answer.body) };
    return answer.end === 'answered' ? { kind: 'answered', isError: answer.isError, ...said } : { kind: answer.end, ...said };
  }
  const { raw } = answer.result;
  return { kind: 'answered', isError: isErrorResult(answer.result), bytes: Buffer.byteLength(raw), digest: deps.digest(raw) };
}
