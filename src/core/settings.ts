// What the configuration file and the environment say, checked and normalised. Plain frozen data; `config/` makes it.
// Times are milliseconds, sizes bytes. `undefined` = not set; a limit of 0 = nothing passes.
import type { AuditSettings } from './audit/settings.ts';
import type { Mode } from './decision.ts';
import type { BackendId, RoleName } from './ids.ts';
import type { Secret } from './secret.ts';

export interface Address {
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
}

export interface GatewaySettings {
  readonly listen: Address;
  readonly healthListen: Address;
  /** URL agents use, when it differs from `listen` (behind a proxy): the RFC 9728 `resource` is built on it. */
  readonly publicUrl: string | undefined;
  readonly allowedOrigins: readonly string[];
  readonly allowedHosts: readonly string[];
  /** Listening beyond loopback is meant: something else speaks TLS, for the gateway itself does not. */
  readonly behindProxy: boolean;
  /** Networks, as `10.0.0.0/8`, of proxies whose `X-Forwarded-For` is read. Empty: of none. */
  readonly trustedProxies: readonly string[];
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace';
  readonly stateDir: string;
  readonly controlSocket: string;
  readonly drainMs: number;
  /** Bearer for /metrics; undefined = open on its own listener. */
  readonly metricsToken: Secret | undefined;
}

/** Every bound an outsider can run into; each has a metric. */
export interface BoundsSettings {
  readonly bodyBytes: number;
  readonly lineBytes: number;
  readonly depth: number;
  readonly keys: number;
  readonly items: number;
  readonly headerBytes: number;
  readonly headersMs: number;
  readonly requestMs: number;
  readonly connections: number;
  readonly connectionsPerPeer: number;
  /** Instead of `connectionsPerPeer` on loopback, where every local agent has one address. */
  readonly connectionsLoopback: number;
  readonly sessions: number;
  readonly sessionsPerPrincipal: number;
  readonly sessionIdleMs: number;
  readonly streamsPerPrincipal: number;
  readonly streamBufferBytes: number;
  readonly keepAliveMs: number;
  /** Events kept for agents that come back for the rest of a stream: bytes of one session, and of all together. */
  readonly resumeBytes: number;
  readonly resumeTotalBytes: number;
  /** How long an answer's stream without a reader is kept; 0 = answers cannot be resumed. */
  readonly resumeMs: number;
  /** Age at which the connection of a stream is ended, to be resumed by its agent; 0 = never. */
  readonly streamMs: number;
  /** What agents are told to wait before they come back. */
  readonly streamRetryMs: number;
  readonly pageSize: number;
  readonly resultBytes: number;
  readonly limiterKeys: number;
  /** Calls that wait for an agent's answer between two requests: of all, of one principal, and how long. */
  readonly parked: number;
  readonly parkedPerPrincipal: number;
  readonly parkMs: number;
  /** How long a question to an agent of the 2025 revisions waits on its stream. */
  readonly answerMs: number;
  /** Tasks that are known to the gateway: of all, of one principal, how long at most, and bytes of results it keeps itself. */
  readonly tasks: number;
  readonly tasksPerPrincipal: number;
  readonly taskMs: number;
  readonly taskBytes: number;
  /** Resources one session or stream may follow. */
  readonly follows: number;
}

export interface HmacSettings {
  readonly secret: Secret;
  readonly issuer: string;
  readonly audience: string;
}

/** Ed25519 keys of one's own, in `<stateDir>/keys`. */
export interface OwnKeysSettings {
  readonly directory: string;
  readonly issuer: string;
  readonly audience: string;
  /** After `keys rotate`, how long the previous key still verifies. */
  readonly graceMs: number;
}

export type SignatureAlgorithm = 'RS256' | 'RS384' | 'RS512' | 'PS256' | 'PS384' | 'PS512' | 'ES256' | 'ES384' | 'ES512' | 'EdDSA';

export interface RemoteIssuerSettings {
  readonly issuer: string;
  readonly audience: string;
  readonly jwksUrl: string;
  readonly algorithms: readonly SignatureAlgorithm[];
  /** Required `typ` header, lower case, without `application/`; undefined = any but none of the ID-token kinds. */
  readonly typ: string | undefined;
  readonly roleClaim: string | undefined;
  readonly cacheMs: number;
  /** Least time between two fetches caused by unknown key ids. */
  readonly refetchMs: number;
  /** How long old keys serve while the issuer is unreachable. */
  readonly maxStaleMs: number;
}

export interface AuthSettings {
  readonly hmac: HmacSettings | undefined;
  readonly ownKeys: OwnKeysSettings | undefined;
  readonly issuers: readonly RemoteIssuerSettings[];
  /** Dotted path to a string or list of strings. */
  readonly roleClaim: string;
  readonly leewayMs: number;
  readonly maxLifetimeMs: number | undefined;
  readonly tokenBytes: number;
  readonly cacheEntries: number;
}

export interface StoreSettings {
  /** From the env named by `postgres.url_env`; undefined = embedded SQLite. */
  readonly postgresUrl: Secret | undefined;
  readonly maxConnections: number;
  readonly sqlitePath: string;
}

export interface BreakerSettings {
  /** Consecutive failures; 0 = no breaker. */
  readonly threshold: number;
  readonly recoveryMs: number;
  readonly windowMs: number;
  readonly minimumCalls: number;
  /** 0..1 over the window. */
  readonly failureRate: number;
}

