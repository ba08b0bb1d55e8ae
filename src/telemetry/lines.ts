// What is said in the log about calls and about the gateway: one line each, at a level that can be alerted on.
import type { Call } from '../core/call.ts';
import type { LifecycleEvent } from '../core/lifecycle.ts';
import { statusOf, type CallOutcome, type Outcome, type Refusal, type RefusalReason, type Took } from '../core/outcome.ts';
import type { Principal } from '../core/principal.ts';
import { codeOf, rulingOf, verdictOf } from '../core/ruling.ts';
import type { Log, LogFields } from './log.ts';

/** A subscriber of outcomes. */
export function outcomeLine(log: Log): (outcome: Outcome) => void {
  return (outcome) => {
    if (outcome.kind === 'refused') log[ENDLESS.has(outcome.reason.code) ? 'debug' : 'info'](refusalFields(outcome), 'refused');
    else log.info(callFields(outcome), verdictOf(outcome) === 'deny' ? 'denied' : 'call');
  };
}

/** Refusals that no limit ends: a caller could otherwise write a line with every request. */
const ENDLESS: ReadonlySet<RefusalReason['code']> = new Set<RefusalReason['code']>(['probe_limited', 'unknown_method', 'invalid_request']);

/** A subscriber of lifecycle events. */
export function lifecycleLine(log: Log): (event: LifecycleEvent) => void {
  return (event) => {
    const level = levelOf(event);
    log[level](eventFields(event), event.kind);
  };
}

function callFields(outcome: CallOutcome): LogFields {
  const { call, trail, revision, end, took } = outcome;
  const ruling = rulingOf(trail);
  return {
    call: call.id, backend: call.target.backend, decision: verdictOf(outcome), status: statusOf(outcome), code: codeOf(outcome),
    rule: ruling?.rule, mode: ruling?.mode, revision, surface: call.origin.surface, took_ms: tookMs(took),
    untrusted: { target: call.target.name, ...who(call.principal), client: client(call), fault: detailOf(end) },
  };
}

function refusalFields(refusal: Refusal): LogFields {
  const { reason } = refusal;
  return {
    call: refusal.id, decision: 'deny', status: statusOf(refusal), code: reason.code,
    ...(reason.code === 'unauthenticated' ? { failure: reason.failure } : {}),
    revision: refusal.revision, surface: refusal.surface,
    untrusted: { peer: refusal.peer, method: refusal.method, name: refusal.name, ...(refusal.principal === undefined ? {} : who(refusal.principal)) },
  };
}

function who({ subject, roles }: Principal): { readonly subject: string; readonly roles: string } {
  return { subject, roles: roles.join(',') };
}

function client({ origin }: Call): string | undefined {
  return origin.client === undefined ? undefined : `${origin.client.name} ${origin.client.version}`;
}

/** Backends word their own faults. */
function detailOf(end: CallOutcome['end']): string | undefined {
  return end.kind === 'failed' && 'detail' in end.fault ? end.fault.detail : undefined;
}

function tookMs({ admitMs, queueMs, dispatchMs, screenMs }: Took): number {
  return Math.round((admitMs + (queueMs ?? 0) + (dispatchMs ?? 0) + (screenMs ?? 0)) * 1000) / 1000;
}

function levelOf(event: LifecycleEvent): 'error' | 'warn' | 'info' {
  switch (event.kind) {
    case 'reload_refused': return 'error';
    case 'killed':
    case 'unkilled':
    case 'token_revoked': return 'warn';
    case 'tasks_ended': return event.left > 0 ? 'warn' : 'info';
    case 'backend': return event.state === 'failed' || event.state === 'backing_off' ? 'warn' : 'info';
    default: return 'info';
  }
}

/** Texts of an event that the gateway or its configuration made; all others may hold what somebody typed or a backend said. */
const OWN_TEXTS: ReadonlySet<string> = new Set(['version', 'configHash', 'backend', 'state', 'what']);

/** Said by the line itself: its message and its time. */
const SAID: ReadonlySet<string> = new Set(['id', 'wall', 'kind']);

function eventFields(event: LifecycleEvent): LogFields {
  const fields: Record<string, unknown> = { event: event.id };
  const untrusted: Record<string, string> = {};
  for (const [key, value] of Object.entries(event)) {
    if (SAID.has(key)) continue;
    const name = key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    if (typeof value === 'number' || OWN_TEXTS.has(key)) fields[name] = value;
    else if (value !== undefined) untrusted[name] = Array.isArray(value) ? value.join('; ') : String(value);
  }
  return { ...fields, untrusted };
}
