// Whole Settings for tests of the surfaces: small numbers, loopback, any port.
import { backendId } from '../../src/core/ids.ts';
import { Secret } from '../../src/core/secret.ts';
import { auditSettings } from '../support/world.ts';
import type { BoundsSettings, GatewaySettings, Settings, StdioBackendSettings } from '../../src/core/settings.ts';

const BOUNDS: BoundsSettings = {
  bodyBytes: 1_048_576, lineBytes: 1_048_576, depth: 64, keys: 10_000, items: 200_000, headerBytes: 16_384, headersMs: 10_000, requestMs: 30_000,
  connections: 500, connectionsPerPeer: 200, connectionsLoopback: 200, sessions: 100, sessionsPerPrincipal: 20, sessionIdleMs: 600_000, streamsPerPrincipal: 8,
  streamBufferBytes: 1_048_576, keepAliveMs: 15_000, resumeBytes: 1_048_576, resumeTotalBytes: 8_388_608, resumeMs: 60_000, streamMs: 0, streamRetryMs: 20, pageSize: 100, resultBytes: 8_388_608, limiterKeys: 1000, parked: 100, parkedPerPrincipal: 10, parkMs: 60_000, answerMs: 60_000, follows: 100, tasks: 100, tasksPerPrincipal: 10, taskMs: 3_600_000, taskBytes: 1 << 20,
};

const GATEWAY: GatewaySettings = {
  listen: { host: '127.0.0.1', port: 0 }, healthListen: { host: '127.0.0.1', port: 0 }, publicUrl: undefined, allowedOrigins: ['https://good.example'],
  allowedHosts: [], behindProxy: false, trustedProxies: [], logLevel: 'info', stateDir: '/nowhere', controlSocket: '/nowhere/s', drainMs: 2000, metricsToken: undefined,
};

const GH: StdioBackendSettings = {
  id: backendId('gh'), type: 'stdio', command: 'true', args: [], env: {}, envPassthrough: [], cwd: undefined, restart: false, maxRestarts: 0,
  restartWindowMs: 1000, handshakeMs: 1000, stopMs: 1000, sandbox: 'off', runAs: undefined, timeoutMs: 1000, maxTimeoutMs: 1000, concurrency: 1, queue: 1,
  resultBytes: 1000, breaker: { threshold: 0, recoveryMs: 1, windowMs: 1, minimumCalls: 1, failureRate: 1 }, idempotent: [], retries: 0,
  era: 'auto', healthIntervalMs: 1000, asks: { elicitation: true, sampling: false, roots: false }, roots: [], aliases: {}, hide: [],
};

export interface SettingsChanges {
  readonly bounds?: Partial<BoundsSettings>;
  readonly gateway?: Partial<GatewaySettings>;
  readonly issuers?: readonly string[];
  /** The baseline. */
  readonly scopes?: readonly string[];
}

export function testSettings({ bounds, gateway, issuers, scopes }: SettingsChanges = {}): Settings {
  return {
    gateway: { ...GATEWAY, ...gateway },
    bounds: { ...BOUNDS, ...bounds },
    auth: {
      hmac: { secret: new Secret('x'.repeat(32)), issuer: 'sentinel-gateway', audience: 'sentinel-api' },
      ownKeys: undefined,
      issuers: (issuers ?? []).map((issuer) => ({
        issuer, audience: 'sentinel-api', jwksUrl: `${issuer}/jwks`, algorithms: ['ES256'], typ: undefined, roleClaim: undefined, cacheMs: 1, refetchMs: 1, maxStaleMs: 1,
      })),
      roleClaim: 'role', leewayMs: 0, maxLifetimeMs: undefined, tokenBytes: 8192, cacheEntries: 10,
    },
    store: { postgresUrl: undefined, maxConnections: 1, sqlitePath: ':memory:' },
    audit: auditSettings({ enabled: false, onFailure: 'continue' }),
    backends: [GH],
    roles: [],
    scopes: { baseline: scopes ?? [], grants: [] },
    limits: { perTool: 100, tools: [], roles: {}, backends: {}, global: undefined, tasks: 1000, probes: 100, mode: 'enforce' },
    concurrency: { perPrincipal: 100, global: 100 },
    kills: { tools: [], backends: [], roles: [], subjects: [], all: false, cancelInFlight: true },
    arguments: { mode: 'enforce', deadlineMs: 100, schemaBytes: 1000, onUnusable: 'deny' },
    names: 'prefixed',
    whenDown: 'known',
    errorCodes: 'standard',
  };
}
