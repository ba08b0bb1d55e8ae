// The only translation from an internal reason to what an agent may read: short, stable, without policy detail.
// Every code has a page in docs/errors. Hidden and unknown are the same answer (SEC49, C01).
import type { TargetKind } from '../call.ts';
import type { DenyCode, DenyReason, LimitScope } from '../decision.ts';
import type { CallId } from '../ids.ts';
import { objectOf, toRaw } from '../json/compose.ts';
import type { RawJson } from '../json/scan.ts';
import type { BackendFault } from '../ports.ts';

export const DENIAL_CODES: Readonly<Record<DenyCode, string>> = {
  killed: 'SEN-0301',
  forbidden: 'SEN-0302',
  limited: 'SEN-0303',
  busy: 'SEN-0304',
  invalid_arguments: 'SEN-0305',
  guarded: 'SEN-0306',
  circuit_open: 'SEN-0307',
  backend_down: 'SEN-0308',
  audit_unavailable: 'SEN-0309',
  stage_failed: 'SEN-0310',
  header_mismatch: 'SEN-0312',
  insufficient_scope: 'SEN-0313',
};

export const UNKNOWN_NAME_CODE = 'SEN-0311';

export const FAULT_CODES: Readonly<Record<BackendFault['code'], string>> = {
  spawn_failed: 'SEN-0401',
  exited: 'SEN-0402',
  not_ready: 'SEN-0403',
  timeout: 'SEN-0404',
  protocol: 'SEN-0405',
  oversize: 'SEN-0406',
  unreachable: 'SEN-0407',
  http_status: 'SEN-0408',
  unauthorized: 'SEN-0409',
  queue_full: 'SEN-0410',
  cancelled: 'SEN-0411',
  stopped: 'SEN-0412',
};

/** How a denial looks on the wire, before ids are put on. A `tool_error` of what is no tool is a JSON-RPC error: only tools have such results. */
export type WireDenial =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'tool_error'; readonly text: string; readonly detail: RawJson }
  /** HTTP says it with a status and a challenge, beside a JSON-RPC error; elsewhere it is a tool error. */
  | { readonly kind: 'scope'; readonly text: string; readonly detail: RawJson }
  | { readonly kind: 'error'; readonly code: number; readonly message: string; readonly data: RawJson };

export interface DenialContext {
  readonly kind: TargetKind;
  readonly exposed: string;
  readonly backend: string;
  readonly callId: CallId;
  readonly codes: 'standard' | 'original';
}

export function denialToWire(reason: DenyReason, cx: DenialContext): WireDenial {
  if (reason.code === 'header_mismatch') return headerMismatch(reason, cx);
  return cx.codes === 'original' ? originalDenial(reason, cx) : standardDenial(reason, cx);
}

type Mismatch = Extract<DenyReason, { code: 'header_mismatch' }>;
type OtherReason = Exclude<DenyReason, Mismatch>;

/** HeaderMismatch, the specification's own code: a client that reads it asks for the list again and then repeats the call (SEP-2243). */
function headerMismatch(reason: Mismatch, cx: DenialContext): WireDenial {
  const data = toRaw({ sentinel: { code: DENIAL_CODES.header_mismatch, reason: reason.code, callId: cx.callId } });
  return { kind: 'error', code: -32020, message: `Header mismatch: ${reason.header} ${HEADER_WORDS[reason.problem]}`, data };
}

const HEADER_WORDS: Readonly<Record<Mismatch['problem'], string>> = {
  missing: 'is missing',
  unreadable: 'is not readable',
  different: 'is not the argument in the body',
  unexpected: 'has no argument in the body',
};

function standardDenial(reason: OtherReason, cx: DenialContext): WireDenial {
  if (reason.code === 'forbidden' || (reason.code === 'killed' && !reason.seen)) return { kind: 'unknown' };
  const [text, detail] = [`${sentence(reason, cx.kind)} (${DENIAL_CODES[reason.code]}, call ${cx.callId})`, detailOf(reason, cx)];
  // The specification's own code for a prompt whose required arguments are missing.
  if (reason.code === 'invalid_arguments' && cx.kind !== 'tool') return { kind: 'error', code: -32602, message: text, data: objectOf([['sentinel', detail]]) };
  return { kind: reason.code === 'insufficient_scope' ? 'scope' : 'tool_error', text, detail };
}

function detailOf(reason: DenyReason, cx: DenialContext): RawJson {
  return toRaw({ code: DENIAL_CODES[reason.code], reason: reason.code, callId: cx.callId, ...retryOf(reason), ...errorsOf(reason), ...(reason.code === 'insufficient_scope' ? { scopes: reason.scopes } : {}) });
}

function retryOf(reason: DenyReason): { retryAfterMs?: number } {
  if ((reason.code === 'limited' || reason.code === 'circuit_open') && reason.retryAfterMs !== undefined) return { retryAfterMs: Math.ceil(reason.retryAfterMs) };
  return {};
}

function errorsOf(reason: DenyReason): { errors?: readonly { path: string; message: string }[] } {
  return reason.code === 'invalid_arguments' ? { errors: reason.errors.map(({ path, message }) => ({ path, message })) } : {};
}

const LIMIT_WORDS: Readonly<Record<Exclude<LimitScope, 'principal'>, string>> = {
  role: 'the limit of your role',
  backend: 'the limit of this backend',
  global: 'the limit of this gateway',
  probe: 'the limit for refused calls',
};

