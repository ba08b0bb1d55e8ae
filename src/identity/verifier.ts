// One issuer and its keys, as token verification sees them. Here: the shared HMAC secret and the gateway's own key ring.
import { hash } from 'node:crypto';
import { type CryptoKey, importJWK } from 'jose';
import type { Clock } from '../core/ports.ts';
import type { AuthFailure } from '../core/principal.ts';
import { ok, type Result } from '../core/result.ts';
import type { AuthSettings, HmacSettings, OwnKeysSettings } from '../core/settings.ts';
import type { ClaimRules } from './claims.ts';
import { type Ring, type RingKey, stateOf } from './ring.ts';
import { refuse } from './token.ts';

export interface VerifyingKey {
  /** `kid`, or `hmac` for the shared secret: what a revocation names. */
  readonly id: string;
  /** Digest of the key material; stays in memory. Tells a key from another that took over its id. */
  readonly print: string;
  readonly key: CryptoKey;
}

export type FoundKey = Result<VerifyingKey, AuthFailure>;

/** `ask`: still good as far as is known, but `find` should be asked again. `dead`: nothing can be said any more. */
export type Holds = 'yes' | 'no' | 'ask' | 'dead';

export interface Verifier {
  readonly kind: 'hmac' | 'own' | 'remote';
  readonly issuer: string;
  readonly algorithms: readonly string[];
  readonly rules: ClaimRules;
  /** The one key for this id and algorithm. Never tries several. */
  find(kid: string | undefined, alg: string): FoundKey | Promise<FoundKey>;
  /** Whether a key found earlier would be found again. Synchronous: cache hits and long streams ask it. */
  holds(key: VerifyingKey): Holds;
}

export function claimRules(settings: AuthSettings, issuer: { readonly audience: string; readonly typ?: string | undefined; readonly roleClaim?: string | undefined }): ClaimRules {
  return {
    audience: issuer.audience,
    typ: issuer.typ,
    roleClaim: issuer.roleClaim ?? settings.roleClaim,
    leewayMs: settings.leewayMs,
    maxLifetimeMs: settings.maxLifetimeMs,
  };
}

/** HS256 keys shorter than its hash can be searched for offline by whoever holds one token (RFC 7518 §3.2). */
export function secretWeakness(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return 'the secret is empty';
  if (bytes.length < 32) return `the secret has ${bytes.length} bytes; HS256 needs at least 32`;
  return new Set(bytes).size < 8 ? 'the secret repeats a few characters' : undefined;
}

export const HMAC_KEY_ID = 'hmac';

/** The secret's UTF-8 bytes are the key, as the original reads it. The caller has refused an empty one. */
export async function hmacVerifier(settings: HmacSettings, rules: ClaimRules): Promise<Verifier> {
  const bytes = Buffer.from(settings.secret.reveal(), 'utf8');
  const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']);
  const only: VerifyingKey = { id: HMAC_KEY_ID, print: hash('sha256', bytes, 'hex'), key };
  const found = ok(only);
  return {
    kind: 'hmac',
    issuer: settings.issuer,
    algorithms: ['HS256'],
    rules,
    find: () => found,
    holds: (held) => (held.print === only.print ? 'yes' : 'no'),
  };
}

export async function ownVerifier(settings: OwnKeysSettings, rules: ClaimRules, ring: Ring, clock: Pick<Clock, 'wall'>): Promise<Verifier> {
  const keys = new Map<string, { readonly ringKey: RingKey; readonly found: VerifyingKey }>();
  for (const ringKey of ring.keys) {
    if (stateOf(ringKey, clock.wall()) === 'retired') continue;
    keys.set(ringKey.kid, { ringKey, found: { id: ringKey.kid, print: ringKey.kid, key: await importPublic(ringKey) } });
  }
  const verifying = (kid: string): VerifyingKey | undefined => {
    const entry = keys.get(kid);
    return entry === undefined || stateOf(entry.ringKey, clock.wall()) === 'retired' ? undefined : entry.found;
  };
  return {
    kind: 'own',
    issuer: settings.issuer,
    algorithms: ['EdDSA'],
    rules,
    find: (kid) => {
      // Tokens of our own always name their key.
      if (kid === undefined) return refuse('unknown_key', 'kid is missing');
      const found = verifying(kid);
      return found === undefined ? refuse('unknown_key', 'no such key, or it is retired') : ok(found);
    },
    holds: (held) => (verifying(held.id)?.print === held.print ? 'yes' : 'no'),
  };
}

async function importPublic(key: RingKey): Promise<CryptoKey> {
  const imported = await importJWK({ kty: 'OKP', crv: 'Ed25519', x: key.x }, 'EdDSA');
  if (imported instanceof Uint8Array) throw new TypeError('an Ed25519 key cannot be a secret');
  return imported;
}
