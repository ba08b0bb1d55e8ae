// [auth]: whose tokens are believed. There is always at least one way to verify them, or the gateway does not start.
import * as z from 'zod';
import { isLoopback } from '../core/loopback.ts';
import type { Secret } from '../core/secret.ts';
import type { AuthSettings, HmacSettings, OwnKeysSettings, RemoteIssuerSettings } from '../core/settings.ts';
import { choices, count, duration, maybeDuration, maybeText, neededText, ROWS, secret, size, text } from './keys.ts';
import type { Path } from './locate.ts';
import { quoted } from './problems.ts';
import { section, type Context, type Section } from './section.ts';
import { nameOf } from './secrets.ts';

const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const;
export const DEFAULT_SECRET_ENV = 'JWT_SECRET_KEY';

const OWN_KEYS = z.strictObject({
  issuer: maybeText({ doc: 'Issuer of the tokens. Unset: `auth.jwt_issuer`.', example: '"sentinel-gateway"' }),
  audience: maybeText({ doc: 'Audience of the tokens. Unset: `auth.jwt_audience`.', example: '"sentinel-api"' }),
  grace: duration('1h', { doc: 'How long the previous key still verifies after `sentinel keys rotate`.' }),
});
const OWN_KEYS_UNION = z.union([z.boolean(), OWN_KEYS]).default(false);
ROWS.add(OWN_KEYS_UNION, { kind: 'true, false or a table', each: undefined, fallback: 'false', doc: 'Ed25519 keys of the gateway itself, in `state_dir`/keys; `sentinel token issue` signs with them.' });

const ISSUER = z.strictObject({
  issuer: neededText({ doc: 'Exactly the `iss` of its tokens.' }),
  audience: neededText({ doc: 'Exactly the `aud` its tokens must have.' }),
  jwks_url: neededText({ doc: 'Where its public keys are; https, or http on loopback.' }),
  algorithms: choices(ALGORITHMS, ['RS256', 'PS256', 'ES256', 'EdDSA'], { doc: 'Signature algorithms its keys may have.' }),
  typ: maybeText({ doc: 'Required token type. Unset: any but ID tokens.', example: '"at+jwt"' }),
  role_claim: maybeText({ doc: 'Claim with the roles. Unset: `auth.role_claim`.', example: '"realm_access.roles"' }),
  cache: duration('10m', { doc: 'How long fetched keys are used before they are fetched again.' }, { least: 1000 }),
  refetch: duration('30s', { doc: 'Least time between fetches that unknown key ids cause.' }, { least: 1000 }),
  max_stale: duration('24h', { doc: 'How long old keys serve while the issuer cannot be reached.' }),
});

const AUTH = z.strictObject({
  jwt_secret_env: maybeText({ doc: 'Variable with the HS256 secret, taken as raw bytes. Unset: JWT_SECRET_KEY, when that is set.', original: true, example: '"JWT_SECRET_KEY"' }),
  jwt_secret: secret({ doc: 'The HS256 secret, instead of `jwt_secret_env`.', example: '{ file = "/run/credentials/sentinel/jwt" }' }),
  jwt_issuer: text('sentinel-gateway', { doc: 'Required `iss` of HS256 tokens.', original: true }),
  jwt_audience: text('sentinel-api', { doc: 'Required `aud` of HS256 tokens.', original: true }),
  role_claim: text('role', { doc: 'Claim with the role or list of roles; dots lead into objects.' }),
  leeway: duration('30s', { doc: 'Clock difference that is forgiven.' }, { most: 300_000 }),
  max_token_lifetime: maybeDuration({ doc: 'Tokens made to live longer are refused. Unset: no bound.', example: '"24h"' }, { least: 1000 }),
  token_bytes: size('8KiB', { doc: 'Longest token that is looked at.' }, { least: 256, most: 65_536 }),
  cache_entries: count(10_000, { doc: 'Most verified tokens remembered.' }, { least: 0, most: 1_000_000 }),
  own_keys: OWN_KEYS_UNION,
  issuers: z.array(ISSUER).max(64).default([]),
});
type AuthFile = z.output<typeof AUTH>;

