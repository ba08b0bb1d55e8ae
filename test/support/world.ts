// A small world for pipeline tests: a clock that is set by hand, memory stores, and backends that answer from a function.
import { NO_CAPTURE } from '../../src/core/capture.ts';
import { createHash } from 'node:crypto';
import { NO_OFFERS } from './offers.ts';
import { NO_CAPABILITIES } from '../../src/core/capabilities.ts';
import { compileNames } from '../../src/config/compile.ts';
import { reachOf } from '../../src/config/scopes.ts';
import type { CallOrigin, Era } from '../../src/core/call.ts';
import { backendId, instant, roleName, timestamp, type BackendId } from '../../src/core/ids.ts';
import type { AgentIo, Answer, Handle, Inbound } from '../../src/core/inbound.ts';
import { toRaw } from '../../src/core/json/compose.ts';
import type { RawJson } from '../../src/core/json/scan.ts';
import type { Override } from '../../src/core/override.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import type { Permit } from '../../src/core/permit.ts';
import { ConcurrencyTable } from '../../src/core/policy/concurrency.ts';
import { compilePattern, type Pattern } from '../../src/core/policy/globs.ts';
import { limitWindows } from '../../src/core/policy/limits.ts';
import type { AuditStore, Backend, BackendAnswer, BackendFault, BackendReply, BackendListing, CallIo, Intent, Random, SchemaChecker, TaskStep } from '../../src/core/ports.ts';
import type { Principal } from '../../src/core/principal.ts';
import { err, ok, type Result } from '../../src/core/result.ts';
import type { AuditSettings } from '../../src/core/audit/settings.ts';
import type { BackendSettings, RoleSettings, Settings } from '../../src/core/settings.ts';
import type { KillRule, Policy } from '../../src/core/snapshot.ts';
import { RuntimeCell } from '../../src/app/runtime.ts';
import { processSeal } from '../../src/app/system.ts';
import type { PipelineDeps } from '../../src/pipeline/deps.ts';
import { createHandle } from '../../src/pipeline/handle.ts';
import { Inflight } from '../../src/pipeline/inflight.ts';
import { Leases } from '../../src/pipeline/lease.ts';
import { Parking } from '../../src/pipeline/parking.ts';
import { endTask } from '../../src/pipeline/tasks/end.ts';
import { KnownTasks } from '../../src/pipeline/tasks/known.ts';
import { Elicitations } from '../../src/pipeline/questions/elicitations.ts';
import { Subscriptions } from '../../src/pipeline/subscribe.ts';
import { createWatch } from '../../src/pipeline/watch.ts';

export class HandClock {
  now: number = 1_000;
  /** By how much the wall clock is wrong. */
  ahead: number = 0;
  readonly timers: Set<{ readonly due: number; readonly run: () => void }> = new Set<{ readonly due: number; readonly run: () => void }>();
  readonly mono = (): ReturnType<typeof instant> => instant(this.now);
  readonly wall = (): ReturnType<typeof timestamp> => timestamp(1_700_000_000_000 + this.now + this.ahead);
  readonly after = (ms: number, run: () => void): (() => void) => {
    const timer = { due: this.now + ms, run };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  };
  advance(ms: number): void {
    this.now += ms;
    for (const timer of [...this.timers]) {
      if (timer.due > this.now) continue;
      this.timers.delete(timer);
      timer.run();
    }
  }
}

export const sha = (text: string): string => createHash('sha256').update(text).digest('hex');

export function pattern(text: string): Pattern {
  const compiled = compilePattern(text);
  if (!compiled.ok) throw new Error(`bad pattern ${text}`);
  return compiled.value;
}

export function principal(over: Partial<Principal> = {}): Principal {
  return { subject: 'alice', roles: [roleName('developer')], scopes: [], issuer: 'test', tokenId: 'jti-1', keyId: undefined, via: 'jwt', expiresAt: timestamp(4e12), credential: 'c0ffee', ...over };
}

