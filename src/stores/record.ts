// Turns what happened into the values of a record: who, what, why, how it ended. No secrets, no values of arguments or results, no text a
// database could refuse.
import { Buffer } from 'node:buffer';
import type { Call } from '../core/call.ts';
import type { Trail } from '../core/decision.ts';
import { objectOf } from '../core/json/compose.ts';
import type { RawJson } from '../core/json/scan.ts';
import { segmentOf } from '../core/json/segment.ts';
import { maskSecrets } from '../core/masking.ts';
import type { LifecycleEvent } from '../core/lifecycle.ts';
import { statusOf, type CallOutcome, type Judged, type Refusal, type Took } from '../core/outcome.ts';
import type { Clock, Intent, Random } from '../core/ports.ts';
import type { Principal } from '../core/principal.ts';
import { codeOf, rulingOf, verdictOf } from '../core/ruling.ts';
import type { Capture, Words } from './capture/capture.ts';
import { faultText, refusalText } from './reasons.ts';
import type { Node } from './node.ts';
import { detailText, identity, name, nameOr, note, noteOr, remembering, rolesText, shapeText, traceId, trailText, truncatePeer } from './record-text.ts';
import type { RecordValues } from './journal/members.ts';

export interface RecordDeps {
  readonly node: Node;
  readonly clock: Clock;
  readonly random: Random;
  /** Keeps what rules name of a call's words; absent where there are none. */
  readonly capture?: Capture;
}

/** Without its place. */
export type Values = Partial<RecordValues> & Pick<RecordValues, 'id' | 'ts' | 'mono_ns' | 'kind'>;

export interface Encoder {
  intent(intent: Intent): Values;
  /** `withArguments`: no intent of this call holds them already. */
  outcome(outcome: CallOutcome, withArguments: boolean, result?: RawJson): Values;
  refusal(refusal: Refusal): Values;
  lifecycle(event: LifecycleEvent): Values;
}

/** Entries of each memory of an encoder. */
const REMEMBERED = 1024;

interface Encoding extends RecordDeps {
  readonly digest: (text: string) => string;
  readonly network: (peer: string) => string;
}

export function createEncoder(given: RecordDeps): Encoder {
  const deps: Encoding = { ...given, digest: remembering(given.node.hmac, REMEMBERED), network: remembering(truncatePeer, REMEMBERED) };
  const { clock, random } = deps;
  const head = (kind: RecordValues['kind'], ts: number) => ({
    id: random.uuid(), ts, mono_ns: Math.round(clock.mono() * 1e6), kind,
  });
  return {
    intent: ({ call, trail, revision, configHash, judged }) => captured(deps, call, { args: true, result: undefined }, {
      ...head('intent', call.wall), ...ofCall(deps, call), ...ofArguments(deps, call, judged), ...ofTrail(trail, 'allow'), ...ofJudged(judged),
      revision, config_hash: configHash,
    }),
    outcome: (outcome, withArguments, result) => captured(deps, outcome.call, { args: withArguments, result }, {
      ...head('outcome', clock.wall()), ...ofCall(deps, outcome.call), ...(withArguments ? ofArguments(deps, outcome.call, outcome.judged) : {}),
      ...ofTrail(outcome.trail, verdictOf(outcome)), ...ofJudged(outcome.judged), revision: outcome.revision, config_hash: outcome.configHash,
      ...ofEnd(deps, outcome), ...ofTimes(outcome.took),
    }),
    refusal: (refusal) => ofRefusal(deps, refusal, head('refused', refusal.wall)),
    lifecycle: ({ id, wall, by, revision, kind, ...rest }) => ({
      ...head('lifecycle', wall), id, actor: name(by), event: kind, revision, detail: detailText(rest),
    }),
  };
}

/** What is kept of a call is bound to the one record that keeps it, by its id. */
function captured({ capture }: RecordDeps, call: Call, words: Words, values: Values): Values {
  const kept = values.kind === 'intent' || values.kind === 'outcome' ? capture?.of({ id: values.id, kind: values.kind }, call, words) : undefined;
  return kept === undefined || kept === null ? values : { ...values, captured: kept };
}

function ofPrincipal({ node, digest }: Encoding, { subject, issuer, roles, tokenId, keyId }: Principal): Partial<RecordValues> {
  return {
    subject: identity(node, subject), issuer: identity(node, issuer), roles: rolesText(roles),
    jti_hmac: tokenId === undefined ? null : digest(tokenId), kid: nameOr(keyId),
  };
}

