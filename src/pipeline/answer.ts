// From the end of a call to the message the agent reads.
import type { ServedCall, Target } from '../core/call.ts';
import type { Answer, Inbound } from '../core/inbound.ts';
import { objectOf, toRaw } from '../core/json/compose.ts';
import type { RawJson } from '../core/json/scan.ts';
import { type End, isHidden } from '../core/outcome.ts';
import { challengedScopes } from '../core/policy/scopes.ts';
import type { Snapshot } from '../core/snapshot.ts';
import { denialToWire, faultToWire, type DenialContext, type WireDenial } from '../core/wire/denials.ts';
import { wrapsStructured } from '../relay/definitions.ts';
import type { ElicitationIds } from '../relay/elicitation.ts';
import { errorFor, type WireError } from '../relay/errors.ts';
import { DENIAL_KEY, type ServerIdentity } from '../relay/meta.ts';
import { ownResult, relayedResult, type ResultRelay, toolErrorResult } from '../relay/results.ts';
import { CODE, errorMessage, resultMessage } from '../relay/rpc.ts';
import { withRelatedTask } from '../relay/tasks.ts';
import type { Asked } from './calls/method.ts';
import { askingOf } from './questions/asking.ts';
import { QUESTION_KEY } from './questions/unanswered.ts';
import { exposeFor } from './expose.ts';
import type { Screened } from './screen.ts';
import { wishOf } from './tasks/leave.ts';

export interface Answered {
  readonly end: End;
  readonly answer: Screened | undefined;
}

/** What is answered, in whose words. */
export interface Answering {
  readonly inbound: Inbound;
  readonly asked: Asked;
  readonly call: ServedCall;
  readonly snapshot: Snapshot;
  readonly identity: ServerIdentity;
  /** The agent is sent to a page by this answer. */
  shown(page: ElicitationIds): void;
}

export function answerEnd(answering: Answering, made: Answered): Answer {
  return withStatus(messageOf(answering, made), made.end, answering.inbound, answering.snapshot);
}

/** JSON-RPC says the rest; only these have an HTTP status of their own (SEP-2243; MCP basic, capabilities; MCP authorization, RFC 6750 §3.1). */
export function withStatus(message: RawJson | undefined, end: End, { origin, principal }: Inbound, { policy }: Snapshot): Answer {
  if (end.kind === 'denied' && end.reason.code === 'insufficient_scope') return { message, status: 403, scopes: challengedScopes(policy, principal, end.reason.scopes, origin.era) };
  if (isHidden(end)) return { message, status: 200, silent: true };
  if (end.kind === 'denied') return { message, status: end.reason.code === 'header_mismatch' ? 400 : 200 };
  return { message, status: end.kind === 'errored' && end.code === CODE.missingCapability && origin.era === 'modern' ? 400 : 200 };
}

function messageOf(answering: Answering, { end, answer }: Answered): RawJson | undefined {
  const { inbound, asked, call, snapshot, identity } = answering;
  const cx: DenialContext = { kind: call.target.kind, exposed: call.exposed, backend: call.target.backend, callId: call.id, codes: snapshot.settings.errorCodes };
  if (end.kind === 'denied' || end.kind === 'cancelled' || end.kind === 'failed') return unansweredMessage(inbound, asked, cx, end, identity);
  return answer === undefined ? failure(inbound.id, faultToWire({ code: 'protocol', detail: '' }, cx)) : relayed(answering, answer);
}

/** For a call that no backend answered. Undefined: its agent took it back. */
export function unansweredMessage(inbound: Inbound, asked: Asked, cx: DenialContext, end: Extract<End, { kind: 'denied' | 'cancelled' | 'failed' }>, identity: ServerIdentity): RawJson | undefined {
  const { id } = inbound;
  switch (end.kind) {
    case 'denied': return denied(inbound, asked, denialToWire(end.reason, cx), identity);
    case 'cancelled':
      if (end.by === 'agent') return undefined;
      if (end.by === 'kill') return denied(inbound, asked, denialToWire({ code: 'killed', scope: 'in flight', seen: true }, cx), identity);
      return failure(id, faultToWire({ code: end.by === 'shutdown' ? 'stopped' : 'cancelled' }, cx));
    case 'failed': return failure(id, faultToWire(end.fault, cx));
  }
}

