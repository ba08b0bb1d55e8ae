// A bearer token as text → its scanned header and claims. Trusts nothing and verifies nothing: what comes out is still a claim.
import { hash } from 'node:crypto';
import { members, stringOf } from '../core/json/slice.ts';
import { decodeUtf8, type JsonLimits, type RawJson, scan } from '../core/json/scan.ts';
import type { AuthFailure, AuthFailureCode } from '../core/principal.ts';
import { err, ok, type Err, type Result } from '../core/result.ts';

/** Unescaped name → value as written. A map, so that no claim can be named into a prototype. */
export type Claims = ReadonlyMap<string, RawJson>;

export interface ParsedToken {
  readonly text: string;
  readonly alg: string;
  /** Lower case, without `application/` (RFC 7515 §4.1.9); undefined when absent. */
  readonly typ: string | undefined;
  readonly kid: string | undefined;
  readonly issuer: string;
  readonly header: RawJson;
  readonly payload: RawJson;
  readonly claims: Claims;
}

// Keycloak puts a role list per client into its tokens: deep objects are not legal use, many members are.
const LIMITS: JsonLimits = { maxDepth: 8, maxKeys: 512, maxItems: 512, maxKeyLength: 256, maxNumberLength: 32, loneSurrogates: 'reject' };

/** B06: each would let the token say how it is to be checked, or where the key is to be fetched. */
const REFUSED_HEADERS: readonly string[] = ['jwk', 'jku', 'x5u', 'x5c', 'crit', 'b64', 'zip', 'enc'];
const MAX_KID = 256;

export function refuse(code: AuthFailureCode, detail: string): Err<AuthFailure> {
  return err({ code, detail });
}

/** Length first, then shape, then JSON: garbage costs one comparison or one pass (B02). `maxBytes` counts characters; legal ones are ASCII. */
export function parseToken(text: string, maxBytes: number): Result<ParsedToken, AuthFailure> {
  if (text.length === 0) return refuse('missing', 'no token');
  if (text.length > maxBytes) return refuse('too_long', `longer than ${maxBytes} bytes`);
  const parts = splitCompact(text);
  if (parts === undefined) return refuse('malformed', 'not three non-empty base64url parts');
  const header = readObject(parts[0], 'header');
  if (!header.ok) return header;
  const payload = readObject(parts[1], 'payload');
  if (!payload.ok) return payload;
  const read = readHeader(header.value.claims);
  if (!read.ok) return read;
  const issuer = textOf(payload.value.claims.get('iss'));
  if (issuer === undefined) return refuse('issuer', 'iss is missing or not a string');
  return ok({ text, ...read.value, issuer, header: header.value.raw, payload: payload.value.raw, claims: payload.value.claims });
}

/** Header, payload and signature as bytes. Only canonical base64url: two spellings of one token would be two credentials. */
function splitCompact(text: string): readonly [Uint8Array, Uint8Array] | undefined {
  const first = text.indexOf('.');
  const second = text.indexOf('.', first + 1);
  if (first <= 0 || second <= first + 1 || second === text.length - 1) return undefined;
  const header = canonical(text.slice(0, first));
  const payload = canonical(text.slice(first + 1, second));
  const signature = canonical(text.slice(second + 1));
  return header === undefined || payload === undefined || signature === undefined ? undefined : [header, payload];
}

function canonical(part: string): Uint8Array | undefined {
  // Node's decoder skips what it does not know; encoding again shows it (also a fourth part, padding, and spare bits).
  const bytes = Buffer.from(part, 'base64url');
  return bytes.toString('base64url') === part ? bytes : undefined;
}

function readObject(bytes: Uint8Array, what: string): Result<{ readonly raw: RawJson; readonly claims: Claims }, AuthFailure> {
  const text = decodeUtf8(bytes);
  if (!text.ok) return refuse('malformed', `${what}: ${text.error.code}`);
  const raw = scan(text.value, LIMITS);
  if (!raw.ok) return refuse('malformed', `${what}: ${raw.error.code}`);
  const claims = members(raw.value);
  return claims === undefined ? refuse('malformed', `${what} is not an object`) : ok({ raw: raw.value, claims });
}

type Header = Pick<ParsedToken, 'alg' | 'typ' | 'kid'>;

function readHeader(header: Claims): Result<Header, AuthFailure> {
  const refused = REFUSED_HEADERS.find((name) => header.has(name));
  if (refused !== undefined) return refuse('malformed', `header member ${refused} is refused`);
  const alg = textOf(header.get('alg'));
  if (alg === undefined) return refuse('algorithm', 'alg is missing or not a string');
  const kid = textOf(header.get('kid'));
  if (header.has('kid') && (kid === undefined || kid.length > MAX_KID)) return refuse('unknown_key', 'kid is not a short string');
  const typ = textOf(header.get('typ'));
  if (header.has('typ') && typ === undefined) return refuse('type', 'typ is not a string');
  return ok({ alg, kid, typ: typ?.toLowerCase().replace(/^application\//, '') });
}

/** A non-empty string claim; undefined for anything else. */
export function textOf(raw: RawJson | undefined): string | undefined {
  const text = stringOf(raw);
  return text === '' ? undefined : text;
}

const DIGEST_ID = /^sha256:[0-9a-f]{64}$/;
const PLAIN_ID = /^[\x21-\x7e]{1,128}$/;

/**
 * The bounded name of a token in audits and revocations: its `jti` when that is short and plain, else a digest of it (B19).
 * Without a `jti`, a digest of the signed text: not of the whole token, for an ECDSA signature has a second valid spelling.
 */
export function tokenIdOf(token: ParsedToken): string {
  const jti = textOf(token.claims.get('jti'));
  if (jti === undefined) return digestId(token.text.slice(0, token.text.lastIndexOf('.')));
  return PLAIN_ID.test(jti) && !DIGEST_ID.test(jti) ? jti : digestId(jti);
}

/** What an operator may give to revoke: a `jti` of any form, or the id that an audit row shows. Where it could be either, both. */
export function revokedTokenIds(value: string): readonly string[] {
  if (DIGEST_ID.test(value)) return [value, digestId(value)];
  return [PLAIN_ID.test(value) ? value : digestId(value)];
}

function digestId(text: string): string {
  return `sha256:${hash('sha256', text, 'hex')}`;
}

/** SHA-256 of the token, hex: names a credential without keeping it. */
export function credentialOf(text: string): string {
  return hash('sha256', text, 'hex');
}
