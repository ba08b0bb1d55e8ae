// Settings said in the vocabulary of the file, one line per key: for `diff` and for showing what is in force. Secrets are masks.
import type { ExportSettings, ExportTls } from '../core/audit/exports.ts';
import type { Secret } from '../core/secret.ts';
import type { BackendSettings, HttpBackendSettings, RoleSettings, ScopeGrant, Settings, StdioBackendSettings } from '../core/settings.ts';
import { showAddress, showDuration, showSize } from './units.ts';

/** What is compared, and how it is shown. */
export type Shown =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly string[] }
  /** Compared by value, shown as a mask. */
  | { readonly kind: 'masked'; readonly value: string };

export interface Entry {
  /** As in the settings table, such as `gateway.listen` or `backends[].url`. */
  readonly path: string;
  readonly shown: Shown;
}

/** Something with a name that can come and go as a whole. */
export interface Group {
  readonly title: string;
  readonly entries: readonly Entry[];
}

type Leaf = string | number | boolean | undefined | readonly string[] | Shown;

const UNSET: Shown = { kind: 'text', text: '(not set)' };

function entries(prefix: string, values: Readonly<Record<string, Leaf>>): readonly Entry[] {
  return Object.entries(values).map(([key, value]) => ({ path: `${prefix}.${key}`, shown: shownOf(value) }));
}

function shownOf(value: Leaf): Shown {
  if (value === undefined) return UNSET;
  if (typeof value !== 'object') return { kind: 'text', text: String(value) };
  return 'kind' in value ? value : { kind: 'list', items: value };
}

function masked(secret: Secret | undefined): Leaf {
  return secret === undefined ? undefined : { kind: 'masked', value: secret.reveal() };
}

function maskedTable(table: Readonly<Record<string, Secret>>): Shown {
  return { kind: 'masked', value: JSON.stringify(Object.entries(table).map(([name, value]) => [name, value.reveal()])) };
}

/** Arguments and URLs may carry secrets that nobody declared. */
function hidden(value: unknown): Shown {
  return { kind: 'masked', value: JSON.stringify(value) };
}

const ms = (value: number | undefined): Leaf => (value === undefined ? undefined : showDuration(value));
const table = (values: Readonly<Record<string, number>>): readonly string[] => Object.entries(values).map(([name, limit]) => `${name} = ${limit}`);

/** Everything that is not a backend or a role. */
export function plainEntries(settings: Settings): readonly Entry[] {
  return [...gatewayEntries(settings), ...authEntries(settings), ...policyEntries(settings)];
}

function gatewayEntries({ gateway, bounds, store, audit }: Settings): readonly Entry[] {
  return [
    ...entries('gateway', {
      listen: showAddress(gateway.listen), health_listen: showAddress(gateway.healthListen), log_level: gateway.logLevel, audit_enabled: audit.enabled,
      public_url: gateway.publicUrl, allowed_origins: gateway.allowedOrigins, allowed_hosts: gateway.allowedHosts, behind_proxy: gateway.behindProxy, trusted_proxies: gateway.trustedProxies,
      state_dir: gateway.stateDir, control_socket: gateway.controlSocket, drain_timeout: ms(gateway.drainMs), metrics_token: masked(gateway.metricsToken),
    }),
    ...entries('bounds', {
      body: showSize(bounds.bodyBytes), line: showSize(bounds.lineBytes), depth: bounds.depth, keys: bounds.keys, items: bounds.items, header: showSize(bounds.headerBytes),
      headers_timeout: ms(bounds.headersMs), request_timeout: ms(bounds.requestMs), connections: bounds.connections,
      connections_per_peer: bounds.connectionsPerPeer, connections_loopback: bounds.connectionsLoopback, sessions: bounds.sessions,
      sessions_per_principal: bounds.sessionsPerPrincipal, session_idle: ms(bounds.sessionIdleMs), streams_per_principal: bounds.streamsPerPrincipal,
      stream_buffer: showSize(bounds.streamBufferBytes), keep_alive: ms(bounds.keepAliveMs), resume_buffer: showSize(bounds.resumeBytes),
      resume_total: showSize(bounds.resumeTotalBytes), resume_time: ms(bounds.resumeMs), stream_time: ms(bounds.streamMs), stream_retry: ms(bounds.streamRetryMs), page: bounds.pageSize, result: showSize(bounds.resultBytes),
      limiter_keys: bounds.limiterKeys, parked: bounds.parked, parked_per_principal: bounds.parkedPerPrincipal, park_time: ms(bounds.parkMs), answer_time: ms(bounds.answerMs),
      tasks: bounds.tasks, tasks_per_principal: bounds.tasksPerPrincipal, task_time: ms(bounds.taskMs), task_results: showSize(bounds.taskBytes), follows: bounds.follows,
    }),
    ...entries('postgres', { url: masked(store.postgresUrl), max_connections: store.maxConnections }),
    ...entries('store', { path: store.sqlitePath }),
    ...entries('audit', {
      on_failure: audit.onFailure, durability: audit.durability, owner: audit.owner, redact: audit.redactKeys, second_dir: audit.secondDirectory,
      quota: showSize(audit.quota), reserve: showSize(audit.reserve), retention_days: audit.retentionDays,
      capture_keep: ms(audit.capture.keepMs), capture_key_dir: audit.capture.keyDir,
    }),
    ...entries('audit.witness', { keys: audit.witness }),
  ];
}

