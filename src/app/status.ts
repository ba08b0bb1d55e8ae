// What `sentinel status` shows: one plain report of everything that is going on, and what should be done about it.
import { unmatchedPatterns } from '../config/compile.ts';
import type { ExportView, ShippingView, StatusReport } from '../core/operations.ts';
import type { Timestamp } from '../core/ids.ts';
import type { Gateway } from './compose.ts';
import type { AppDeps } from './deps.ts';
import { policySentence } from './explain.ts';
import type { ExportHealth } from './exports.ts';
import { killViews } from './kills.ts';
import { readinessOf, type Shipping } from './readiness.ts';
import type { LastReload } from './reload.ts';

export interface Standing {
  readonly startedAt: Timestamp;
  readonly configFile: string | undefined;
  readonly endpoint: string;
  readonly health: string;
  readonly listening: boolean;
  readonly draining: boolean;
  readonly sessions: number;
  readonly lastReload: LastReload | undefined;
}

export function statusReport(gateway: Gateway, standing: Standing, deps: AppDeps): StatusReport {
  const snapshot = gateway.cell.current();
  const { settings } = snapshot;
  const backends = gateway.edges.fleet.statuses();
  const circuits = gateway.leases.circuits(settings.backends.map((row) => row.id));
  const audit = gateway.memory.audit.health();
  return {
    version: deps.version,
    pid: process.pid,
    startedAt: standing.startedAt,
    endpoint: standing.endpoint,
    health: standing.health,
    controlSocket: settings.gateway.controlSocket,
    configFile: standing.configFile,
    revision: snapshot.revision,
    configHash: snapshot.configHash,
    lastReload: standing.lastReload,
    readiness: readinessOf({ snapshot, listening: standing.listening, draining: standing.draining, backends, circuits, audit, shipping: gateway.memory.shipping() }),
    backends,
    circuits,
    tools: snapshot.catalog.tools.length,
    prompts: snapshot.catalog.prompts.length,
    resources: snapshot.catalog.resources.length + snapshot.catalog.templates.length,
    policy: policySentence(snapshot, deps.clock),
    kills: killViews(snapshot, gateway.cell.overrides(), deps.clock.wall()),
    inflight: gateway.inflight.size,
    parked: gateway.parking.size,
    follows: gateway.subscriptions.open,
    tasks: gateway.tasks.size,
    sessions: standing.sessions,
    store: settings.audit.enabled ? gateway.memory.engine : 'none',
    exports: gateway.exports.health().map(exportView),
    shipping: shippingView(gateway.memory.shipping()),
    warnings: warningsOf(gateway, standing, deps),
  };
}

function exportView({ name, lag, missing, inARow, elsewhere, fault, failingSince }: ExportHealth): ExportView {
  return { name, state: elsewhere ? 'elsewhere' : inARow > 0 ? 'failing' : 'up', since: inARow > 0 ? failingSince : undefined, lag, missing, reason: fault };
}

function shippingView(health: Shipping | undefined): ShippingView | undefined {
  if (health === undefined) return undefined;
  const { state, lagRecords, lagOldest, fault, trouble } = health;
  return { state, behind: lagRecords, oldest: lagOldest, reason: fault?.detail ?? trouble };
}

function auditWarnings({ memory, exports }: Gateway): readonly string[] {
  const warnings: string[] = [];
  const { fault, failed } = memory.audit.health();
  if (fault !== undefined) warnings.push(`the audit store is ${fault.code}, ${failed} records could not be written: sentinel doctor`);
  const shipping = shippingView(memory.shipping());
  if (shipping?.reason !== undefined) warnings.push(`the audit on its way to PostgreSQL is ${shipping.state}, ${shipping.behind} records behind (${shipping.reason}): sentinel doctor`);
  for (const { name, state, reason } of exports.health().map(exportView)) {
    if (state === 'failing') warnings.push(`the export ${name} of the audit fails (${reason ?? ''}); once it is mended: sentinel reload`);
  }
  return warnings;
}

function warningsOf(gateway: Gateway, standing: Standing, deps: AppDeps): readonly string[] {
  const { policy, catalog, settings } = gateway.cell.current();
  const warnings: string[] = [];
  if (standing.lastReload?.ok === false) warnings.push(`the last reload was refused (${standing.lastReload.problems.length} ${standing.lastReload.problems.length === 1 ? 'problem' : 'problems'}); the running revision is unchanged: sentinel check`);
  for (const one of unmatchedPatterns(policy, catalog, settings.backends.map((row) => row.id))) warnings.push(`${one.rule} names ${one.pattern}, which matches nothing known: sentinel tools --all-kinds`);
  for (const problem of catalog.problems) warnings.push(`${problem.name} of backend ${problem.backend} is not offered: ${problem.note}`);
  if (!settings.audit.enabled) warnings.push('the audit is switched off: set gateway.audit_enabled = true');
  warnings.push(...auditWarnings(gateway));
  for (const kill of killViews(gateway.cell.current(), gateway.cell.overrides(), deps.clock.wall())) {
    if (kill.origin === 'operator') warnings.push(`killed: ${kill.scope} (${kill.reason ?? ''}): sentinel unkill ${kill.id ?? kill.scope}`);
  }
  return warnings;
}
