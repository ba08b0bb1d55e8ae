// Turns what happened into rows: who, what, why, how it ended. No secrets, no raw bodies, no text a database could refuse.
import { Buffer } from 'node:buffer';
import type { Call, Continuation } from '../core/call.ts';
import type { Trail } from '../core/decision.ts';
import { objectOf } from '../core/json/compose.ts';
import type { RawJson } from '../core/json/scan.ts';
import { maskSecrets } from '../core/masking.ts';
import type { LifecycleEvent } from '../core/lifecycle.ts';
import { statusOf, type CallOutcome, type Refusal, type Took } from '../core/outcome.ts';
import type { Clock, Intent, Random } from '../core/ports.ts';
import type { Principal } from '../core/principal.ts';
import { codeOf, rulingOf, verdictOf } from '../core/ruling.ts';
import type { AuditSettings } from '../core/settings.ts';
import { faultText, refusalText } from './reasons.ts';
import type { Node } from './node.ts';
import { detailText, identity, name, nameOr, note, noteOr, remembering, rolesText, shapeText, traceId, trailText, truncatePeer } from './record-text.ts';
import { redactJson } from './redact.ts';
import type { Unplaced } from './schema.ts';

export interface RecordDeps {
  readonly node: Node;
  readonly clock: Clock;
  readonly random: Random;
  readonly settings: () => AuditSettings;
}

export interface Encoder {
  intent(intent: Intent): Unplaced;
  /** `withArguments`: no intent of this call holds them already. */
  outcome(outcome: CallOutcome, withArguments: boolean): Unplaced;
  refusal(refusal: Refusal): Unplaced;
  lifecycle(event: LifecycleEvent): Unplaced;
}

const VERSION = 1;

const EMPTY: Omit<Unplaced, 'v' | 'id' | 'ts' | 'mono_ns' | 'kind'> = Object.freeze({
  event: null, call_id: null, subject: null, issuer: null, roles: null, jti_hmac: null, kid: null, actor: null, client: null,
  session: null, surface: null, protocol: null, peer: null, method: null, backend: null, object_type: null, object_name: null,
  exposed: null, decision: null, reason: null, rule: null, mode: null, severity: null, trail: null, revision: null,
  config_hash: null, args_hmac: null, args_bytes: null, args_shape: null, args: null, status: null, is_error: null, code: null,
  result_hmac: null, result_bytes: null, admit_us: null, queue_us: null, dispatch_us: null, screen_us: null, trace_id: null,
  fault: null, detail: null,
});

/** Entries of each memory of an encoder. */
const REMEMBERED = 1024;

interface Encoding extends RecordDeps {
  readonly digest: (text: string) => string;
  readonly network: (peer: string) => string;
}

export function createEncoder(given: RecordDeps): Encoder {
  const deps: Encoding = { ...given, digest: remembering(given.node.hmac, REMEMBERED), network: remembering(truncatePeer, REMEMBERED) };
  const { clock, random } = deps;
  const head = (kind: Unplaced['kind'], ts: number) => ({
    ...EMPTY, v: VERSION, id: random.uuid(), ts, mono_ns: Math.round(clock.mono() * 1e6), kind,
  });
  return {
    intent: ({ call, trail, revision, configHash }) => ({
      ...head('intent', call.wall), ...ofCall(deps, call), ...ofArguments(deps, call), ...ofTrail(trail, 'allow'),
      revision, config_hash: configHash,
    }),
    outcome: (outcome, withArguments) => ({
      ...head('outcome', clock.wall()), ...ofCall(deps, outcome.call), ...(withArguments ? ofArguments(deps, outcome.call) : {}),
      ...ofTrail(outcome.trail, verdictOf(outcome)), revision: outcome.revision, config_hash: outcome.configHash,
      ...ofEnd(deps, outcome), ...ofTimes(outcome.took),
    }),
    refusal: (refusal) => ofRefusal(deps, refusal, head('refused', refusal.wall)),
    lifecycle: ({ id, wall, by, revision, kind, ...rest }) => ({
      ...head('lifecycle', wall), id, actor: name(by), event: kind, revision, detail: detailText(rest),
    }),
  };
}

