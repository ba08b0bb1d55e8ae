// What identity tests share: a clock that stands still, settings, keys, and a mint that can also make bad tokens.
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { calculateJwkThumbprint } from 'jose';
import { instant, timestamp, type Timestamp } from '../../src/core/ids.ts';
import type { Clock } from '../../src/core/ports.ts';
import type { Authenticated } from '../../src/core/ports.ts';
import type { RevokeOverride } from '../../src/core/override.ts';
import { err, ok, type Result } from '../../src/core/result.ts';
import { Secret } from '../../src/core/secret.ts';
import type { AuthSettings, RemoteIssuerSettings } from '../../src/core/settings.ts';
import { createAuthenticator, type TokenAuthenticator } from '../../src/identity/authenticator.ts';
import type { FetchKeys } from '../../src/identity/fetch-keys.ts';
import type { KeyFault } from '../../src/identity/keys.ts';
import type { Ring, RingKey } from '../../src/identity/ring.ts';

export const ISSUER = 'sentinel-gateway';
export const AUDIENCE = 'sentinel-api';
export const SECRET = 'a shared secret of more than thirty-two bytes';

export interface TestClock extends Clock {
  advance(ms: number): void;
}

/** Wall and monotonic time move together, and only by `advance`. */
export function testClock(start: number = Date.UTC(2026, 0, 1)): TestClock {
  let passed = 0;
  return {
    mono: () => instant(passed),
    wall: () => timestamp(start + passed),
    advance: (ms) => {
      passed += ms;
    },
  };
}

export interface TestKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly x: string;
  readonly d: string;
}

export async function ed25519(): Promise<TestKey> {
  const { privateKey } = generateKeyPairSync('ed25519');
  const { x = '', d = '' } = privateKey.export({ format: 'jwk' });
  return { kid: await calculateJwkThumbprint({ kty: 'OKP', crv: 'Ed25519', x }), privateKey, x, d };
}

export function ringKey(key: TestKey, graceUntil?: Timestamp): RingKey {
  return { kid: key.kid, createdAt: timestamp(0), x: key.x, d: graceUntil === undefined ? key.d : undefined, graceUntil };
}

/** Base64url of JSON, or of the very text: some bad tokens are not JSON. */
export function part(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
}

export function hs256(header: unknown, payload: unknown, secret: string | Buffer = SECRET): string {
  const input = `${part(header)}.${part(payload)}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

export function eddsa(header: unknown, payload: unknown, key: TestKey): string {
  const input = `${part(header)}.${part(payload)}`;
  return `${input}.${sign(null, Buffer.from(input), key.privateKey).toString('base64url')}`;
}

export interface GoodClaims {
  readonly iss: string;
  readonly aud: string;
  readonly sub: string;
  readonly role: string;
  readonly iat: number;
  readonly exp: number;
  readonly jti: string;
}

export function goodClaims(clock: Clock): GoodClaims {
  const now = Math.floor(clock.wall() / 1000);
  return { iss: ISSUER, aud: AUDIENCE, sub: 'ada', role: 'developer', iat: now, exp: now + 3600, jti: 'token-1' };
}

export const SETTINGS: AuthSettings = {
  hmac: { secret: new Secret(SECRET), issuer: ISSUER, audience: AUDIENCE },
  ownKeys: { directory: '/keys', issuer: ISSUER, audience: AUDIENCE, graceMs: 3_600_000 },
  issuers: [],
  roleClaim: 'role',
  leewayMs: 30_000,
  maxLifetimeMs: undefined,
  tokenBytes: 8192,
  cacheEntries: 1000,
};

export function remoteSettings(over: Partial<RemoteIssuerSettings> = {}): RemoteIssuerSettings {
  return {
    issuer: 'https://idp.example.com/',
    audience: AUDIENCE,
    jwksUrl: 'https://idp.example.com/keys',
    algorithms: ['EdDSA', 'RS256', 'ES256'],
    typ: undefined,
    roleClaim: undefined,
    cacheMs: 600_000,
    refetchMs: 30_000,
    maxStaleMs: 3_600_000,
    ...over,
  };
}

export interface Bench {
  readonly clock: TestClock;
  readonly key: TestKey;
  readonly authenticator: TokenAuthenticator;
  /** What the gateway reads; a test may change it. */
  readonly world: { ring: Ring | undefined; fault: KeyFault | undefined; revoked: RevokeOverride[] };
  ask(token: string | undefined): Promise<Authenticated>;
}

export async function bench(over: Partial<AuthSettings> = {}, fetchKeys: FetchKeys = noFetch): Promise<Bench> {
  const clock = testClock();
  const key = await ed25519();
  const world: Bench['world'] = { ring: { keys: [ringKey(key)] }, fault: undefined, revoked: [] };
  const made = await createAuthenticator({ ...SETTINGS, ...over }, { clock, fetchKeys, readRing: async () => (world.fault === undefined ? ok(world.ring) : err(world.fault)), revocations: () => world.revoked });
  const authenticator = unwrap(made);
  return { clock, key, authenticator, world, ask: async (token) => authenticator.authenticate(token) };
}

const noFetch: FetchKeys = async (url) => {
  throw new Error(`nothing may be fetched here: ${url}`);
};

export function revoke(what: RevokeOverride['what'], value: string, until?: Timestamp): RevokeOverride {
  return { id: 'r', kind: 'revoke', by: 'ops', reason: 'test', at: timestamp(0), until, what, value };
}

export function unwrap<T>(result: Result<T, unknown>): T {
  if (!result.ok) throw new Error(`unexpected failure: ${JSON.stringify(result.error)}`);
  return result.value;
}

/** `ok`, or the code of the failure. */
export function verdict(answer: Authenticated): string {
  return answer.ok ? 'ok' : answer.error.code;
}