/** RFC 7518 §3.2: a key of the size of the hash output, or larger. */
const HS256_BYTES = 32;

/** Given: the state directory. */
export const auth: Section<AuthSettings, string> = section('auth', AUTH, (file, context, stateDir: string): AuthSettings => {
  const named = file.jwt_secret_env !== undefined || file.jwt_secret !== undefined;
  const hmac = hmacOf(file, context);
  const ownKeys = ownKeysOf(file, stateDir);
  // A secret that is named but missing has been told already.
  if (!named && hmac === undefined && ownKeys === undefined && file.issuers.length === 0) {
    context.problem('no_verifier', ['auth'], `nothing can verify a token: ${DEFAULT_SECRET_ENV} is not set, and there are no own keys and no issuers`);
  }
  return {
    hmac,
    ownKeys,
    issuers: file.issuers.map((issuer, index) => issuerOf(issuer, index, file, context)),
    roleClaim: file.role_claim,
    leewayMs: file.leeway,
    maxLifetimeMs: file.max_token_lifetime,
    tokenBytes: file.token_bytes,
    cacheEntries: file.cache_entries,
  };
});

function hmacOf(file: AuthFile, context: Context): HmacSettings | undefined {
  if (file.jwt_secret !== undefined && file.jwt_secret_env !== undefined) {
    context.problem('contradiction', ['auth', 'jwt_secret'], 'both `jwt_secret` and `jwt_secret_env` are set', 'keep one of the two');
  }
  const key: Path = ['auth', file.jwt_secret === undefined ? 'jwt_secret_env' : 'jwt_secret'];
  const value = file.jwt_secret === undefined ? secretFromEnv(file.jwt_secret_env, context) : context.secrets.resolve(file.jwt_secret, key);
  if (value === undefined) return undefined;
  const bytes = Buffer.byteLength(value.reveal());
  if (bytes < HS256_BYTES) context.problem('weak_secret', key, `the HS256 secret has less than ${HS256_BYTES} bytes`);
  return { secret: value, issuer: file.jwt_issuer, audience: file.jwt_audience };
}

/** The original let everybody in as admin when the variable was unset or empty (A01); here that is a refusal. */
function secretFromEnv(name: string | undefined, context: Context): Secret | undefined {
  const value = context.secrets.env(name ?? DEFAULT_SECRET_ENV);
  if (value === undefined && name !== undefined) {
    context.problem('secret_unset', ['auth', 'jwt_secret_env'], `the environment variable ${nameOf(name)} is not set or empty, so no token could be verified`);
  }
  return value;
}

function ownKeysOf(file: AuthFile, stateDir: string): OwnKeysSettings | undefined {
  if (file.own_keys === false) return undefined;
  const said = file.own_keys === true ? OWN_KEYS.parse({}) : file.own_keys;
  return { directory: `${stateDir}/keys`, issuer: said.issuer ?? file.jwt_issuer, audience: said.audience ?? file.jwt_audience, graceMs: said.grace };
}

function issuerOf(file: z.output<typeof ISSUER>, index: number, auth: AuthFile, context: Context): RemoteIssuerSettings {
  const path: Path = ['auth', 'issuers', index];
  const first = auth.issuers.findIndex((other) => other.issuer === file.issuer);
  if (first !== index) context.problem('issuer', [...path, 'issuer'], `the issuer ${quoted(file.issuer)} is there twice`);
  const url = URL.canParse(file.jwks_url) ? new URL(file.jwks_url) : undefined;
  const fit = url !== undefined && url.username === '' && url.password === '' && (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname)));
  if (!fit) context.problem('issuer', [...path, 'jwks_url'], '`jwks_url` must be an https URL without credentials (http only on loopback)', undefined, 'key');
  return {
    issuer: file.issuer,
    audience: file.audience,
    jwksUrl: file.jwks_url,
    algorithms: file.algorithms,
    typ: file.typ?.toLowerCase().replace(/^application\//, ''),
    roleClaim: file.role_claim,
    cacheMs: file.cache,
    refetchMs: file.refetch,
    maxStaleMs: file.max_stale,
  };
}
