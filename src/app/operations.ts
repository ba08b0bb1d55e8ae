// What an operator may do to the running gateway, done. The control socket carries it; nothing here trusts what it is told.
import type { Call } from '../core/call.ts';
import { targetKey, type Target } from '../core/call.ts';
import type { LifecycleEvent } from '../core/lifecycle.ts';
import type { KillReport, KillRequest, LiveEvent, Operations, OperationFault, ReloadReport, RevokeRequest, StatusReport } from '../core/operations.ts';
import { describeKillScope, type KillOverride, type Override, type RevokeOverride } from '../core/override.ts';
import { hits } from '../core/policy/decide.ts';
import { compilePattern, matches } from '../core/policy/globs.ts';
import type { Clock, OverrideStore, Random, SchemaChecker, StoreFault } from '../core/ports.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { KillRule, Snapshot } from '../core/snapshot.ts';
import type { WindowTable } from '../core/policy/window.ts';
import type { Inflight } from '../pipeline/inflight.ts';
import { explain, objectViews, toolViews } from './explain.ts';
import type { SigningKeys } from './keys.ts';
import { killViews } from './kills.ts';
import type { RuntimeCell } from './runtime.ts';

export interface OperationsDeps {
  readonly cell: RuntimeCell;
  readonly clock: Clock;
  readonly random: Random;
  readonly overrides: OverrideStore;
  readonly inflight: Inflight;
  /** Ends at their backends the tasks that are hit; how many are told. */
  endTasks(which: (task: Pick<Call, 'principal' | 'target'>) => boolean): number;
  /** How many would be. */
  countTasks(which: (task: Pick<Call, 'principal' | 'target'>) => boolean): number;
  readonly schemas: SchemaChecker;
  readonly windows: WindowTable;
  /** Audited, logged, counted and shown live. */
  announce(event: LifecycleEvent): Promise<void>;
  /** The same, and durable when it resolves well. */
  noted(event: LifecycleEvent): Promise<Result<void, StoreFault>>;
  status(): StatusReport;
  metrics(): Promise<string>;
  reload(by: string): Promise<ReloadReport>;
  /** Reads the keys on disk again, and says which they are. */
  rekey(): Promise<Result<SigningKeys, string>>;
  /** After it returns no revoked credential is accepted. */
  refreshRevocations(): void;
  tail(listener: (event: LiveEvent) => void): () => void;
}

export function createOperations(deps: OperationsDeps): Operations {
  return {
    status: () => deps.status(),
    readiness: () => deps.status().readiness,
    metrics: () => deps.metrics(),
    reload: (by) => deps.reload(by),
    kill: (request) => kill(request, deps),
    unkill: (request) => unkill(request, deps),
    kills: () => killViews(deps.cell.current(), deps.cell.overrides(), deps.clock.wall()),
    revoke: (request) => revoke(request, deps),
    rekey: async (by) => {
      const read = await deps.rekey();
      if (!read.ok) return err({ code: 'unavailable', message: read.error });
      await deps.announce({ ...stamp(deps, by), kind: 'key_rotated', ...read.value });
      return ok(undefined);
    },
    explain: (request) => explain(request, deps.cell.current(), { clock: deps.clock, schemas: deps.schemas, windows: deps.windows }),
    recordRead: async ({ by, verb, asked }) => {
      if (!deps.cell.current().settings.audit.enabled) return err({ code: 'unavailable', message: 'the audit of the gateway that runs is switched off' });
      const noted = await deps.noted({ ...stamp(deps, by), kind: 'audit_read', verb, asked });
      return noted.ok ? noted : err({ code: 'unavailable', message: `the audit could not be written: ${noted.error.detail}` });
    },
    tools: (roles) => toolViews(deps.cell.current(), roles, deps.clock),
    objects: (roles) => objectViews(deps.cell.current(), roles, deps.clock),
    tail: (listener) => deps.tail(listener),
  };
}

function stamp(deps: OperationsDeps, by: string): { readonly id: string; readonly wall: ReturnType<Clock['wall']>; readonly by: string; readonly revision: number } {
  return { id: deps.random.uuid(), wall: deps.clock.wall(), by, revision: deps.cell.current().revision };
}

/** Kept before it is answered, in force before it is kept: a kill that a full disk could hold up would be none. */
async function kill(request: KillRequest, deps: OperationsDeps): Promise<Result<KillReport, OperationFault>> {
  const rule = ruleOf(request);
  if (!rule.ok) return rule;
  const override: KillOverride = { kind: 'kill', id: deps.random.uuid(), scope: request.scope, by: request.by, reason: request.reason, at: deps.clock.wall(), until: request.until };
  const isHit = (call: Pick<Call, 'principal' | 'target'>): boolean => hits(rule.value, call.principal, call.target, deps.clock.wall());
  const found = reachOf(deps.cell.current(), rule.value, deps.clock);
  if (request.dryRun) {
    const { revision, settings } = deps.cell.current();
    return ok({ id: '', revision, cancelled: deps.inflight.list().map((flight) => flight.call).filter(isHit).map(view), tasks: settings.kills.cancelInFlight ? deps.countTasks(isHit) : 0, ...found });
  }

  const next = deps.cell.override([...deps.cell.overrides(), override]);
  const cancelled = next.settings.kills.cancelInFlight ? deps.inflight.cancel(isHit, 'kill') : [];
  const tasks = next.settings.kills.cancelInFlight ? deps.endTasks(isHit) : 0;
  const kept = await deps.overrides.add(override);
  await deps.announce({ ...stamp(deps, request.by), kind: 'killed', scope: describeKillScope(request.scope), reason: request.reason, until: request.until, cancelled: cancelled.length, tasks });
  if (!kept.ok) return err({ code: 'unavailable', message: `the kill is in force in this process, but could not be kept (${kept.error.code}); it will be gone after a restart` });
  return ok({ id: override.id, revision: next.revision, cancelled: cancelled.map(view), tasks, ...found });
}

