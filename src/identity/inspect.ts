// What is in a token and which checks it passes, one by one. Never silent about a check, and never shows the signature.
import type { Timestamp } from '../core/ids.ts';
import type { RawJson } from '../core/json/scan.ts';
import type { AuthFailure } from '../core/principal.ts';
import type { Result } from '../core/result.ts';
import { CLAIM_CHECKS } from './claims.ts';
import type { Revocations } from './revocations.ts';
import { type ParsedToken, parseToken, tokenIdOf } from './token.ts';
import type { Verifier, VerifyingKey } from './verifier.ts';
import { chooseVerifier, signatureFailure } from './verify.ts';

export interface TokenCheck {
  readonly name: string;
  /** `skipped`: an earlier failure left nothing to ask it with. */
  readonly outcome: 'pass' | 'fail' | 'skipped';
  readonly detail: string | undefined;
}

export interface TokenInspection {
  /** True only when every check passed: the gateway would let it in now. */
  readonly accepted: boolean;
  readonly tokenId: string | undefined;
  readonly header: RawJson | undefined;
  readonly payload: RawJson | undefined;
  readonly checks: readonly TokenCheck[];
}

export interface InspectDeps {
  readonly verifiers: readonly Verifier[];
  readonly tokenBytes: number;
  /** Undefined = they cannot be read, so the check is skipped and nothing is accepted. */
  readonly revocations: Revocations | undefined;
  readonly now: Timestamp;
}

export async function inspectToken(text: string, deps: InspectDeps): Promise<TokenInspection> {
  const parsed = parseToken(text, deps.tokenBytes);
  const checks: TokenCheck[] = [judged('form', parsed)];
  if (!parsed.ok) return { accepted: false, tokenId: undefined, header: undefined, payload: undefined, checks };
  const token = parsed.value;
  const verifier = chooseVerifier(token, deps.verifiers);
  checks.push(judged('issuer and algorithm', verifier));
  const key = verifier.ok ? await verifier.value.find(token.kid, token.alg) : undefined;
  checks.push(key === undefined ? skipped('key') : judged('key', key));
  checks.push(key?.ok === true ? verdict('signature', await signatureFailure(token, key.value)) : skipped('signature'));
  checks.push(...claimChecks(token, verifier.ok ? verifier.value : undefined, deps.now));
  const id = tokenIdOf(token);
  checks.push(revocationCheck(deps, id, key));
  return { accepted: checks.every(({ outcome }) => outcome === 'pass'), tokenId: id, header: token.header, payload: token.payload, checks };
}

/** The claims of a forged token are shown as judged too: the failed signature stands above them. */
function claimChecks(token: ParsedToken, verifier: Verifier | undefined, now: Timestamp): readonly TokenCheck[] {
  return CLAIM_CHECKS.map(({ name, check }) => (verifier === undefined ? skipped(name) : verdict(name, check(token, verifier.rules, now))));
}

function revocationCheck({ revocations, now }: InspectDeps, id: string, key: Result<VerifyingKey, AuthFailure> | undefined): TokenCheck {
  if (revocations === undefined) return skipped('not revoked');
  const keyId = key?.ok === true ? key.value.id : undefined;
  return verdict('not revoked', revocations.has(id, keyId, now) ? { code: 'revoked', detail: 'revoked by an operator' } : undefined);
}

function judged(name: string, result: Result<unknown, AuthFailure>): TokenCheck {
  return verdict(name, result.ok ? undefined : result.error);
}

function verdict(name: string, failure: AuthFailure | undefined): TokenCheck {
  return failure === undefined ? { name, outcome: 'pass', detail: undefined } : { name, outcome: 'fail', detail: failure.detail };
}

function skipped(name: string): TokenCheck {
  return { name, outcome: 'skipped', detail: undefined };
}