export function backendSettings(id: string, over: Partial<Omit<Extract<BackendSettings, { type: 'stdio' }>, 'type' | 'id'>> = {}): BackendSettings {
  return {
    id: backendId(id), type: 'stdio', command: '/bin/false', args: [], env: {}, envPassthrough: [], cwd: undefined, restart: true, maxRestarts: 5,
    restartWindowMs: 60_000, handshakeMs: 1000, stopMs: 1000, sandbox: 'off', runAs: undefined, timeoutMs: 1000, maxTimeoutMs: 5000, concurrency: 100, queue: 100,
    resultBytes: 1 << 20, breaker: { threshold: 3, recoveryMs: 1000, windowMs: 10_000, minimumCalls: 10, failureRate: 0.5 }, idempotent: [], retries: 3,
    era: 'auto', healthIntervalMs: 30_000, asks: { elicitation: true, sampling: false, roots: false }, roots: [], aliases: {}, hide: [], ...over,
  };
}

/** Of an audit that nothing is written for. */
export function auditSettings(changes: Partial<AuditSettings> = {}): AuditSettings {
  return { enabled: true, onFailure: 'block', durability: 'before_effect', owner: undefined, redactKeys: [], secondDirectory: undefined, quota: 2 ** 33, reserve: 2 ** 26, retentionDays: 400, exports: [], witness: [], capture: NO_CAPTURE, ...changes };
}

export const allowAll: RoleSettings = { name: roleName('developer'), permissions: ['*'], allow: [], deny: [], mode: 'enforce', owner: undefined };

export function settings(over: Partial<Settings> = {}): Settings {
  return {
    gateway: { listen: { host: '127.0.0.1', port: 0 }, healthListen: { host: '127.0.0.1', port: 0 }, publicUrl: undefined, allowedOrigins: [], allowedHosts: [], behindProxy: false, trustedProxies: [], logLevel: 'info', stateDir: '/nonexistent', controlSocket: '/nonexistent/control.sock', drainMs: 1000, metricsToken: undefined },
    bounds: { bodyBytes: 1 << 22, lineBytes: 1 << 22, depth: 64, keys: 10_000, items: 200_000, headerBytes: 16_384, headersMs: 10_000, requestMs: 30_000, connections: 100, connectionsPerPeer: 100, connectionsLoopback: 100, sessions: 100, sessionsPerPrincipal: 10, sessionIdleMs: 60_000, streamsPerPrincipal: 10, streamBufferBytes: 1 << 20, keepAliveMs: 15_000, resumeBytes: 1 << 20, resumeTotalBytes: 1 << 23, resumeMs: 60_000, streamMs: 0, streamRetryMs: 20, pageSize: 200, resultBytes: 1 << 20, limiterKeys: 1000 , parked: 100, parkedPerPrincipal: 10, parkMs: 60_000, answerMs: 60_000, follows: 100, tasks: 100, tasksPerPrincipal: 10, taskMs: 3_600_000, taskBytes: 1 << 20 },
    auth: { hmac: undefined, ownKeys: undefined, issuers: [], roleClaim: 'role', leewayMs: 30_000, maxLifetimeMs: undefined, tokenBytes: 8192, cacheEntries: 100 },
    store: { postgresUrl: undefined, maxConnections: 10, sqlitePath: ':memory:' },
    audit: auditSettings(),
    backends: [backendSettings('alpha')],
    roles: [allowAll],
    scopes: { baseline: [], grants: [] },
    limits: { perTool: 1000, tools: [], roles: {}, backends: {}, global: undefined, tasks: 1000, probes: 1000, mode: 'enforce' },
    concurrency: { perPrincipal: 100, global: 1000 },
    kills: { tools: [], backends: [], roles: [], subjects: [], all: false, cancelInFlight: true },
    arguments: { mode: 'enforce', deadlineMs: 100, schemaBytes: 65_536, onUnusable: 'deny' },
    names: 'prefixed',
    whenDown: 'known',
    errorCodes: 'standard',
    ...over,
  };
}

/** The settings' own words only; the configuration room has its own compiler and tests. */
function compile(from: Settings, overrides: readonly Override[]): Policy {
  const roles = new Map(from.roles.map((role) => [role.name, { name: role.name, mode: role.mode, allow: [...(role.permissions.includes('*') ? ['*'] : []), ...role.allow].map(pattern), deny: role.deny.map(pattern) }] as const));
  const kills: KillRule[] = overrides.flatMap((one) => (one.kind === 'kill' ? [{ scope: one.scope, pattern: one.scope.kind === 'tool' ? pattern(one.scope.pattern) : undefined, origin: 'operator' as const, until: one.until }] : []));
  for (const text of from.kills.tools) kills.push({ scope: { kind: 'tool', pattern: text }, pattern: pattern(text), origin: 'config', until: undefined });
  const { grants } = from.scopes;
  const scopes = grants.map(({ name, allow }) => ({ name, allow: allow.map(pattern), by: new Set([name, ...grants.filter((other) => reachOf(other.name, grants).has(name)).map((other) => other.name)]) }));
  return { roles, kills, scopes, toolLimits: from.limits.tools.map((rule) => ({ pattern: pattern(rule.pattern), limit: rule.limit })) };
}