function failure(id: RawJson, wire: { readonly message: string; readonly data: RawJson }): RawJson {
  return errorMessage(id, CODE.internal, wire.message, wire.data);
}

/** Only tools have results that say no (SEC51); all else is told by a JSON-RPC error under our own name. */
export function denied(inbound: Inbound, asked: Pick<Asked, 'unknown' | 'task'>, wire: WireDenial, identity: ServerIdentity): RawJson {
  switch (wire.kind) {
    case 'unknown': return unknownAnswer(inbound, asked);
    case 'error': return errorMessage(inbound.id, wire.code, wire.message, wire.data);
    case 'scope':
      if (inbound.origin.surface === 'http' || inbound.method !== 'tools/call') return errorMessage(inbound.id, CODE.invalidRequest, wire.text, objectOf([['sentinel', wire.detail]]));
      return toolError(inbound, wire.text, DENIAL_KEY, wire.detail, identity);
    case 'tool_error':
      if (inbound.method !== 'tools/call' || wishOf(asked.task, inbound.origin).wants === 'must') return errorMessage(inbound.id, CODE.internal, wire.text, objectOf([['sentinel', wire.detail]]));
      return toolError(inbound, wire.text, DENIAL_KEY, wire.detail, identity);
  }
}

/**
 * HTTP 404 is a MUST in the modern era, so that clients can tell it from another server's (SH16); in a session of before it means that the
 * session is gone, and the client would start again (SL2).
 */
export function notFound({ id, method, origin }: Inbound): Answer {
  return { message: errorMessage(id, CODE.methodNotFound, `Method not found: ${method.slice(0, 64)}`), status: origin.era === 'modern' ? 404 : 200, refusal: 'unknown_method' };
}

export function invalid({ id }: Pick<Inbound, 'id'>, message: string): Answer {
  return { message: errorMessage(id, CODE.invalidParams, message), status: 200, refusal: 'invalid_request' };
}

export function unknownAnswer({ id, origin }: Inbound, asked: Pick<Asked, 'unknown'>): RawJson {
  return wireError(id, asked.unknown(origin.era));
}

function wireError(id: RawJson, { code, message, data }: WireError): RawJson {
  return errorMessage(id, code, message, data);
}

function toolError({ id, origin }: Inbound, text: string, key: string, detail: RawJson, identity: ServerIdentity): RawJson {
  return resultMessage(id, ownResult(origin.era, toolErrorResult(text, key, detail), identity, false));
}

function relayed(answering: Answering, answer: Screened): RawJson {
  const { inbound, asked, call, snapshot, identity } = answering;
  const { id, origin } = inbound;
  if (answer.kind === 'own') return resultMessage(id, answer.body);
  if (answer.kind === 'own_error') return errorMessage(id, answer.code, answer.message);
  if (answer.kind === 'task') return errorMessage(id, CODE.internal, 'Internal error');
  if (answer.kind === 'result') {
    const body = relayedResult(answer.result, relayOf(answering));
    return resultMessage(id, call.kind === 'task' ? withRelatedTask(body, call.exposed) : body);
  }
  // The tool of a task is known to exist, and its errors are told where the task's are asked for.
  const said = errorFor(answer, { kind: call.kind === 'task' ? 'completion' : call.kind, exposed: asked.exposed, callId: call.id, asking: askingOf(call, origin, snapshot, call.id) });
  if (said.kind === 'error') for (const page of said.pages ?? []) answering.shown(page);
  return said.kind === 'error' ? wireError(id, said) : toolError(inbound, said.text, QUESTION_KEY, toRaw({ callId: call.id }), identity);
}

function relayOf({ inbound: { origin }, call, snapshot, identity }: Answering): ResultRelay {
  return {
    kind: call.kind === 'task' ? 'tool' : call.kind, to: origin, identity,
    expose: exposeFor(snapshot.catalog, origin.endpoint, call.target.backend),
    wraps: call.target.kind === 'tool' && origin.era === 'legacy' && wraps(call.target, snapshot, origin),
  };
}

function wraps({ backend, name }: Target, { catalog }: Snapshot, to: ResultRelay['to']): boolean {
  const definition = catalog.byBackend.get(backend)?.tools.get(name)?.definition;
  return definition !== undefined && wrapsStructured(definition, to);
}