function ofPrincipal({ node, digest }: Encoding, { subject, issuer, roles, tokenId, keyId }: Principal): Partial<Unplaced> {
  return {
    subject: identity(node, subject), issuer: identity(node, issuer), roles: rolesText(roles),
    jti_hmac: tokenId === undefined ? null : digest(tokenId), kid: nameOr(keyId),
  };
}

function ofCall(deps: Encoding, call: Call): Partial<Unplaced> {
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

function ofArguments({ node, settings }: RecordDeps, call: Call): Partial<Unplaced> {
  const { whole, shown } = saidIn(call);
  if (whole === undefined) return {};
  const { argumentBytes, redactKeys } = settings();
  return {
    args_hmac: node.hmac(whole), args_bytes: Buffer.byteLength(whole), args_shape: shapeText(whole),
    args: shown === undefined ? null : redactJson(shown, { bytes: argumentBytes, keys: redactKeys }),
  };
}

interface Said {
  /** All that the agent said to the object, as digest, size and shape cover it. */
  readonly whole: RawJson | undefined;
  /** What of it is kept as text. */
  readonly shown: RawJson | undefined;
}

function saidIn(call: Call): Said {
  switch (call.kind) {
    case 'tool':
    case 'prompt': return withAnswers(call.args, call.continuation);
    case 'resource': return withAnswers(undefined, call.continuation);
    case 'completion': return same(call.context === undefined ? call.argument : objectOf([['argument', call.argument], ['context', call.context]]));
    case 'model': return same(call.body);
    case 'task': return withAnswers(undefined, { responses: call.responses, state: undefined });
    case 'listen': return same(undefined);
  }
}

function same(raw: RawJson | undefined): Said {
  return { whole: raw, shown: raw };
}

/** Answers are the words of a person or a model, not of the agent: that they were these can be shown later, what they were is not kept. */
function withAnswers(args: RawJson | undefined, continuation: Continuation | undefined): Said {
  const answers = continuation?.responses;
  if (answers === undefined) return same(args);
  return { whole: objectOf([...(args === undefined ? [] : [['arguments', args] as const]), ['inputResponses', answers]]), shown: args };
}

function ofTrail(trail: Trail, decision: 'allow' | 'deny'): Partial<Unplaced> {
  const ruling = rulingOf(trail);
  return {
    decision, rule: ruling === undefined ? null : name(ruling.rule), mode: ruling?.mode ?? null, severity: ruling?.severity ?? null,
    trail: trailText(trail),
  };
}

function ofEnd({ node }: RecordDeps, outcome: CallOutcome): Partial<Unplaced> {
  const { end } = outcome;
  return {
    status: statusOf(outcome), code: codeOf(outcome), reason: end.kind === 'denied' ? end.reason.code : null,
    is_error: end.kind === 'answered' ? Number(end.isError) : null,
    result_hmac: 'digest' in end ? node.hmac(end.digest) : null,
    result_bytes: 'bytes' in end ? end.bytes : null,
    fault: noteOr(faultText(end)),
  };
}

function ofTimes({ admitMs, queueMs, dispatchMs, screenMs }: Took): Partial<Unplaced> {
  return { admit_us: micros(admitMs), queue_us: micros(queueMs), dispatch_us: micros(dispatchMs), screen_us: micros(screenMs) };
}

function ofRefusal(deps: Encoding, refusal: Refusal, head: Unplaced): Unplaced {
  return {
    ...head,
    ...(refusal.principal === undefined ? {} : ofPrincipal(deps, refusal.principal)),
    call_id: refusal.id, surface: refusal.surface, peer: deps.network(refusal.peer), method: nameOr(refusal.method),
    exposed: nameOr(refusal.name), decision: 'deny', reason: refusal.reason.code, revision: refusal.revision,
    status: statusOf(refusal), code: codeOf(refusal), fault: note(refusalText(refusal.reason)),
  };
}

function micros(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.max(0, Math.round(ms * 1000));
}