function limitWords(scope: LimitScope, kind: TargetKind): string {
  return scope === 'principal' ? `your limit for this ${kind}` : LIMIT_WORDS[scope];
}

function sentence(reason: OtherReason, kind: TargetKind): string {
  switch (reason.code) {
    case 'killed': return `This ${kind} is switched off by the operator.`;
    case 'forbidden': return 'Not permitted.';
    case 'insufficient_scope': return `The token does not have the ${reason.scopes.length === 1 ? 'scope' : 'scopes'} that this ${kind} needs: ${reason.scopes.join(' ')}.`;
    case 'limited': return `Rate limit reached: ${limitWords(reason.scope, kind)}, ${reason.limit} in ${reason.windowMs / 1000} s.${waitWords(capped(reason.retryAfterMs, reason.windowMs))}`;
    case 'busy': return `Too many calls at once (at most ${reason.limit}). Try again when one has ended.`;
    case 'invalid_arguments': return `Invalid arguments: ${reason.errors.map((error) => `${error.path === '' ? '/' : error.path} ${error.message}`).join('; ')}.`;
    case 'guarded': return 'Refused by a content guard.';
    case 'circuit_open': return `This backend is failing and is left alone for now.${waitWords(reason.retryAfterMs)}`;
    case 'backend_down': return 'This backend is not available now.';
    case 'audit_unavailable': return 'The call could not be recorded, so it was not made.';
    case 'stage_failed': return 'The call could not be decided, so it was not made.';
  }
}

/** Windows slide in steps, so that the wait may be one step longer than the window is said to be: `retryAfterMs` says it exactly. */
function capped(ms: number | undefined, most: number): number | undefined {
  return ms === undefined ? undefined : Math.min(ms, most);
}

function waitWords(ms: number | undefined): string {
  return ms === undefined ? '' : ` Try again in ${Math.max(1, Math.ceil(ms / 1000))} s.`;
}

/** `compat.error_codes = "original"`: the original's JSON-RPC codes and message stems. */
function originalDenial(reason: OtherReason, cx: DenialContext): WireDenial {
  const { kind } = cx;
  const error = (code: number, message: string, data: object = {}): WireDenial => ({ kind: 'error', code, message, data: toRaw({ ...data, callId: cx.callId }) });
  switch (reason.code) {
    case 'killed': return error(-32005, reason.scope.startsWith('backend ') ? `Backend is disabled: ${cx.backend}` : `${NOUNS[kind]} is disabled: ${cx.exposed}`);
    case 'insufficient_scope': return error(-32003, `Permission denied for ${kind}: ${cx.exposed}`, { scopes: reason.scopes });
    case 'forbidden': return error(-32003, `Permission denied for ${kind}: ${cx.exposed}`);
    case 'limited': return error(-32004, `Rate limit exceeded for ${kind}: ${cx.exposed}`, secondsOf(reason.retryAfterMs));
    case 'busy': return error(-32004, `Rate limit exceeded for ${kind}: ${cx.exposed}`, { retryAfter: 1 });
    case 'invalid_arguments': return error(-32602, `Invalid arguments for ${kind} ${cx.exposed}: ${reason.errors.map((e) => `${e.message} at ${e.path === '' ? '/' : e.path}`).join('; ')}`);
    case 'guarded': return error(-32003, `Permission denied for ${kind}: ${cx.exposed}`);
    case 'circuit_open': return error(-32007, `Backend circuit open: ${cx.backend}`);
    case 'backend_down': return error(-32603, `Backend unavailable: ${cx.backend}`);
    case 'audit_unavailable':
    case 'stage_failed': return error(-32603, sentence(reason, kind));
  }
}

const NOUNS: Readonly<Record<TargetKind, string>> = { tool: 'Tool', prompt: 'Prompt', resource: 'Resource' };

function secondsOf(ms: number | undefined): { retryAfter?: number } {
  return ms === undefined ? {} : { retryAfter: Math.max(1, Math.ceil(ms / 1000)) };
}

/** Generic words per fault; what really happened stands in the log and the audit under the call id. */
export function faultToWire(fault: BackendFault, cx: DenialContext): { readonly message: string; readonly data: RawJson } {
  const message = cx.codes === 'original' && (fault.code === 'not_ready' || fault.code === 'stopped' || fault.code === 'spawn_failed')
    ? `Backend unavailable: ${cx.backend}`
    : `Backend error: ${FAULT_WORDS[fault.code]}`;
  // Under our own name, so that a local failure cannot be mistaken for the backend's own answer (MCP basic).
  return { message, data: toRaw({ sentinel: { code: FAULT_CODES[fault.code], fault: fault.code, callId: cx.callId } }) };
}

const FAULT_WORDS: Readonly<Record<BackendFault['code'], string>> = {
  spawn_failed: 'it could not be started',
  exited: 'it ended during the call',
  not_ready: 'it is not ready',
  timeout: 'it did not answer in time',
  protocol: 'its answer was not valid MCP',
  oversize: 'its answer is too large',
  unreachable: 'it cannot be reached',
  http_status: 'it refused the request',
  unauthorized: 'it refused the gateway\u2019s own credentials',
  queue_full: 'too many calls are waiting for it',
  cancelled: 'the call was cancelled',
  stopped: 'it is being stopped',
};

/** Byte-identical for hidden and non-existing names: no call id, no code, nothing that differs (C01). */
export function unknownNameMessage(kind: 'tool' | 'prompt', exposed: string): string {
  return `Unknown ${kind}: ${exposed}`;
}
