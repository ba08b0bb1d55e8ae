// Keys and tokens as the command line asks for them: composes settings, the key ring, verification and the store. Decides nothing itself.
import { promises as fs } from 'node:fs';
import type { Timestamp } from '../core/ids.ts';
import type { RevokeRequest } from '../core/operations.ts';
import type { RevokeOverride } from '../core/override.ts';
import type { Clock, OverrideStore, Random, StoreFault } from '../core/ports.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { OwnKeysSettings, Settings } from '../core/settings.ts';
import { openFetchKeys } from '../identity/fetch-keys.ts';
import { inspectToken as inspect, type TokenInspection } from '../identity/inspect.ts';
import { issueToken as mint, type IssuedToken, type IssueFault } from '../identity/issue.ts';
import { generateRing, type KeyDeps, type KeyFault, readRing, rotateRing } from '../identity/keys.ts';
import { revocationsOf } from '../identity/revocations.ts';
import { activeKey, type KeyState, stateOf } from '../identity/ring.ts';
import { prepareSetup } from '../identity/setup.ts';
import { parseToken, tokenIdOf } from '../identity/token.ts';
import { HMAC_KEY_ID, secretWeakness } from '../identity/verifier.ts';
import { openDatabase } from '../stores/database.ts';
import { migrate } from '../stores/migrate.ts';
import { createOverrides } from '../stores/overrides.ts';
import { startFault, type StartFault } from './fault.ts';
import { storedOverrides } from './overrides.ts';
import { systemClock, systemRandom } from './system.ts';

export type { IssuedToken } from '../identity/issue.ts';
export type { TokenInspection } from '../identity/inspect.ts';

export interface KeyTools {
  readonly fs: KeyDeps['fs'];
  readonly clock: Clock;
  readonly random: Random;
}

const SYSTEM: KeyTools = { fs, clock: systemClock, random: systemRandom };

const FAILED = 1;
const SECRET_MISSING = 12;
const SCHEMA = 15;
const DAY_MS = 86_400_000;
/** Long enough for an agent's configuration, short enough that a forgotten token dies by itself. */
const DEFAULT_LIFETIME_MS: number = 30 * DAY_MS;

// ── keys ────────────────────────────────────────────────────────────────────

/** Makes the first key where there is none. For `init` and `start`; idempotent. */
export async function ensureKeys(directory: string, tools: KeyTools = SYSTEM): Promise<Result<{ readonly keyId: string; readonly created: boolean }, StartFault>> {
  const before = await readRing(tools.fs, directory);
  if (!before.ok) return err(keyFault(before.error));
  const ring = await generateRing(tools, directory);
  if (!ring.ok) return err(keyFault(ring.error));
  return ok({ keyId: activeKey(ring.value)?.kid ?? '', created: before.value === undefined });
}

export interface KeyView {
  readonly keyId: string;
  readonly algorithm: 'EdDSA' | 'HS256';
  /** `unknown`: the store that holds the revocations cannot be read. */
  readonly state: KeyState | 'revoked' | 'unknown';
  readonly at: Timestamp | undefined;
  readonly until: Timestamp | undefined;
  /** What an operator should know of it. */
  readonly note: string | undefined;
}

/** Keys of the gateway itself: its ring, and the shared secret. Those of remote issuers are theirs to list. */
export async function listKeys(settings: Settings, tools: KeyTools = SYSTEM): Promise<Result<readonly KeyView[], StartFault>> {
  const { ownKeys, hmac } = settings.auth;
  const ring = ownKeys === undefined ? ok(undefined) : await readRing(tools.fs, ownKeys.directory);
  if (!ring.ok) return err(keyFault(ring.error));
  const now = tools.clock.wall();
  const revoked = await readRevocations(settings);
  const state = (keyId: string, otherwise: KeyState): KeyView['state'] => {
    if (revoked === undefined) return otherwise === 'retired' ? otherwise : 'unknown';
    return revocationsOf(revoked).has(undefined, keyId, now) ? 'revoked' : otherwise;
  };
  const own = (ring.value?.keys ?? []).map((key): KeyView => (
    { keyId: key.kid, algorithm: 'EdDSA', state: state(key.kid, stateOf(key, now)), at: key.createdAt, until: key.graceUntil, note: undefined }));
  if (hmac === undefined) return ok(own);
  const note = secretWeakness(Buffer.from(hmac.secret.reveal(), 'utf8')) ?? 'the shared secret of the configuration';
  return ok([...own, { keyId: HMAC_KEY_ID, algorithm: 'HS256', state: state(HMAC_KEY_ID, 'active'), at: undefined, until: undefined, note }]);
}

