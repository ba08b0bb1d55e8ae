// Why a call did not end well, in one line for auditors: the `error_message` of the audit_log view. Never values of arguments.
import type { DenyReason } from '../core/decision.ts';
import type { End, RefusalReason } from '../core/outcome.ts';
import type { BackendFault } from '../core/ports.ts';

export function faultText(end: End): string | undefined {
  switch (end.kind) {
    case 'answered': return end.isError ? 'the tool answered with isError' : undefined;
    case 'input_required':
    case 'task_created': return undefined;
    case 'errored': return `the backend answered with error ${end.code}`;
    case 'failed': return backendText(end.fault);
    case 'cancelled': return `cancelled by ${end.by}`;
    case 'denied': return denyText(end.reason);
  }
}

function backendText(fault: BackendFault): string {
  switch (fault.code) {
    case 'timeout': return `timeout after ${fault.afterMs} ms`;
    case 'oversize': return `oversize: more than ${fault.limit} bytes`;
    case 'http_status':
    case 'unauthorized': return `${fault.code}: HTTP ${fault.status}`;
    case 'queue_full': return `queue_full: ${fault.limit} waiting`;
    case 'cancelled':
    case 'stopped': return fault.code;
    default: return `${fault.code}: ${fault.detail}`;
  }
}

function denyText(reason: DenyReason): string {
  switch (reason.code) {
    case 'killed': return `killed: ${reason.scope}`;
    case 'forbidden': return `forbidden: ${reason.rule}`;
    case 'insufficient_scope': return `insufficient_scope: ${reason.scopes.join(' ')}`;
    case 'limited': return `limited: ${reason.limit} per ${reason.windowMs / 1000} s (${reason.scope})`;
    case 'busy': return `busy: ${reason.limit} at a time (${reason.scope})`;
    case 'invalid_arguments': return `invalid_arguments: ${reason.errors.slice(0, 5).map(({ place, keyword }) => `${place === '' ? '/' : place} ${keyword}`).join('; ')}`;
    case 'header_mismatch': return `header_mismatch: ${reason.header} ${reason.problem}`;
    case 'guarded': return `guarded: ${reason.finding.rule}`;
    case 'circuit_open': return `circuit_open: again in ${reason.retryAfterMs} ms`;
    case 'backend_down': return `backend_down: ${reason.detail}`;
    case 'audit_unavailable': return reason.code;
    case 'stage_failed': return `stage_failed: ${reason.stage}`;
  }
}

/** A `requestState`, cursor or task id that an agent gave back. */
const HANDLE_FAULTS: Readonly<Record<Extract<RefusalReason, { code: 'bad_handle' }>['handle'], string>> = {
  forged: 'not made by this gateway, or changed',
  foreign: 'made for another principal',
  mismatch: 'made for another request',
  used: 'used before',
  expired: 'too old',
};

export function refusalText(reason: RefusalReason): string {
  switch (reason.code) {
    case 'unauthenticated': return `unauthenticated: ${reason.failure}`;
    case 'bad_handle': return `bad_handle: ${HANDLE_FAULTS[reason.handle]}`;
    case 'probe_limited': return `probe_limited: again in ${reason.retryAfterMs} ms`;
    default: return reason.code;
  }
}
