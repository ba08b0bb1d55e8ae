// Whether the gateway can do its work now, condition by condition. `/ready`, `/readyz`, `status` and the metrics say the same.
import type { Condition, Readiness } from '../core/operations.ts';
import type { AuditStore, BackendStatus } from '../core/ports.ts';
import type { CircuitView } from '../core/operations.ts';
import type { Snapshot } from '../core/snapshot.ts';

/** The journal on its way to PostgreSQL. */
export interface Shipping {
  readonly state: string;
  readonly lagRecords: number;
  /** Time of the oldest record that has not arrived. */
  readonly lagOldest: number | undefined;
  readonly fault: { readonly code: string; readonly detail: string } | undefined;
  readonly trouble: string | undefined;
}

export interface ReadinessInput {
  readonly snapshot: Snapshot;
  readonly listening: boolean;
  readonly draining: boolean;
  readonly backends: readonly BackendStatus[];
  readonly circuits: readonly CircuitView[];
  readonly audit: ReturnType<AuditStore['health']>;
  /** Undefined: nothing is shipped. */
  readonly shipping: Shipping | undefined;
}

export function readinessOf(input: ReadinessInput): Readiness {
  const conditions = [listeners(input), draining(input), backends(input), audit(input), ...shipping(input)];
  return { ready: conditions.every((one) => one.ok), conditions };
}

function listeners({ listening }: ReadinessInput): Condition {
  return { name: 'listeners', ok: listening, note: listening ? 'accepting' : 'not bound' };
}

function draining(input: ReadinessInput): Condition {
  return { name: 'shutdown', ok: !input.draining, note: input.draining ? 'draining' : 'not requested' };
}

/** As in the original: at least one backend can be called. A dead child or an open breaker counts as down (E10). */
function backends({ backends: all, circuits }: ReadinessInput): Condition {
  const open = new Set(circuits.filter((one) => one.state === 'open').map((one) => one.backend));
  const up = all.filter((one) => one.state === 'ready' && !open.has(one.id));
  if (all.length === 0) return { name: 'backends', ok: false, note: 'no backends registered' };
  return { name: 'backends', ok: up.length > 0, note: `${up.length} of ${all.length} up` };
}

function audit({ snapshot, audit: health }: ReadinessInput): Condition {
  if (!snapshot.settings.audit.enabled) return { name: 'audit', ok: true, note: 'switched off' };
  const ok = health.fault === undefined || snapshot.settings.audit.onFailure === 'continue';
  return { name: 'audit', ok, note: health.fault === undefined ? 'writing' : `${health.fault.code}: ${health.failed} records could not be written` };
}

/** No call waits for PostgreSQL, so its absence makes nothing unready; that a person must look at it does. */
function shipping({ shipping: health }: ReadinessInput): readonly Condition[] {
  if (health === undefined) return [];
  const { state, lagRecords, lagOldest, fault, trouble } = health;
  const since = lagOldest === undefined ? '' : `, the oldest of ${new Date(lagOldest).toISOString()}`;
  const note = [`${state}: ${lagRecords} records behind${since}`, fault?.code, trouble].filter((one) => one !== undefined).join('; ');
  return [{ name: 'audit_shipping', ok: state !== 'halted', note }];
}
