// What the claims of a signed token must say before it makes a Principal. Pure: rules, claims and time in, a failure or nothing out.
import { elements, members, safeIntegerOf, stringOf } from '../core/json/slice.ts';
import type { RawJson } from '../core/json/scan.ts';
import { type RoleName, roleName, type Timestamp } from '../core/ids.ts';
import type { AuthFailure } from '../core/principal.ts';
import { ok, type Result } from '../core/result.ts';
import { hasControl } from '../core/text.ts';
import { type Claims, type ParsedToken, refuse, textOf } from './token.ts';

export interface ClaimRules {
  readonly audience: string;
  /** Required `typ`; undefined = `JWT`, `at+jwt` or absent. */
  readonly typ: string | undefined;
  readonly roleClaim: string;
  readonly leewayMs: number;
  readonly maxLifetimeMs: number | undefined;
}

export interface ClaimCheck {
  readonly name: string;
  readonly check: (token: ParsedToken, rules: ClaimRules, now: Timestamp) => AuthFailure | undefined;
}

/** `new Date(ms)` is invalid beyond this many seconds; what shows an expiry must never throw. */
const MAX_SECONDS = 8_640_000_000_000;
const MAX_NAME = 256;
export const MAX_ROLES = 32;
const MAX_AUDIENCES = 16;

/** In the order they are asked. `inspect` shows each, `verify` stops at the first failure. */
export const CLAIM_CHECKS: readonly ClaimCheck[] = [
  { name: 'typ', check: checkType },
  { name: 'cnf', check: checkUnbound },
  { name: 'aud', check: checkAudience },
  { name: 'exp', check: checkExpiry },
  { name: 'nbf', check: checkNotBefore },
  { name: 'iat', check: checkIssuedAt },
  { name: 'lifetime', check: checkLifetime },
  { name: 'sub', check: checkSubject },
  { name: 'role', check: ({ claims }, { roleClaim }) => failureOf(rolesOf(claims, roleClaim)) },
];

const fail = (code: AuthFailure['code'], detail: string): AuthFailure => ({ code, detail });
const failureOf = (result: Result<unknown, AuthFailure>): AuthFailure | undefined => (result.ok ? undefined : result.error);

function checkType({ typ, claims }: ParsedToken, rules: ClaimRules): AuthFailure | undefined {
  if (rules.typ !== undefined) return typ === rules.typ ? undefined : fail('type', `typ is not ${rules.typ}`);
  if (typ !== undefined && typ !== 'jwt' && typ !== 'at+jwt') return fail('type', 'typ is neither JWT nor at+jwt');
  // RFC 9068 §5: an `at+jwt` cannot be an ID token. The others are told apart by what only ID tokens carry (B07).
  if (typ !== 'at+jwt' && looksLikeIdToken(claims)) return fail('type', 'an ID token, not an access token');
  return undefined;
}

/** A token bound to a key (RFC 7800; DPoP, mTLS) is worth nothing without its proof, and no proof can be checked here: as a bearer token it may be stolen (B25). */
function checkUnbound({ claims }: ParsedToken): AuthFailure | undefined {
  return claims.has('cnf') ? fail('type', 'bound to a key by cnf, and proofs of possession are not taken here') : undefined;
}

/** OpenID Connect Core §2 and §3.3.2.11; `typ` in the payload is Keycloak's word for it, `token_use` is Cognito's. */
function looksLikeIdToken(claims: Claims): boolean {
  const use = textOf(claims.get('token_use'))?.toLowerCase();
  if (use !== undefined && use !== 'access') return true;
  const kind = textOf(claims.get('typ'))?.toLowerCase();
  if (kind === 'bearer') return false;
  if (kind === 'id' || kind === 'refresh' || kind === 'offline' || kind === 'logout') return true;
  return claims.has('nonce') || claims.has('at_hash') || claims.has('c_hash');
}

/** B08: a token that is also good elsewhere could be replayed by that elsewhere, so every member of a list must be ours. */
function checkAudience({ claims }: ParsedToken, { audience }: ClaimRules): AuthFailure | undefined {
  const raw = claims.get('aud');
  if (raw === undefined) return fail('audience', 'aud is missing');
  const single = stringOf(raw);
  if (single !== undefined) return single === audience ? undefined : fail('audience', 'aud is not ours');
  const list = elements(raw);
  if (list === undefined || list.length === 0 || list.length > MAX_AUDIENCES) return fail('audience', 'aud is not a string or a short list');
  return list.every((item) => stringOf(item) === audience) ? undefined : fail('audience', 'aud names others besides us');
}

