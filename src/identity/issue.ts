// Mints an access token (RFC 9068 in shape) with the gateway's own key, or with the shared secret where the operator asks for it.
import { importJWK, SignJWT } from 'jose';
import { type Timestamp, timestamp } from '../core/ids.ts';
import type { Clock, Random } from '../core/ports.ts';
import { isScopeName, SCOPES_MAX } from '../core/policy/scopes.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { AuthSettings } from '../core/settings.ts';
import { isName, MAX_ROLES } from './claims.ts';
import { activeKey, type Ring } from './ring.ts';
import { HMAC_KEY_ID } from './verifier.ts';

export interface IssueRequest {
  readonly subject: string;
  readonly roles: readonly string[];
  /** `scope` of the token (RFC 9068 §2.2.3). Empty: it has no such claim. */
  readonly scopes: readonly string[];
  readonly lifetimeMs: number;
  /** Undefined = this gateway. */
  readonly audience: string | undefined;
  readonly algorithm: 'EdDSA' | 'HS256';
}

export interface IssuedToken {
  readonly token: string;
  readonly tokenId: string;
  readonly keyId: string;
  readonly algorithm: IssueRequest['algorithm'];
  readonly issuer: string;
  readonly audience: string;
  readonly subject: string;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  readonly issuedAt: Timestamp;
  readonly expiresAt: Timestamp;
}

export interface IssueFault {
  readonly code: 'no_key' | 'invalid' | 'lifetime';
  readonly message: string;
}

export interface IssueDeps {
  readonly clock: Pick<Clock, 'wall'>;
  readonly random: Pick<Random, 'uuid'>;
}

const REGISTERED: readonly string[] = ['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti'];
const MIN_LIFETIME_MS = 1_000;

export async function issueToken(settings: AuthSettings, ring: Ring | undefined, request: IssueRequest, deps: IssueDeps): Promise<Result<IssuedToken, IssueFault>> {
  const wrong = requestFault(settings, request);
  if (wrong !== undefined) return err(wrong);
  const signer = await signerFor(settings, ring, request.algorithm);
  if (!signer.ok) return signer;
  const { issuer, key, keyId, header } = signer.value;
  const audience = request.audience ?? signer.value.audience;
  // Whole seconds: NumericDate is read as an integer (B11).
  const issued = Math.floor(deps.clock.wall() / 1000);
  const expires = issued + Math.floor(request.lifetimeMs / 1000);
  const tokenId = deps.random.uuid();
  const roles = [...new Set(request.roles)];
  const scopes = [...new Set(request.scopes)];
  const token = await new SignJWT({ ...roleClaims(settings.roleClaim, roles), ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }) })
    .setProtectedHeader(header)
    .setIssuer(issuer)
    .setAudience(audience)
    .setSubject(request.subject)
    .setIssuedAt(issued)
    .setNotBefore(issued)
    .setExpirationTime(expires)
    .setJti(tokenId)
    .sign(key);
  const { subject, algorithm } = request;
  return ok({ token, tokenId, keyId, algorithm, issuer, audience, subject, roles, scopes, issuedAt: timestamp(issued * 1000), expiresAt: timestamp(expires * 1000) });
}

function requestFault({ roleClaim, maxLifetimeMs }: AuthSettings, { subject, roles, scopes, lifetimeMs, audience }: IssueRequest): IssueFault | undefined {
  if (!isName(subject)) return { code: 'invalid', message: 'the subject must have 1 to 256 characters, none of them a control character' };
  if (roles.length === 0 || roles.length > MAX_ROLES) return { code: 'invalid', message: `name 1 to ${MAX_ROLES} roles` };
  if (!roles.every(isName)) return { code: 'invalid', message: 'a role must have 1 to 256 characters, none of them a control character' };
  if (scopes.length > SCOPES_MAX || !scopes.every(isScopeName)) return { code: 'invalid', message: `name at most ${SCOPES_MAX} scopes, each 1 to 128 visible ASCII characters without quotation mark or backslash` };
  if (scopes.length > 0 && roleClaim === 'scope') return { code: 'invalid', message: 'the role claim is `scope`, so the token cannot say scopes' };
  if (audience === '') return { code: 'invalid', message: 'the audience is empty' };
  if (REGISTERED.includes(roleClaim.split('.')[0] ?? '')) return { code: 'invalid', message: `the role claim ${roleClaim} is a registered claim` };
  if (!Number.isFinite(lifetimeMs) || lifetimeMs < MIN_LIFETIME_MS) return { code: 'lifetime', message: 'a token must live for at least a second' };
  if (maxLifetimeMs !== undefined && lifetimeMs > maxLifetimeMs) {
    return { code: 'lifetime', message: `the configuration lets tokens live for at most ${Math.floor(maxLifetimeMs / 1000)} s` };
  }
  return undefined;
}

interface Signer {
  readonly issuer: string;
  readonly audience: string;
  readonly keyId: string;
  readonly key: Parameters<SignJWT['sign']>[0];
  readonly header: Parameters<SignJWT['setProtectedHeader']>[0];
}

async function signerFor({ hmac, ownKeys }: AuthSettings, ring: Ring | undefined, algorithm: IssueRequest['algorithm']): Promise<Result<Signer, IssueFault>> {
  if (algorithm === 'HS256') {
    if (hmac === undefined || hmac.secret.reveal() === '') return err({ code: 'no_key', message: 'there is no shared secret to sign with' });
    const key = Buffer.from(hmac.secret.reveal(), 'utf8');
    return ok({ issuer: hmac.issuer, audience: hmac.audience, keyId: HMAC_KEY_ID, key, header: { alg: 'HS256', typ: 'JWT' } });
  }
  const active = ring === undefined ? undefined : activeKey(ring);
  if (ownKeys === undefined || active?.d === undefined) return err({ code: 'no_key', message: 'there is no key of its own to sign with' });
  const key = await importJWK({ kty: 'OKP', crv: 'Ed25519', x: active.x, d: active.d }, 'EdDSA');
  return ok({ issuer: ownKeys.issuer, audience: ownKeys.audience, keyId: active.kid, key, header: { alg: 'EdDSA', typ: 'at+jwt', kid: active.kid } });
}

/** One role is a string, as every consumer of such tokens reads it; several are a list. A dotted path nests; an address does not. */
function roleClaims(path: string, roles: readonly string[]): Record<string, unknown> {
  const value: unknown = roles.length === 1 ? roles[0] : roles;
  const names = path.includes('/') ? [path] : path.split('.');
  const [outer, ...inner] = names;
  const nested = inner.reduceRight<unknown>((held, name) => ({ [name]: held }), value);
  return { [outer ?? path]: nested };
}
