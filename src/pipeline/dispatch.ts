// From a Permit to a backend: durable intent, lease, the kill switch once more, and what the backend's answer tells the breaker.
import type { Call } from '../core/call.ts';
import type { Decision, DenyReason, Evidence } from '../core/decision.ts';
import { isOpen, decide } from '../core/policy/decide.ts';
import type { Permit } from '../core/permit.ts';
import type { AuditStore, Backend, BackendFault, Clock, Random, Timers } from '../core/ports.ts';
import type { Result } from '../core/result.ts';
import type { BackendSettings } from '../core/settings.ts';
import type { Runtime, Snapshot } from '../core/snapshot.ts';
import { evidence } from './admit.ts';
import { judge } from './judged.ts';
import type { Health, Leases, Place } from './lease.ts';

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

export type Dispatched<T> =
  | { readonly kind: 'denied'; readonly reason: DenyReason; readonly evidence: Evidence }
  | { readonly kind: 'done'; readonly result: Result<T, BackendFault> };

export interface Performed<T> {
  readonly result: Result<T, BackendFault>;
  readonly health: Health;
}

export async function dispatch<T>(permit: Permit, snapshot: Snapshot, deps: DispatchDeps, perform: (backend: Backend, settings: BackendSettings, place: Place) => Promise<Performed<T>>): Promise<Dispatched<T>> {
  const { call, trail, revision } = permit;
  const judged = judge(call, trail, snapshot);
  const intended = await deps.audit.intend({ call, trail, revision, configHash: snapshot.configHash, judged });
  // Only with the operator's leave, and never what may change something (design §7).
  if (!intended.ok && (judged.changes || snapshot.settings.audit.onFailure !== 'continue')) return deny('intent', 'audit:required', { code: 'audit_unavailable' }, intended.error.code);

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
    const { result, health } = await perform(backend, settings, lease.value);
    lease.value.report(health);
    return { kind: 'done', result };
  } finally {
    lease.value.release();
  }
}

/** The newest word of the operators, not the pinned one. */
export function killOf(call: Call, { runtime, clock }: Pick<DispatchDeps, 'runtime' | 'clock'>): Extract<Decision, { kind: 'deny' }> | undefined {
  const { kill } = decide(runtime.current().policy, call.principal, call.target, clock.wall());
  return !isOpen(kill) && kill.kind === 'deny' ? kill : undefined;
}

function deny(stage: string, rule: string, reason: DenyReason, note?: string): Extract<Dispatched<never>, { kind: 'denied' }> {
  const decision = { kind: 'deny', rule, reason, ...(note === undefined ? {} : { note }) } as const;
  return { kind: 'denied', reason, evidence: evidence(stage, decision, 'enforce') };
}
