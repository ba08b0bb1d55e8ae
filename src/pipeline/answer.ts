// From the end of a call to the message the agent reads.
import type { ToolCall } from '../core/call.ts';
import type { Answer, Inbound } from '../core/inbound.ts';
import { toRaw, withMembers } from '../core/json/compose.ts';
import type { RawJson } from '../core/json/scan.ts';
import { kindOf } from '../core/json/slice.ts';
import type { End } from '../core/outcome.ts';
import type { Snapshot } from '../core/snapshot.ts';
import { denialToWire, faultToWire, unknownNameMessage, type DenialContext } from '../core/wire/denials.ts';
import { DENIAL_KEY, type ServerIdentity } from '../relay/meta.ts';
import { ownResult, relayedResult, toolErrorResult } from '../relay/results.ts';
import { CODE, errorMessage, resultMessage } from '../relay/rpc.ts';
import type { Screened } from './screen.ts';

export interface Answered {
  readonly end: End;
  readonly answer: Screened | undefined;
}

export function answerEnd(inbound: Inbound, call: ToolCall, made: Answered, snapshot: Snapshot, identity: ServerIdentity): Answer {
  return { message: messageOf(inbound, call, made, snapshot, identity), status: statusOf(made.end) };
}

/** JSON-RPC says the rest; only this refusal MUST be HTTP 400 (SEP-2243). */
function statusOf(end: End): number {
  return end.kind === 'denied' && end.reason.code === 'header_mismatch' ? 400 : 200;
}

function messageOf(inbound: Inbound, call: ToolCall, { end, answer }: Answered, snapshot: Snapshot, identity: ServerIdentity): RawJson | undefined {
  const { id } = inbound;
  const cx: DenialContext = { exposed: call.exposed, backend: call.target.backend, callId: call.id, codes: snapshot.settings.errorCodes };
  switch (end.kind) {
    case 'denied': return denied(inbound, denialToWire(end.reason, cx), call.exposed, identity);
    case 'cancelled':
      if (end.by === 'agent') return undefined;
      if (end.by === 'kill') return denied(inbound, denialToWire({ code: 'killed', scope: 'in flight', seen: true }, cx), call.exposed, identity);
      return failure(id, faultToWire({ code: end.by === 'shutdown' ? 'stopped' : 'cancelled' }, cx));
    case 'failed': return failure(id, faultToWire(end.fault, cx));
    case 'errored':
    case 'input_required':
    case 'answered': return answer === undefined ? failure(id, faultToWire({ code: 'protocol', detail: '' }, cx)) : relayed(inbound, call, answer, identity);
  }
}

function failure(id: RawJson, wire: { readonly message: string; readonly data: RawJson }): RawJson {
  return errorMessage(id, CODE.internal, wire.message, wire.data);
}

export function denied(inbound: Inbound, wire: ReturnType<typeof denialToWire>, exposed: string, identity: ServerIdentity): RawJson {
  switch (wire.kind) {
    case 'unknown': return unknownTool(inbound.id, exposed);
    case 'error': return errorMessage(inbound.id, wire.code, wire.message, wire.data);
    case 'tool_error': return resultMessage(inbound.id, ownResult(inbound.origin.era, toolErrorResult(wire.text, DENIAL_KEY, wire.detail), identity, false));
  }
}

/** The same bytes for a hidden and for a non-existing name (C01). */
export function unknownTool(id: RawJson, name: string): RawJson {
  return errorMessage(id, CODE.invalidParams, unknownNameMessage(name.slice(0, 128)));
}

function relayed(inbound: Inbound, call: ToolCall, answer: Screened, identity: ServerIdentity): RawJson {
  if (answer.kind === 'result') return resultMessage(inbound.id, relayedResult(inbound.origin.era, answer.result, identity));
  // Our view was stale: the backend no longer has the tool (§4.4). Codes of one hop are never relayed as our own (§4.17).
  if (answer.code === CODE.methodNotFound) return unknownTool(inbound.id, call.exposed);
  const code = isRelayable(answer.code) ? answer.code : CODE.internal;
  return errorMessage(inbound.id, code, answer.message, answer.data === undefined ? toRaw({ sentinel: { callId: call.id } }) : withoutOwnWords(answer.data));
}

/** `data.sentinel` is how an agent tells our faults from a backend's: no backend may write it. */
function withoutOwnWords(data: RawJson): RawJson {
  return kindOf(data) === 'object' ? withMembers(data, { drop: ['sentinel'] }) : data;
}

/** JSON-RPC's own and application codes pass; -32020..-32099 belong to the hop, -32000..-32019 mean nothing to others. */
function isRelayable(code: number): boolean {
  return code === CODE.invalidParams || code === CODE.invalidRequest || code === CODE.internal || code < -32768 || code > -32000;
}