function ofCall(deps: Encoding, call: Call): Partial<RecordValues> {
  const { origin, target } = call;
  return {
    ...ofPrincipal(deps, call.principal),
    call_id: call.id,
    client: origin.client === undefined ? null : name(`${origin.client.name} ${origin.client.version}`),
    session: origin.session === undefined ? null : deps.digest(origin.session),
    surface: origin.surface, protocol: name(origin.version), peer: deps.network(origin.peer),
    method: methodOf(call), backend: name(target.backend), object_type: call.kind,
    // A name of a backend's own tool or prompt holds no secret of an agent; a URI that an agent wrote may.
    object_name: identity(deps.node, target.kind === 'resource' ? maskSecrets(target.name) : target.name),
    exposed: 'exposed' in call ? name(call.exposed) : null,
    trace_id: traceId(origin.trace?.traceparent),
  };
}

/** The request of MCP that made the call. */
function methodOf(call: Call): string | null {
  switch (call.kind) {
    case 'tool': return 'tools/call';
    case 'prompt': return 'prompts/get';
    case 'resource': return 'resources/read';
    case 'completion': return 'completion/complete';
    case 'listen': return call.origin.era === 'legacy' ? 'resources/subscribe' : 'subscriptions/listen';
    case 'task': return `tasks/${call.verb}`;
    case 'model': return null;
  }
}

function ofArguments({ node }: RecordDeps, call: Call, { declared }: Judged): Partial<RecordValues> {
  const said = saidIn(call);
  if (said === undefined) return {};
  const isOurs = call.kind === 'tool' || call.kind === 'prompt' ? said !== call.args : call.kind !== 'model';
  const segment = segmentOf((key) => declared.has(key) || (isOurs && WORDS.has(key)), node.hmac);
  return { args_hmac: node.hmac(said), args_bytes: Buffer.byteLength(said), args_shape: shapeText(said, segment) };
}

/** Keys of the protocol and of this record, where it puts together what the agent said in several places. */
const WORDS: ReadonlySet<string> = new Set(['arguments', 'inputResponses', 'argument', 'context', 'name', 'value', 'action', 'content']);

/** All that the agent said to the object, as digest, size and shape cover it. */
function saidIn(call: Call): RawJson | undefined {
  switch (call.kind) {
    case 'tool':
    case 'prompt': return withAnswers(call.args, call.continuation?.responses);
    case 'resource': return withAnswers(undefined, call.continuation?.responses);
    case 'completion': return call.context === undefined ? call.argument : objectOf([['argument', call.argument], ['context', call.context]]);
    case 'model': return call.body;
    case 'task': return withAnswers(undefined, call.responses);
    case 'listen': return undefined;
  }
}

function withAnswers(args: RawJson | undefined, answers: RawJson | undefined): RawJson | undefined {
  if (answers === undefined) return args;
  return objectOf([...(args === undefined ? [] : [['arguments', args] as const]), ['inputResponses', answers]]);
}

function ofTrail(trail: Trail, decision: 'allow' | 'deny'): Partial<RecordValues> {
  const ruling = rulingOf(trail);
  return {
    decision, ruling: ruling?.decision === 'deny' ? 'deny' : 'allow', rule: ruling === undefined ? null : name(ruling.rule), mode: ruling?.mode ?? null, severity: ruling?.severity ?? null,
    trail: trailText(trail),
  };
}

function ofJudged({ owner, changes }: Judged): Partial<RecordValues> {
  return { owner: owner === undefined ? null : name(owner), class: changes ? 'changing' : 'reading' };
}

function ofEnd({ node }: RecordDeps, outcome: CallOutcome): Partial<RecordValues> {
  const { end } = outcome;
  return {
    status: statusOf(outcome), code: codeOf(outcome), reason: end.kind === 'denied' ? end.reason.code : null,
    is_error: end.kind === 'answered' ? Number(end.isError) : null,
    result_hmac: 'digest' in end ? node.hmac(end.digest) : null,
    result_bytes: 'bytes' in end ? end.bytes : null,
    fault: noteOr(faultText(end)),
  };
}

function ofTimes({ admitMs, queueMs, dispatchMs, screenMs, attempts }: Took): Partial<RecordValues> {
  return { attempts: attempts === 0 ? null : attempts, admit_us: micros(admitMs), queue_us: micros(queueMs), dispatch_us: micros(dispatchMs), screen_us: micros(screenMs) };
}

function ofRefusal(deps: Encoding, refusal: Refusal, head: Values): Values {
  return {
    ...head,
    ...(refusal.principal === undefined ? {} : ofPrincipal(deps, refusal.principal)),
    call_id: refusal.id, surface: refusal.surface, peer: deps.network(refusal.peer), method: nameOr(refusal.method),
    exposed: nameOr(refusal.name), decision: 'deny', ruling: 'deny', reason: refusal.reason.code, revision: refusal.revision,
    status: statusOf(refusal), code: codeOf(refusal), fault: note(refusalText(refusal.reason)),
  };
}

function micros(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.max(0, Math.round(ms * 1000));
}