function authEntries({ auth }: Settings): readonly Entry[] {
  const own = auth.ownKeys;
  const hmac = auth.hmac;
  return [
    ...entries('auth', {
      jwt_secret: masked(hmac?.secret), jwt_issuer: hmac?.issuer, jwt_audience: hmac?.audience, role_claim: auth.roleClaim, leeway: ms(auth.leewayMs),
      max_token_lifetime: ms(auth.maxLifetimeMs), token_bytes: showSize(auth.tokenBytes), cache_entries: auth.cacheEntries, own_keys: own !== undefined,
    }),
    ...entries('auth.own_keys', { directory: own?.directory, issuer: own?.issuer, audience: own?.audience, grace: ms(own?.graceMs) }),
  ];
}

function policyEntries({ scopes, limits, concurrency, kills, arguments: rules, names, whenDown, errorCodes }: Settings): readonly Entry[] {
  return [
    ...entries('scopes', { baseline: scopes.baseline }),
    ...entries('rate_limits', {
      default_rpm: limits.perTool, per_tool: limits.tools.map((rule) => `${rule.pattern} = ${rule.limit}`), per_role: table(limits.roles),
      per_backend: table(limits.backends), global_rpm: limits.global, tasks_rpm: limits.tasks, probe_rpm: limits.probes, mode: limits.mode,
    }),
    ...entries('concurrency', { per_principal: concurrency.perPrincipal, global: concurrency.global }),
    ...entries('kill_switch', {
      disabled_tools: kills.tools, disabled_backends: kills.backends, disabled_roles: kills.roles, disabled_subjects: kills.subjects, all: kills.all,
      cancel_in_flight: kills.cancelInFlight,
    }),
    ...entries('arguments', { mode: rules.mode, deadline: ms(rules.deadlineMs), schema: showSize(rules.schemaBytes), on_unusable: rules.onUnusable }),
    ...entries('catalog', { names, when_down: whenDown }),
    ...entries('compat', { error_codes: errorCodes }),
  ];
}

export function groupsOf(settings: Settings): readonly Group[] {
  return [
    ...settings.auth.issuers.map((issuer) => ({
      title: `issuer ${issuer.issuer}`,
      entries: entries('auth.issuers[]', {
        audience: issuer.audience, jwks_url: issuer.jwksUrl, algorithms: issuer.algorithms, typ: issuer.typ, role_claim: issuer.roleClaim,
        cache: ms(issuer.cacheMs), refetch: ms(issuer.refetchMs), max_stale: ms(issuer.maxStaleMs),
      }),
    })),
    ...settings.audit.capture.rules.map((rule, index) => ({
      title: `capture ${index + 1}`,
      entries: entries('audit.capture[]', { targets: rule.targets, arguments: rule.arguments, results: rule.results, bytes: showSize(rule.bytes), owner: rule.owner, reason: rule.reason }),
    })),
    ...settings.backends.map((backend) => ({ title: `backend ${backend.id}`, entries: [...baseEntries(backend), ...(backend.type === 'stdio' ? stdioEntries(backend) : httpEntries(backend))] })),
    ...settings.audit.exports.map((one) => ({ title: `export ${one.name}`, entries: exportEntries(one) })),
    ...settings.roles.map((role) => ({ title: `role ${role.name}`, entries: roleEntries(role) })),
    ...settings.scopes.grants.map((scope) => ({ title: `scope ${scope.name}`, entries: scopeEntries(scope) })),
  ];
}