function ruleOf(request: KillRequest): Result<KillRule, OperationFault> {
  const { scope, until } = request;
  if (request.reason.trim() === '') return err({ code: 'invalid', message: 'a kill needs a reason' });
  if (scope.kind !== 'tool') return ok({ scope, pattern: undefined, origin: 'operator', until });
  const pattern = compilePattern(scope.pattern);
  if (!pattern.ok) return err({ code: 'invalid', message: `not a pattern: ${scope.pattern}` });
  return ok({ scope, pattern: pattern.value, origin: 'operator', until });
}

function view(call: Call): KillReport['cancelled'][number] {
  return { call: call.id, target: targetKey(call.target), subject: call.principal.subject };
}

/** What a scope hits, as far as it is known before the kill. */
function reachOf(snapshot: Snapshot, { scope, pattern }: KillRule, clock: Clock): Pick<KillReport, 'hits' | 'tools' | 'known'> {
  const { catalog, policy, settings } = snapshot;
  const tools = catalog.tools.length;
  const among = (is: (target: Target) => boolean): number => catalog.tools.filter((entry) => is(entry.target)).length;
  switch (scope.kind) {
    case 'all': return { hits: tools, tools, known: true };
    case 'backend': return { hits: among((target) => target.backend === scope.backend), tools, known: settings.backends.some((row) => row.id === scope.backend) };
    case 'role': return { hits: toolViews(snapshot, [scope.role], clock).filter((view) => view.visible).length, tools, known: policy.roles.has(scope.role) };
    case 'subject': return { hits: undefined, tools, known: true };
    case 'tool': {
      if (pattern === undefined) return { hits: 0, tools, known: false };
      const listed = [...catalog.tools, ...catalog.prompts, ...catalog.resources, ...catalog.templates].filter(({ target }) => matches(pattern, target));
      // A pattern for a whole backend speaks of everything, and tools are what is counted.
      const counted = pattern.kind ?? 'tool';
      // Of resources more can be read than are listed.
      return { hits: listed.filter(({ target }) => target.kind === counted).length, tools, known: listed.length > 0 || pattern.kind === 'resource' };
    }
  }
}

async function unkill(request: { readonly target: string; readonly reason: string; readonly by: string }, deps: OperationsDeps): Promise<Result<{ readonly removed: number; readonly revision: number }, OperationFault>> {
  const meant = deps.cell.overrides().filter((one): one is KillOverride => one.kind === 'kill' && (one.id === request.target || describeKillScope(one.scope) === request.target));
  if (meant.length === 0) {
    const inFile = deps.cell.current().policy.kills.some((rule) => rule.origin === 'config' && describeKillScope(rule.scope) === request.target);
    return err({ code: 'not_found', message: inFile ? `${request.target} is killed by the configuration file: remove it from [kill_switch] and reload` : `no kill by that id or scope: ${request.target}` });
  }
  for (const one of meant) {
    const removed = await deps.overrides.remove(one.id, request.by, request.reason, deps.clock.wall());
    // Not undone in memory before it is undone on disk: after a restart it would be back, and nobody would know why.
    if (!removed.ok) return err({ code: 'unavailable', message: `could not be undone: the store is ${removed.error.code}` });
  }
  const gone = new Set<Override>(meant);
  const next = deps.cell.override(deps.cell.overrides().filter((one) => !gone.has(one)));
  for (const one of meant) await deps.announce({ ...stamp(deps, request.by), kind: 'unkilled', scope: describeKillScope(one.scope), reason: request.reason });
  return ok({ removed: meant.length, revision: next.revision });
}

async function revoke(request: RevokeRequest, deps: OperationsDeps): Promise<Result<void, OperationFault>> {
  if (request.value === '' || request.reason.trim() === '') return err({ code: 'invalid', message: 'a revocation needs a token or key id, and a reason' });
  const override: RevokeOverride = { kind: 'revoke', id: deps.random.uuid(), what: request.what, value: request.value, by: request.by, reason: request.reason, at: deps.clock.wall(), until: request.until };
  deps.cell.override([...deps.cell.overrides(), override]);
  deps.refreshRevocations();
  const kept = await deps.overrides.add(override);
  await deps.announce({ ...stamp(deps, request.by), kind: 'token_revoked', what: request.what, value: request.value, reason: request.reason });
  return kept.ok ? ok(undefined) : err({ code: 'unavailable', message: `the revocation is in force in this process, but could not be kept (${kept.error.code})` });
}