export interface Rotation {
  readonly keyId: string;
  /** The key that was active; undefined when this was the first. */
  readonly previous: string | undefined;
  readonly previousUntil: Timestamp | undefined;
}

/** `graceMs` undefined = the configured one. A running gateway must be told to read the keys again. */
export async function rotateKeys(settings: Settings, graceMs: number | undefined, tools: KeyTools = SYSTEM): Promise<Result<Rotation, StartFault>> {
  const own = settings.auth.ownKeys;
  if (own === undefined) return err(noOwnKeys());
  const before = await readRing(tools.fs, own.directory);
  if (!before.ok) return err(keyFault(before.error));
  const ring = await rotateRing(tools, own.directory, graceMs ?? own.graceMs);
  if (!ring.ok) return err(keyFault(ring.error));
  const previous = before.value === undefined ? undefined : activeKey(before.value)?.kid;
  const retiring = ring.value.keys.find((key) => key.kid === previous);
  return ok({ keyId: activeKey(ring.value)?.kid ?? '', previous, previousUntil: retiring?.graceUntil });
}

export interface SigningKeys {
  /** `none` where the gateway has no keys of its own. */
  readonly keyId: string;
  readonly previous: string | undefined;
  /** Until when tokens of the previous key are accepted. */
  readonly until: Timestamp | undefined;
}

/** The key that signs and the one before it, as they lie on disk. */
export async function signingKeys(settings: Settings, tools: Pick<KeyTools, 'fs'> = SYSTEM): Promise<SigningKeys> {
  const { ownKeys } = settings.auth;
  const ring = ownKeys === undefined ? undefined : await readRing(tools.fs, ownKeys.directory);
  const keys = ring?.ok === true ? (ring.value?.keys ?? []) : [];
  const previous = keys.filter((key) => key.graceUntil !== undefined).toSorted((a, b) => b.createdAt - a.createdAt)[0];
  return { keyId: keys.find((key) => key.graceUntil === undefined)?.kid ?? 'none', previous: previous?.kid, until: previous?.graceUntil };
}

// ── tokens ──────────────────────────────────────────────────────────────────

export interface TokenRequest {
  readonly subject: string;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  /** Undefined = 30 days, or the longest the configuration allows. */
  readonly lifetimeMs: number | undefined;
  /** Undefined = this gateway's. */
  readonly audience: string | undefined;
  /** With the shared secret even where own keys exist; without own keys it is used anyway. */
  readonly hs256: boolean;
}

export async function issueToken(settings: Settings, request: TokenRequest, tools: KeyTools = SYSTEM): Promise<Result<IssuedToken, StartFault>> {
  const { ownKeys, hmac, maxLifetimeMs } = settings.auth;
  const algorithm = request.hs256 || (ownKeys === undefined && hmac !== undefined) ? 'HS256' : 'EdDSA';
  const ring = algorithm === 'HS256' || ownKeys === undefined ? ok(undefined) : await readRing(tools.fs, ownKeys.directory);
  if (!ring.ok) return err(keyFault(ring.error));
  const lifetimeMs = request.lifetimeMs ?? Math.min(DEFAULT_LIFETIME_MS, maxLifetimeMs ?? DEFAULT_LIFETIME_MS);
  const issued = await mint(settings.auth, ring.value, { ...request, lifetimeMs, algorithm }, tools);
  return issued.ok ? issued : err(issueFault(issued.error, ownKeys, algorithm));
}

