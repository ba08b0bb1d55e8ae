// What every test of a backend needs: permits, deps that record, settings, and a way to wait for a condition.
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { NO_CAPABILITIES } from '../../src/core/capabilities.ts';
import type { ToolCall } from '../../src/core/call.ts';
import { backendId, callId, instant, roleName, timestamp } from '../../src/core/ids.ts';
import { AGENT_LIMITS } from '../../src/core/json/raw.ts';
import { type RawJson, scan } from '../../src/core/json/scan.ts';
import { issuePermit, type Permit } from '../../src/core/permit.ts';
import type { BackendListing, BackendStatus, CallIo, Clock, Random, Timers } from '../../src/core/ports.ts';
import { Secret } from '../../src/core/secret.ts';
import type { HttpBackendSettings, StdioBackendSettings } from '../../src/core/settings.ts';
import { BACKEND_LIMITS, type BackendDeps, type BackendLimits, type BackendLogLine } from '../../src/backends/deps.ts';
import { execaSpawn } from '../../src/backends/stdio/launch.ts';
import { createWatchdog, type Watchdog } from '../../src/backends/stdio/watchdog.ts';

export const clock: Clock = { mono: () => instant(performance.now()), wall: () => timestamp(Date.now()) };
const random: Random = {
  uuid: () => randomUUID(),
  token: (bytes) => randomBytes(bytes).toString('base64url'),
  float: () => Math.random(),
};

/** Unlike the gateway's, these keep the process alive: a test waits for them with nothing else open. */
export const systemTimers: Timers = {
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

export function json(value: unknown): RawJson {
  return rawOf(JSON.stringify(value));
}

export function rawOf(text: string): RawJson {
  const scanned = scan(text, AGENT_LIMITS);
  if (!scanned.ok) throw new Error(`${text}: ${scanned.error.code}`);
  return scanned.value;
}

export interface Recorded {
  readonly deps: BackendDeps;
  readonly watchdog: Watchdog;
  readonly listings: BackendListing[];
  readonly changes: BackendStatus[];
  readonly log: BackendLogLine[];
  /** Ids of elicitations that were said to be complete; `unknown` was never shown. */
  readonly completed: string[];
  /** Why questions were put to nobody. */
  readonly refused: string[];
}

export function recorded(limits: Partial<BackendLimits> = {}, over: Partial<BackendDeps> = {}): Recorded {
  const listings: BackendListing[] = [];
  const changes: BackendStatus[] = [];
  const log: BackendLogLine[] = [];
  const completed: string[] = [];
  const refused: string[] = [];
  const watchdog = createWatchdog({ random });
  const deps: BackendDeps = {
    clock, random, timers: systemTimers, watchdog, spawn: execaSpawn,
    events: { listed: (_id, listing) => listings.push(listing), changed: (status) => changes.push(status), completed: (elicitation) => completed.push(elicitation) > 0 && elicitation !== 'unknown', questionRefused: (why) => refused.push(why) },
    log: (line) => log.push(line),
    limits: { ...BACKEND_LIMITS, probeMs: 10_000, backoffBaseMs: 20, backoffCapMs: 100, lastBytesMs: 100, relistMs: 10, ...limits },
    client: { name: 'sentinel', version: '0.0.0-test' },
    stateDir: mkdtempSync(join(tmpdir(), 'sentinel-backends-')),
    gatewayEnv: process.env,
    ...over,
  };
  return { deps, watchdog, listings, changes, log, completed, refused };
}

const BASE = {
  timeoutMs: 5_000, maxTimeoutMs: 10_000, concurrency: 32, queue: 64, resultBytes: 1_000_000,
  breaker: { threshold: 5, recoveryMs: 1_000, windowMs: 10_000, minimumCalls: 5, failureRate: 0.5 },
  idempotent: [], retries: 0, asks: { elicitation: true, sampling: false, roots: false }, roots: [], aliases: {}, hide: [], healthIntervalMs: 86_400_000,
} as const;

const FIXTURE = join(import.meta.dirname, '../fixtures/backends/misbehaving.ts');

export function stdioSettings(flags: readonly string[] = [], over: Partial<StdioBackendSettings> = {}): StdioBackendSettings {
  return {
    ...BASE, id: backendId('peer'), type: 'stdio', era: 'auto',
    command: process.execPath, args: [FIXTURE, ...flags], env: {}, envPassthrough: [], cwd: undefined,
    restart: true, maxRestarts: 5, restartWindowMs: 60_000, handshakeMs: 10_000, stopMs: 2_000, sandbox: 'basic', runAs: undefined,
    ...over,
  };
}

export function httpSettings(url: string, over: Partial<HttpBackendSettings> = {}): HttpBackendSettings {
  return { ...BASE, id: backendId('peer'), type: 'http', era: 'auto', url, headers: {}, bearer: undefined, sharedSecret: undefined, allowPrivate: true, sse: false, ...over };
}

export const secret = (text: string): Secret => new Secret(text);

export function toolCall(name: string, args?: unknown, over: Partial<ToolCall> = {}): ToolCall {
  return {
    kind: 'tool',
    id: callId(randomUUID()),
    principal: {
      subject: 'agent', roles: [roleName('role')], scopes: [], issuer: 'test', tokenId: undefined, keyId: undefined, via: 'local',
      expiresAt: timestamp(Date.now() + 60_000), credential: 'agent-credential-canary',
    },
    origin: { surface: 'http', endpoint: { kind: 'merged' }, era: 'legacy', version: '2025-11-25', session: undefined, client: undefined, peer: 'local', capabilities: NO_CAPABILITIES, logLevel: undefined, trace: undefined },
    target: { kind: 'tool', backend: backendId('peer'), name },
    at: clock.mono(),
    wall: clock.wall(),
    exposed: `peer__${name}`,
    args: args === undefined ? undefined : json(args),
    meta: undefined,
    wantsProgress: false, continuation: undefined, task: undefined,
    ...over,
  };
}

export function permit(name: string, args?: unknown, over: Partial<ToolCall> = {}): Permit {
  return issuePermit(toolCall(name, args, over), [], 1);
}

export function io(over: Partial<CallIo> = {}): CallIo {
  return { signal: new AbortController().signal, onProgress: undefined, onLog: undefined, ask: undefined, ...over };
}

/** Polls until it holds; the deadline is only there to end a broken test. */
export async function until(condition: () => boolean, what: string, ms = 60_000): Promise<void> {
  const end = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`never happened: ${what}`);
    await delay(10);
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** The text of the first content block of a result. */
export function textOf(raw: RawJson): string {
  const parsed: unknown = JSON.parse(raw);
  const content: unknown = Reflect.get(Object(parsed), 'content');
  return Array.isArray(content) ? String(Reflect.get(Object(content[0]), 'text')) : '';
}