interface BackendBase {
  readonly id: BackendId;
  readonly timeoutMs: number;
  readonly maxTimeoutMs: number;
  readonly concurrency: number;
  readonly queue: number;
  readonly resultBytes: number;
  readonly breaker: BreakerSettings;
  /** Tools (globs) the operator declares idempotent: only these may ever be sent twice. */
  readonly idempotent: readonly string[];
  readonly retries: number;
  /** `auto` probes; a pinned era is never probed. */
  readonly era: 'auto' | 'legacy' | 'modern';
  readonly healthIntervalMs: number;
  /** What it may ask of the agent whose call it serves. */
  readonly asks: { readonly elicitation: boolean; readonly sampling: boolean; readonly roots: boolean };
  /** Answered to `roots/list` that belongs to no call; file URIs. */
  readonly roots: readonly { readonly uri: string; readonly name: string | undefined }[];
  /** Original tool name → name on the merged endpoint, instead of the one that is made. */
  readonly aliases: Readonly<Record<string, string>>;
  /** Tools, prompts and resources (patterns without the backend) that exist for nobody. */
  readonly hide: readonly string[];
}

/** A user of this machine, looked up when the configuration was read; never root. */
export interface Account {
  /** As the file writes it. */
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

export interface StdioBackendSettings extends BackendBase {
  readonly type: 'stdio';
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, Secret>>;
  /** Names passed on from the gateway's own environment. */
  readonly envPassthrough: readonly string[];
  readonly cwd: string | undefined;
  readonly restart: boolean;
  /** Within `restartWindowMs`; 0 = no cap. */
  readonly maxRestarts: number;
  readonly restartWindowMs: number;
  readonly handshakeMs: number;
  readonly stopMs: number;
  readonly sandbox: 'off' | 'basic';
  /** Undefined = the gateway's own user. Set only where the gateway runs as root. */
  readonly runAs: Account | undefined;
}

export interface HttpBackendSettings extends BackendBase {
  readonly type: 'http';
  readonly url: string;
  readonly headers: Readonly<Record<string, Secret>>;
  readonly bearer: Secret | undefined;
  /** The original's X-Sentinel-Auth, only where opted in. */
  readonly sharedSecret: Secret | undefined;
  readonly allowPrivate: boolean;
  /** Whether a server that has no Streamable HTTP is tried as HTTP+SSE (2024-11-05). */
  readonly sse: boolean;
}

export type BackendSettings = StdioBackendSettings | HttpBackendSettings;

export interface RoleSettings {
  readonly name: RoleName;
  /** The original's strings: `*`, `tools.read`, `tools.execute`. */
  readonly permissions: readonly string[];
  /** `backend/tool` globs; a bare name means any backend. */
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  readonly mode: Mode;
  /** Who answers for it. */
  readonly owner: string | undefined;
}

/** An OAuth scope (RFC 6749 §3.3), and what needs it. */
export interface ScopeGrant {
  readonly name: string;
  /** Patterns, as in roles. */
  readonly allow: readonly string[];
  /** Names of other scopes that it gives as well. */
  readonly includes: readonly string[];
}

export interface ScopeSettings {
  /** What agents are told to begin with: in the challenge of a 401, and as `scopes_supported`. */
  readonly baseline: readonly string[];
  /** Empty: nothing needs a scope. */
  readonly grants: readonly ScopeGrant[];
}

/** Calls per 60 s window. */
export interface LimitSettings {
  /** Per (principal, tool). */
  readonly perTool: number;
  /** Pattern → limit; the first match in file order wins over `perTool`. */
  readonly tools: readonly { readonly pattern: string; readonly limit: number }[];
  readonly roles: Readonly<Record<string, number>>;
  readonly backends: Readonly<Record<string, number>>;
  readonly global: number | undefined;
  /** Requests about tasks, per principal: they are charged to no tool. */
  readonly tasks: number;
  /** Refused calls are charged here, per principal. */
  readonly probes: number;
  readonly mode: Mode;
}

export interface ConcurrencySettings {
  readonly perPrincipal: number;
  readonly global: number;
}

export interface KillSettings {
  readonly tools: readonly string[];
  readonly backends: readonly string[];
  readonly roles: readonly string[];
  readonly subjects: readonly string[];
  readonly all: boolean;
  readonly cancelInFlight: boolean;
}

export interface ArgumentSettings {
  readonly mode: Mode;
  readonly deadlineMs: number;
  readonly schemaBytes: number;
  /** What an unusable schema means for a call. */
  readonly onUnusable: 'deny' | 'allow';
}

export interface Settings {
  readonly gateway: GatewaySettings;
  readonly bounds: BoundsSettings;
  readonly auth: AuthSettings;
  readonly store: StoreSettings;
  readonly audit: AuditSettings;
  readonly backends: readonly BackendSettings[];
  readonly roles: readonly RoleSettings[];
  readonly scopes: ScopeSettings;
  readonly limits: LimitSettings;
  readonly concurrency: ConcurrencySettings;
  readonly kills: KillSettings;
  readonly arguments: ArgumentSettings;
  readonly names: 'prefixed' | 'bare';
  /** What lists say while a backend is down: what it listed last, only what the others have, or an error. */
  readonly whenDown: 'known' | 'omit' | 'fail';
  readonly errorCodes: 'standard' | 'original';
}
