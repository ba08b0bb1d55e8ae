// An issuer's key set document → the keys in it that may verify. Pure but for the thumbprint; whatever is odd is left out, never repaired.
import { calculateJwkThumbprint, type CryptoKey, importJWK } from 'jose';
import { elements, members, stringOf } from '../core/json/slice.ts';
import { type JsonLimits, type RawJson, scan } from '../core/json/scan.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { SignatureAlgorithm } from '../core/settings.ts';
import { type Claims, textOf } from './token.ts';

export type PublicJwk =
  | { readonly kty: 'RSA'; readonly n: string; readonly e: string }
  | { readonly kty: 'EC'; readonly crv: string; readonly x: string; readonly y: string }
  | { readonly kty: 'OKP'; readonly crv: string; readonly x: string };

export interface RemoteKey {
  readonly kid: string | undefined;
  /** RFC 7638 thumbprint. */
  readonly print: string;
  readonly algorithms: readonly SignatureAlgorithm[];
  readonly jwk: PublicJwk;
}

const LIMITS: JsonLimits = { maxDepth: 8, maxKeys: 2_000, maxItems: 2_000, maxKeyLength: 256, maxNumberLength: 32, loneSurrogates: 'reject' };
const MAX_KEYS = 64;
const MAX_KID = 256;
/** A key that also says its private part is everybody's key. */
const PRIVATE_MEMBERS: readonly string[] = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'];
const RSA_ALGORITHMS: readonly SignatureAlgorithm[] = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
const EC_ALGORITHMS: ReadonlyMap<string, SignatureAlgorithm> = new Map([['P-256', 'ES256'], ['P-384', 'ES384'], ['P-521', 'ES512']]);
/** 2048 to 8192 bits: less is breakable, more lets one verification take milliseconds. */
const MODULUS = /^[A-Za-z0-9_-]{342,1366}$/;
const EXPONENT = /^[A-Za-z0-9_-]{1,6}$/;

/** RFC 7517 §5. Err is for a document that is no key set at all; keys of other kinds and uses are legal and skipped. */
export async function parseKeySet(text: string, allowed: readonly SignatureAlgorithm[]): Promise<Result<readonly RemoteKey[], string>> {
  const raw = scan(text, LIMITS);
  if (!raw.ok) return err(`not JSON: ${raw.error.code}`);
  const items = elements(members(raw.value)?.get('keys'));
  if (items === undefined) return err('no "keys" list');
  if (items.length > MAX_KEYS) return err(`more than ${MAX_KEYS} keys`);
  const keys: RemoteKey[] = [];
  for (const item of items) {
    const key = await parseKey(item, allowed);
    if (key !== undefined) keys.push(key);
  }
  return ok(keys);
}

async function parseKey(raw: RawJson, allowed: readonly SignatureAlgorithm[]): Promise<RemoteKey | undefined> {
  const found = members(raw);
  if (found === undefined || PRIVATE_MEMBERS.some((name) => found.has(name)) || !mayVerify(found)) return undefined;
  const jwk = publicJwk(found);
  if (jwk === undefined) return undefined;
  const named = textOf(found.get('alg'));
  // RFC 9864 gave EdDSA over Ed25519 a second name.
  const pinned = named === 'Ed25519' ? 'EdDSA' : named;
  if (found.has('alg') && pinned === undefined) return undefined;
  const algorithms = fitting(jwk).filter((alg) => allowed.includes(alg) && (pinned === undefined || pinned === alg));
  const kid = textOf(found.get('kid'));
  if (algorithms.length === 0 || (found.has('kid') && (kid === undefined || kid.length > MAX_KID))) return undefined;
  return { kid, print: await calculateJwkThumbprint(jwk), algorithms, jwk };
}

function mayVerify(found: Claims): boolean {
  if (found.has('use') && textOf(found.get('use')) !== 'sig') return false;
  const ops = found.get('key_ops');
  return ops === undefined || (elements(ops) ?? []).some((op) => stringOf(op) === 'verify');
}

function publicJwk(found: Claims): PublicJwk | undefined {
  const text = (name: string): string => textOf(found.get(name)) ?? '';
  switch (text('kty')) {
    case 'RSA': return MODULUS.test(text('n')) && EXPONENT.test(text('e')) ? { kty: 'RSA', n: text('n'), e: text('e') } : undefined;
    case 'EC': return text('x') !== '' && text('y') !== '' ? { kty: 'EC', crv: text('crv'), x: text('x'), y: text('y') } : undefined;
    case 'OKP': return text('x') === '' ? undefined : { kty: 'OKP', crv: text('crv'), x: text('x') };
    default: return undefined;
  }
}

function fitting(jwk: PublicJwk): readonly SignatureAlgorithm[] {
  if (jwk.kty === 'RSA') return RSA_ALGORITHMS;
  if (jwk.kty === 'OKP') return jwk.crv === 'Ed25519' ? ['EdDSA'] : [];
  const alg = EC_ALGORITHMS.get(jwk.crv);
  return alg === undefined ? [] : [alg];
}

/** Undefined when the numbers in it make no key. */
export async function importPublicJwk(jwk: PublicJwk, alg: string): Promise<CryptoKey | undefined> {
  try {
    const key = await importJWK(jwk, alg);
    return key instanceof Uint8Array ? undefined : key;
  } catch {
    return undefined;
  }
}