export type Respond = (permit: Permit, io: CallIo) => Promise<Result<BackendAnswer, BackendFault>> | Result<BackendAnswer, BackendFault>;

export type RespondStep = (step: TaskStep, permit: Permit, io: CallIo) => Promise<Result<BackendReply, BackendFault>> | Result<BackendReply, BackendFault>;

export const okText = (text: string): Result<BackendAnswer, BackendFault> => ok({ kind: 'result', raw: toRaw({ content: [{ type: 'text', text }] }) });

export interface FakeBackend extends Backend {
  readonly calls: Permit[];
  readonly steps: TaskStep[];
  /** What is followed: tell one of them as the backend would. */
  readonly follows: Map<string, (uri: string) => void>;
}

/** With these nothing has gone out. */
const UNSENT: ReadonlySet<BackendFault['code']> = new Set<BackendFault['code']>(['queue_full', 'not_ready', 'spawn_failed']);

export function fakeBackend(id: string, respond: Respond, respondStep?: RespondStep): FakeBackend {
  const calls: Permit[] = [];
  const steps: TaskStep[] = [];
  const follows = new Map<string, (uri: string) => void>();
  return {
    id: backendId(id),
    calls,
    steps,
    follows,
    start() {},
    async call(permit, io) {
      calls.push(permit);
      const said = respond(permit, io);
      if (said instanceof Promise || said.ok || !UNSENT.has(said.error.code)) io.sent?.();
      return said;
    },
    async task(permit, step, io) {
      steps.push(step);
      io.sent?.();
      return respondStep === undefined ? err({ code: 'not_ready', detail: 'no tasks' }) : respondStep(step, permit, io);
    },
    async follow({ call }, updated, sent) {
      sent?.();
      const { uri } = call.kind === 'listen' ? call : { uri: '' };
      if (uri.endsWith('refused')) return err({ code: 'not_ready', detail: 'refused' });
      follows.set(uri, updated);
      return ok(() => void follows.delete(uri));
    },
    listing: () => undefined,
    status: () => ({ id: backendId(id), transport: 'stdio', state: 'ready', since: timestamp(0), era: 'legacy', version: '2025-11-25', tools: 1, pid: undefined, restarts: 0, inflight: 0, lastFault: undefined, noise: 0 }),
    async stop() {},
  };
}

export interface World {
  readonly clock: HandClock;
  readonly cell: RuntimeCell;
  readonly handle: Handle;
  readonly deps: PipelineDeps;
  readonly intents: Intent[];
  readonly outcomes: Outcome[];
  readonly heard: Outcome[];
  readonly faults: unknown[];
  readonly backends: Map<BackendId, FakeBackend>;
  /** Set to make the next intents fail. */
  auditDown: boolean;
  ask(method: string, params?: unknown, over?: Partial<Inbound> & { readonly io?: Partial<AgentIo>; readonly era?: Era }): Promise<Answer>;
  callTool(name: string, args?: unknown, over?: Parameters<World['ask']>[2]): Promise<Answer>;
}

export const passSchemas: SchemaChecker = { check: () => Promise.resolve({ kind: 'valid' }) };

export function origin(over: Partial<CallOrigin> = {}): CallOrigin {
  return { surface: 'http', endpoint: { kind: 'merged' }, era: 'modern', version: '2026-07-28', session: undefined, client: undefined, capabilities: NO_CAPABILITIES, logLevel: undefined, peer: '127.0.0.1', trace: undefined, ...over };
}