/** Asks remote issuers for their keys where the token names one; changes nothing. */
export async function inspectToken(settings: Settings, token: string, tools: KeyTools = SYSTEM): Promise<Result<TokenInspection, StartFault>> {
  const fetcher = openFetchKeys();
  try {
    const setup = await prepareSetup(settings.auth, { clock: tools.clock, fetchKeys: fetcher.fetchKeys, readRing: (directory) => readRing(tools.fs, directory) }, new Map());
    if (!setup.ok) return err(startFault(SECRET_MISSING, 'SEN-0251', setup.error.message, setup.error.help));
    const revoked = await readRevocations(settings);
    return ok(await inspect(token, {
      verifiers: setup.value.verifiers,
      tokenBytes: settings.auth.tokenBytes,
      revocations: revoked === undefined ? undefined : revocationsOf(revoked),
      now: tools.clock.wall(),
    }));
  } finally {
    await fetcher.close();
  }
}

/** The id to revoke, when the text is a token of any issuer; verified or not, for a leaked token must be revocable after its key is gone. */
export function tokenIdIn(settings: Settings, text: string): string | undefined {
  const parsed = parseToken(text, settings.auth.tokenBytes);
  return parsed.ok ? tokenIdOf(parsed.value) : undefined;
}

/** Without a running gateway: kept in the store, in force from its next start. */
export async function revokeOffline(settings: Settings, request: RevokeRequest, tools: KeyTools = SYSTEM): Promise<Result<void, StartFault>> {
  const database = openDatabase(settings.store, { readOnly: false, thread: false });
  try {
    const ready = await migrate(database, { now: () => tools.clock.wall() });
    const kept = ready.ok ? await revokeToken(createOverrides(database), request, tools) : ready;
    return kept.ok ? ok(undefined) : err(storeFault(kept.error));
  } finally {
    await database.close();
  }
}

async function revokeToken(store: Pick<OverrideStore, 'add'>, request: RevokeRequest, { clock, random }: Pick<KeyTools, 'clock' | 'random'>): Promise<Result<void, StoreFault>> {
  const { what, value, reason, until, by } = request;
  return store.add({ kind: 'revoke', id: random.uuid(), what, value, reason, until, by, at: clock.wall() });
}

async function readRevocations(settings: Settings): Promise<readonly RevokeOverride[] | undefined> {
  return (await storedOverrides(settings))?.filter((override) => override.kind === 'revoke');
}

// ── faults ──────────────────────────────────────────────────────────────────

function keyFault({ code, message, help }: KeyFault): StartFault {
  return code === 'unwritable' ? startFault(FAILED, 'SEN-0252', message, help) : startFault(SECRET_MISSING, 'SEN-0251', message, help);
}

function noOwnKeys(): StartFault {
  return startFault(SECRET_MISSING, 'SEN-0253', 'the configuration gives this gateway no keys of its own', 'set `own_keys = true` in [auth]');
}

function issueFault({ code, message }: IssueFault, ownKeys: OwnKeysSettings | undefined, algorithm: IssuedToken['algorithm']): StartFault {
  if (code !== 'no_key') return startFault(FAILED, 'SEN-0254', message, 'sentinel help token issue');
  if (algorithm === 'HS256') return startFault(SECRET_MISSING, 'SEN-0253', message, 'leave --hs256 out, or set the variable that `jwt_secret_env` in [auth] names');
  return ownKeys === undefined ? noOwnKeys() : startFault(SECRET_MISSING, 'SEN-0253', message, 'sentinel keys rotate');
}

function storeFault({ code, detail }: StoreFault): StartFault {
  return startFault(code === 'schema' ? SCHEMA : FAILED, 'SEN-0255', `the revocation could not be kept: ${detail}`, 'sentinel doctor');
}