/** Seconds. B11: plain non-negative integers only, however RFC 7519 §2 would allow fractions. */
function secondsOf(raw: RawJson): number | undefined {
  const value = safeIntegerOf(raw);
  return value === undefined || value < 0 || value > MAX_SECONDS ? undefined : value;
}

/** Undefined when the claim is absent, a failure when it is no time. */
function timeOf(claims: Claims, name: string): Result<number | undefined, AuthFailure> {
  const raw = claims.get(name);
  if (raw === undefined) return ok(undefined);
  const seconds = secondsOf(raw);
  return seconds === undefined ? refuse('claims', `${name} is not a whole number of seconds`) : ok(seconds * 1000);
}

export function expiryOf(claims: Claims): Result<number, AuthFailure> {
  const at = timeOf(claims, 'exp');
  if (!at.ok) return at;
  return at.value === undefined ? refuse('claims', 'exp is missing') : ok(at.value);
}

function checkExpiry({ claims }: ParsedToken, rules: ClaimRules, now: Timestamp): AuthFailure | undefined {
  const at = expiryOf(claims);
  if (!at.ok) return at.error;
  return now >= at.value + rules.leewayMs ? fail('expired', `expired ${Math.round((now - at.value) / 1000)} s ago`) : undefined;
}

function checkNotBefore({ claims }: ParsedToken, rules: ClaimRules, now: Timestamp): AuthFailure | undefined {
  const at = timeOf(claims, 'nbf');
  if (!at.ok) return at.error;
  return at.value !== undefined && at.value > now + rules.leewayMs ? fail('not_yet_valid', 'nbf is in the future') : undefined;
}

function checkIssuedAt({ claims }: ParsedToken, rules: ClaimRules, now: Timestamp): AuthFailure | undefined {
  const at = timeOf(claims, 'iat');
  if (!at.ok) return at.error;
  return at.value !== undefined && at.value > now + rules.leewayMs ? fail('issued_in_future', 'iat is in the future') : undefined;
}

/** Without `iat` the rest of its life is what can be judged: leaving the claim out must not lengthen it. */
function checkLifetime({ claims }: ParsedToken, { maxLifetimeMs }: ClaimRules, now: Timestamp): AuthFailure | undefined {
  if (maxLifetimeMs === undefined) return undefined;
  const expiry = expiryOf(claims);
  const issued = timeOf(claims, 'iat');
  if (!expiry.ok) return expiry.error;
  if (!issued.ok) return issued.error;
  return expiry.value - (issued.value ?? now) > maxLifetimeMs ? fail('lifetime', 'lives longer than auth allows') : undefined;
}

function checkSubject({ claims }: ParsedToken): AuthFailure | undefined {
  const subject = textOf(claims.get('sub'));
  if (subject === undefined) return fail('claims', 'sub is missing or not a string');
  return isName(subject) ? undefined : fail('claims', 'sub is too long or holds control characters');
}

/** Fit to be shown and to be a key: 1 to 256 characters, none of them a control. */
export function isName(text: string): boolean {
  return text.length > 0 && text.length <= MAX_NAME && !hasControl(text);
}

/** The claim at a dotted path: a string, or a list of strings, none of them empty. Order kept, repeats dropped. */
export function rolesOf(claims: Claims, path: string): Result<readonly RoleName[], AuthFailure> {
  const raw = claimAt(claims, path);
  if (raw === undefined) return refuse('role', `${path} is missing`);
  const single = stringOf(raw);
  const items = single === undefined ? elements(raw)?.map((item) => stringOf(item)) : [single];
  if (items === undefined || items.length === 0 || items.length > MAX_ROLES) return refuse('role', `${path} is not a role or a list of 1 to ${MAX_ROLES}`);
  const roles = new Set<RoleName>();
  for (const item of items) {
    if (item === undefined || !isName(item)) return refuse('role', `${path} holds something that is no role name`);
    roles.add(roleName(item));
  }
  return ok([...roles]);
}

/** A claim whose whole name is the path wins: issuers use names such as `https://example.com/roles`. */
function claimAt(claims: Claims, path: string): RawJson | undefined {
  const whole = claims.get(path);
  if (whole !== undefined) return whole;
  const [first, ...rest] = path.split('.');
  let raw = claims.get(first ?? '');
  for (const name of rest) {
    if (raw === undefined) return undefined;
    raw = members(raw)?.get(name);
  }
  return raw;
}