function exportEntries(one: ExportSettings): readonly Entry[] {
  const common = { kind: one.kind, format: one.format, filter: one.filter, batch: one.batchRecords, batch_size: showSize(one.batchBytes) };
  const tls = (files: ExportTls): Readonly<Record<string, Leaf>> => ({ ca: files.ca, client_cert: files.certificate, client_key: masked(files.key) });
  switch (one.kind) {
    case 'file': return entries('audit.exports[]', { ...common, path: one.path, max_size: showSize(one.maxBytes), keep: one.keep });
    case 'syslog': {
      const { target } = one;
      const place = target.via === 'unix' ? { url: hidden(target.path) } : { url: hidden([target.via, target.host, target.port]), allow_private: target.allowPrivate };
      return entries('audit.exports[]', { ...common, ...place, timeout: ms(target.timeoutMs), ...tls(one.tls) });
    }
    case 'otlp':
    case 'replica':
    case 'webhook': {
      const signed = one.kind === 'webhook' ? { secret: masked(one.secret), body: one.body } : {};
      return entries('audit.exports[]', { ...common, url: hidden(one.url), allow_private: one.allowPrivate, headers: maskedTable(one.headers), ...signed, timeout: ms(one.timeoutMs), ...tls(one.tls) });
    }
  }
}

function roleEntries(role: RoleSettings): readonly Entry[] {
  return entries('rbac.roles.<name>', { permissions: role.permissions, allow: role.allow, deny: role.deny, mode: role.mode, owner: role.owner });
}

function scopeEntries({ allow, includes }: ScopeGrant): readonly Entry[] {
  return entries('scopes.grants.<name>', { allow, includes });
}

function baseEntries(backend: BackendSettings): readonly Entry[] {
  const { breaker } = backend;
  return entries('backends[]', {
    type: backend.type, retries: backend.retries, idempotent_tools: backend.idempotent, timeout_secs: ms(backend.timeoutMs), max_timeout: ms(backend.maxTimeoutMs),
    concurrency: backend.concurrency, queue: backend.queue, result: showSize(backend.resultBytes), era: backend.era,
    health_interval_secs: ms(backend.healthIntervalMs), circuit_breaker_threshold: breaker.threshold, circuit_breaker_recovery_secs: ms(breaker.recoveryMs),
    'breaker.window': ms(breaker.windowMs), 'breaker.minimum_calls': breaker.minimumCalls, 'breaker.rate': breaker.failureRate,
    'asks.elicitation': backend.asks.elicitation, 'asks.sampling': backend.asks.sampling, 'asks.roots': backend.asks.roots,
    roots: backend.roots.map(({ uri, name }) => (name === undefined ? uri : `${uri} (${name})`)),
    aliases: Object.entries(backend.aliases).map(([tool, alias]) => `${tool} = ${alias}`), hide: backend.hide,
  });
}

function stdioEntries(backend: StdioBackendSettings): readonly Entry[] {
  return entries('backends[]', {
    command: backend.command, args: hidden(backend.args), env: maskedTable(backend.env), env_passthrough: backend.envPassthrough, cwd: backend.cwd,
    restart_on_exit: backend.restart, max_restarts: backend.maxRestarts, restart_window: ms(backend.restartWindowMs),
    handshake_timeout: ms(backend.handshakeMs), stop_timeout: ms(backend.stopMs), sandbox: backend.sandbox, run_as: accountShown(backend),
  });
}

/** With its numbers: a name may come to mean another user. */
function accountShown({ runAs }: StdioBackendSettings): Leaf {
  return runAs === undefined ? undefined : `${runAs.name} (${runAs.uid}:${runAs.gid})`;
}

function httpEntries(backend: HttpBackendSettings): readonly Entry[] {
  return entries('backends[]', {
    url: hidden(backend.url), headers: maskedTable(backend.headers), bearer: masked(backend.bearer), shared_secret: masked(backend.sharedSecret),
    allow_private: backend.allowPrivate, sse: backend.sse,
  });
}
