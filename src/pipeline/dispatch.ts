// From a Permit to a backend's answer: durable intent, lease, the kill switch once more, the call, and what it tells the breaker.
import type { Call } from '../core/call.ts';
import type { Decision, DenyReason, Evidence } from '../core/decision.ts';
import { isOpen, decide } from '../core/policy/decide.ts';
import { compilePattern, matches } from '../core/policy/globs.ts';
import type { Permit } from '../core/permit.ts';
import type { AuditStore, Backend, BackendAnswer, BackendFault, CallIo, Clock, Random, Timers } from '../core/ports.ts';
import { err, type Result } from '../core/result.ts';
import type { BackendSettings } from '../core/settings.ts';
import type { Runtime, Snapshot } from '../core/snapshot.ts';
import { evidence } from './admit.ts';
import type { Health, Leases } from './lease.ts';

export interface DispatchDeps {
  readonly runtime: Runtime;
  readonly audit: AuditStore;
  readonly leases: Leases;
  readonly clock: Clock;
  readonly random: Random;
  readonly timers: Timers;
  /** The one that runs, or still drains, by exactly these settings. */
  backend(settings: BackendSettings): Backend | undefined;
}

export type Dispatched =
  | { readonly kind: 'denied'; readonly reason: DenyReason; readonly evidence: Evidence }
  | { readonly kind: 'done'; readonly result: Result<BackendAnswer, BackendFault>; readonly attempts: number };

export async function dispatch(permit: Permit, snapshot: Snapshot, io: CallIo, deps: DispatchDeps): Promise<Dispatched> {
  const { call, trail, revision } = permit;
  const intended = await deps.audit.intend({ call, trail, revision, configHash: snapshot.configHash });
  if (!intended.ok && !mayGoUnrecorded(call, snapshot)) return deny('intent', 'audit:required', { code: 'audit_unavailable' }, intended.error.code);

  // By the pinned settings: the id alone could lead to what a newer revision has put in its place, which nobody allowed this call.
  const settings = snapshot.settings.backends.find((row) => row.id === call.target.backend);
  const backend = settings === undefined ? undefined : deps.backend(settings);
  if (backend === undefined || settings === undefined) return deny('lease', 'backend:absent', { code: 'backend_down', detail: 'replaced or removed by a reload' });

  const lease = deps.leases.take(call, snapshot, settings, deps.clock.mono());
  if (!lease.ok) return deny('lease', `lease:${lease.error.code}`, lease.error);
  try {
    // A kill may have come while the intent was written or the arguments were checked: ask the newest word, not the pinned one.
    const kill = killOf(call, deps);
    if (kill !== undefined) {
      lease.value.report('neutral');
      return deny('kill', kill.rule, kill.reason);
    }
    const { result, attempts } = await attempt(backend, permit, io, settings, deps);
    lease.value.report(healthOf(result));
    return { kind: 'done', result, attempts };
  } finally {
    lease.value.release();
  }
}

/**
 * Only with the operator's leave, and only a tool that says of itself that it changes nothing (design §7). That hint is the
 * backend's word: it narrows the leave, it never grants one.
 */
function mayGoUnrecorded(call: Call, { settings, catalog }: Snapshot): boolean {
  return settings.audit.onFailure === 'continue' && catalog.byBackend.get(call.target.backend)?.tools.get(call.target.name)?.hints.readOnly === true;
}

function killOf(call: Call, { runtime, clock }: DispatchDeps): Extract<Decision, { kind: 'deny' }> | undefined {
  const { kill } = decide(runtime.current().policy, call.principal, call.target, clock.wall());
  return !isOpen(kill) && kill.kind === 'deny' ? kill : undefined;
}

function deny(stage: string, rule: string, reason: DenyReason, note?: string): Dispatched {
  const decision = { kind: 'deny', rule, reason, ...(note === undefined ? {} : { note }) } as const;
  return { kind: 'denied', reason, evidence: evidence(stage, decision, 'enforce') };
}

/** Sent once, unless the operator declared the tool idempotent; then again after faults that another try may cure. */
async function attempt(backend: Backend, permit: Permit, io: CallIo, settings: BackendSettings, deps: DispatchDeps): Promise<{ result: Result<BackendAnswer, BackendFault>; attempts: number }> {
  let result = await called(backend, permit, io);
  let attempts = 1;
  while (!result.ok && !io.signal.aborted && isTransient(result.error) && attempts <= settings.retries && isIdempotent(permit.call, settings)) {
    await pause(backoffMs(attempts, deps.random), io.signal, deps.timers);
    // Killed between two tries, and not cancelled because `cancel_in_flight` is off: it still must not be sent again.
    if (io.signal.aborted || killOf(permit.call, deps) !== undefined) break;
    result = await called(backend, permit, io);
    attempts += 1;
  }
  return { result, attempts };
}

/** A throw is a bug of ours, but the call may have reached the backend: it ends as a fault on record, not as a hole in it. */
async function called(backend: Backend, permit: Permit, io: CallIo): Promise<Result<BackendAnswer, BackendFault>> {
  try {
    return await backend.call(permit, io);
  } catch (error) {
    return err({ code: 'protocol', detail: `the client of this backend failed: ${error instanceof Error ? error.message.slice(0, 200) : 'unknown'}` });
  }
}

function isIdempotent(call: Call, settings: BackendSettings): boolean {
  return settings.idempotent.some((text) => {
    const pattern = compilePattern(text.includes('/') ? text : `${settings.id}/${text}`);
    return pattern.ok && matches(pattern.value, call.target);
  });
}

const BACKOFF_BASE_MS = 100;
const BACKOFF_CAP_MS = 2000;

function backoffMs(attempts: number, random: Random): number {
  const step = Math.min(BACKOFF_BASE_MS * 2 ** (attempts - 1), BACKOFF_CAP_MS);
  return step / 2 + random.float() * (step / 2);
}

function pause(ms: number, signal: AbortSignal, timers: Timers): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      undo();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const undo = timers.after(ms, done);
    signal.addEventListener('abort', done, { once: true });
  });
}

function isTransient(fault: BackendFault): boolean {
  switch (fault.code) {
    case 'exited':
    case 'not_ready':
    case 'timeout':
    case 'unreachable': return true;
    case 'http_status': return fault.status === 429 || fault.status >= 500;
    case 'spawn_failed':
    case 'protocol':
    case 'oversize':
    case 'unauthorized':
    case 'queue_full':
    case 'cancelled':
    case 'stopped': return false;
  }
}

/** What a call says about its backend's health. An agent's own mistake or change of mind says nothing (E8). */
function healthOf(result: Result<BackendAnswer, BackendFault>): Health {
  if (result.ok) return result.value.kind === 'error' && result.value.code === -32603 ? 'doubtful' : 'success';
  const fault = result.error;
  switch (fault.code) {
    case 'spawn_failed':
    case 'exited':
    case 'unreachable': return 'failure';
    case 'not_ready': return fault.starts ?? 'neutral';
    case 'timeout':
    case 'protocol': return 'doubtful';
    case 'http_status': return fault.status >= 500 ? 'doubtful' : 'neutral';
    case 'oversize':
    case 'unauthorized':
    case 'queue_full':
    case 'cancelled':
    case 'stopped': return 'neutral';
  }
}
