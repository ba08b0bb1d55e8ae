// Token text → Principal. The order is the defence: length, shape, JSON, header, key by exact issuer and id, signature, claims.
import { compactVerify } from 'jose';
import { type Timestamp, timestamp } from '../core/ids.ts';
import type { AuthFailure, Principal } from '../core/principal.ts';
import { err, ok, type Result } from '../core/result.ts';
import { CLAIM_CHECKS, expiryOf, rolesOf } from './claims.ts';
import { scopesOf } from './scopes.ts';
import { credentialOf, type ParsedToken, parseToken, refuse, textOf, tokenIdOf } from './token.ts';
import type { Verifier, VerifyingKey } from './verifier.ts';

export interface Verified {
  readonly principal: Principal;
  readonly verifier: Verifier;
  readonly key: VerifyingKey;
  readonly alg: string;
}

export type Verification = Result<Verified, AuthFailure>;

export interface VerifyRules {
  readonly verifiers: readonly Verifier[];
  readonly tokenBytes: number;
}

/** Synchronous for everything that can be refused without a key. */
export function verifyToken(text: string, rules: VerifyRules, now: () => Timestamp): Verification | Promise<Verification> {
  const parsed = parseToken(text, rules.tokenBytes);
  if (!parsed.ok) return parsed;
  const chosen = chooseVerifier(parsed.value, rules.verifiers);
  if (!chosen.ok) return chosen;
  return verifyWith(parsed.value, chosen.value, now);
}

async function verifyWith(token: ParsedToken, verifier: Verifier, now: () => Timestamp): Promise<Verification> {
  const found = await verifier.find(token.kid, token.alg);
  if (!found.ok) return found;
  const forged = await signatureFailure(token, found.value);
  if (forged !== undefined) return err(forged);
  const at = now();
  for (const { check } of CLAIM_CHECKS) {
    const failure = check(token, verifier.rules, at);
    if (failure !== undefined) return err(failure);
  }
  const principal = principalOf(token, verifier, found.value);
  return principal.ok ? ok({ principal: principal.value, verifier, key: found.value, alg: token.alg }) : principal;
}

/** By exact issuer (B09), then by algorithm: a key is only ever used with the algorithm it is pinned to (B03, B04). */
export function chooseVerifier(token: ParsedToken, verifiers: readonly Verifier[]): Result<Verifier, AuthFailure> {
  const ofIssuer = verifiers.filter(({ issuer }) => issuer === token.issuer);
  if (ofIssuer.length === 0) return refuse('issuer', 'iss is none of ours');
  const chosen = ofIssuer.find(({ algorithms }) => algorithms.includes(token.alg));
  return chosen === undefined ? refuse('algorithm', 'alg is not one this issuer may use') : ok(chosen);
}

export async function signatureFailure(token: ParsedToken, { key }: VerifyingKey): Promise<AuthFailure | undefined> {
  try {
    await compactVerify(token.text, key, { algorithms: [token.alg] });
    return undefined;
  } catch {
    // Whatever jose objects to, a token it does not confirm is not confirmed.
    return { code: 'signature', detail: 'the signature does not verify' };
  }
}

function principalOf(token: ParsedToken, verifier: Verifier, key: VerifyingKey): Result<Principal, AuthFailure> {
  const subject = textOf(token.claims.get('sub'));
  const roles = rolesOf(token.claims, verifier.rules.roleClaim);
  const expiry = expiryOf(token.claims);
  if (subject === undefined) return refuse('claims', 'sub is missing');
  if (!roles.ok) return roles;
  if (!expiry.ok) return expiry;
  return ok(Object.freeze({
    subject,
    roles: Object.freeze(roles.value),
    scopes: Object.freeze(scopesOf(token.claims)),
    issuer: token.issuer,
    tokenId: tokenIdOf(token),
    keyId: key.id,
    via: 'jwt',
    expiresAt: timestamp(expiry.value),
    credential: credentialOf(token.text),
  }));
}