export function world(options: { readonly settings?: Settings; readonly tools?: Readonly<Record<string, readonly unknown[]>>; readonly listings?: Readonly<Record<string, Partial<BackendListing>>>; readonly respond?: Respond; readonly schemas?: SchemaChecker; readonly deps?: Partial<Pick<PipelineDeps, 'disguise' | 'listed'>> } = {}): World {
  const clock = new HandClock();
  const from = options.settings ?? settings();
  const faults: unknown[] = [];
  const cell = new RuntimeCell({ settings: from, configHash: 'hash-1' }, [], { digest: sha, compile, names: compileNames, onListenerFault: (error) => faults.push(error) });
  const backends = new Map(from.backends.map((row) => [row.id, fakeBackend(row.id, options.respond ?? (() => okText('ok')))] as const));
  for (const row of from.backends) {
    const tools = options.tools?.[row.id] ?? [{ name: 'echo', inputSchema: { type: 'object' } }];
    cell.listed(row.id, { prompts: [], resources: [], templates: [], offers: NO_OFFERS, tools: tools.map(toRaw), instructions: undefined, era: 'legacy', version: '2025-11-25', server: row.id, ...options.listings?.[row.id] });
  }
  const intents: Intent[] = [];
  const outcomes: Outcome[] = [];
  const heard: Outcome[] = [];
  const state = { auditDown: false };
  const audit: AuditStore = {
    async intend(intent) {
      if (state.auditDown) return err({ code: 'unavailable', detail: 'down' });
      intents.push(intent);
      return ok(undefined);
    },
    async conclude(outcome) {
      outcomes.push(outcome);
      return ok(undefined);
    },
    note: () => Promise.resolve(ok(undefined)),
    health: () => ({ queued: 0, failed: 0, fault: undefined }),
  };
  let serial = 0;
  let tokens = 0;
  const random: Random = { uuid: () => `call-${++serial}`, token: () => `token-${++tokens}`, float: () => 0.5 };
  const deps: PipelineDeps = {
    runtime: cell, audit, clock, timers: clock, digest: sha, listed: () => {},
    leases: new Leases(new ConcurrencyTable({ maxKeys: 1000 }), clock, () => {}),
    random,
    silence: async (work) => work(),
    windows: limitWindows(1000),
    probes: limitWindows(1000), unrecorded: { times: 0 },
    disguise: { digest: (text) => sha(`under a key: ${text}`), network: (peer) => `${peer}/net` },
    schemas: options.schemas ?? passSchemas,
    inflight: new Inflight(),
    parking: new Parking({ timers: clock, random }),
    subscriptions: new Subscriptions(),
    elicitations: new Elicitations({ clock }),
    identity: { name: 'sentinel', title: 'Sentinel', version: '0.0.0' },
    seal: processSeal(),
    taskSeal: processSeal(),
    tasks: new KnownTasks({ clock, timers: clock, past: (task) => endTask(task, deps) }),
    listeners: [(outcome) => heard.push(outcome)],
    onListenerFault: (error) => faults.push(error),
    watch: createWatch({ runtime: cell, clock, timers: clock, digest: sha }),
    backend: (row) => backends.get(row.id),
    ...options.deps,
  };
  const handle = createHandle(deps);
  const ask: World['ask'] = (method, params, over = {}) => {
    const { io, era, ...rest } = over;
    const inbound: Inbound = { principal: principal(), origin: origin(era === 'legacy' ? { era, version: '2025-11-25' } : {}), id: toRaw(1), method, params: params === undefined ? undefined : toRaw(params), paramHeaders: undefined, ...rest };
    return handle(inbound, { signal: new AbortController().signal, notify: () => {}, ask: undefined, session: undefined, ...io });
  };
  return {
    clock, cell, handle, deps, intents, outcomes, heard, faults, backends, ask,
    get auditDown() { return state.auditDown; },
    set auditDown(down) { state.auditDown = down; },
    callTool: (name, args, over) => ask('tools/call', { name, ...(args === undefined ? {} : { arguments: args }) }, over),
  };
}

export interface Message {
  readonly jsonrpc?: string;
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: Record<string, unknown> };
  readonly result?: Record<string, unknown> & { readonly isError?: boolean; readonly tools?: readonly { readonly name: string }[]; readonly nextCursor?: string; readonly _meta?: Record<string, Record<string, unknown>> };
}

export function read(answer: Answer): Message {
  if (answer.message === undefined) throw new Error('no message');
  return parse(answer.message);
}

export function parse(raw: RawJson): Message {
  const message: Message = JSON.parse(raw);
  return message;
}
