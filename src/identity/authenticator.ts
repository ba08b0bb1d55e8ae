// Who may act, asked on every request. The only mutable things are the current setup, the revocations and the cache of verified tokens;
// none of them can make a token good that verification would refuse now.
import type { Authenticated, Authenticator } from '../core/ports.ts';
import type { RevokeOverride } from '../core/override.ts';
import type { AuthFailure, Principal } from '../core/principal.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { AuthSettings } from '../core/settings.ts';
import { createTokenCache, type TokenCache } from './cache.ts';
import type { KeySetStatus } from './jwks.ts';
import { type Revocations, revocationsOf } from './revocations.ts';
import { type AuthSetupFault, prepareSetup, type RemoteKeysBySettings, type Setup, type SetupDeps } from './setup.ts';
import { credentialOf } from './token.ts';
import type { Holds, VerifyingKey } from './verifier.ts';
import { type Verification, verifyToken } from './verify.ts';

export interface AuthenticatorDeps extends SetupDeps {
  /** Active revocations; read at the start, at each commit and by `refreshRevocations`. */
  readonly revocations: () => readonly RevokeOverride[];
}

export interface TokenAuthenticator extends Authenticator {
  /** Reads keys and settings anew, changing nothing yet: the returned function swaps them in (the whole or none of it). */
  prepare(settings: AuthSettings): Promise<Result<() => void, AuthSetupFault>>;
  /** Reads the keys on disk anew under the settings in force. On failure the old keys stay. */
  rekey(): Promise<Result<void, AuthSetupFault>>;
  /** After it returns, no revoked token or key is accepted (B22), not even by a verification that is under way. */
  refreshRevocations(): void;
  /** One per remote issuer, for readiness and status. */
  status(): readonly KeySetStatus[];
  dispose(): void;
}

/** What vouched for a principal: kept beside it, so that a stream can be asked again without its token. */
interface Voucher {
  readonly issuer: string;
  readonly alg: string;
  readonly audience: string;
  readonly key: VerifyingKey;
}

interface Entry {
  readonly answer: Authenticated;
  readonly principal: Principal;
  readonly voucher: Voucher;
}

interface State {
  readonly deps: AuthenticatorDeps;
  setup: Setup;
  revocations: Revocations;
  cache: TokenCache<Entry>;
  readonly vouchers: WeakMap<Principal, Voucher>;
}

const MISSING: Authenticated = err({ code: 'missing', detail: 'no credentials' });

export async function createAuthenticator(settings: AuthSettings, deps: AuthenticatorDeps): Promise<Result<TokenAuthenticator, AuthSetupFault>> {
  const setup = await prepareSetup(settings, deps, new Map());
  if (!setup.ok) return setup;
  const state: State = {
    deps,
    setup: setup.value,
    revocations: revocationsOf(deps.revocations()),
    cache: createTokenCache(settings.cacheEntries),
    vouchers: new WeakMap(),
  };
  return ok({
    authenticate: (token) => authenticate(state, token),
    recheck: (principal) => recheck(state, principal),
    prepare: (next) => prepare(state, next),
    rekey: () => rekey(state),
    refreshRevocations: () => {
      state.revocations = revocationsOf(deps.revocations());
    },
    status: () => [...state.setup.remotes.values()].map((keys) => keys.status()),
    dispose: () => disposeRemotes(state.setup.remotes, new Map()),
  });
}

async function prepare(state: State, next: AuthSettings): Promise<Result<() => void, AuthSetupFault>> {
  const base = state.setup;
  const prepared = await prepareSetup(next, state.deps, base.remotes);
  if (!prepared.ok) return prepared;
  return ok(() => {
    const overtaken = state.setup !== base;
    commit(state, prepared.value);
    // Keys were rotated between reading and swapping: these settings stand, but with the keys as they are now.
    if (overtaken) void rekey(state);
  });
}

async function rekey(state: State): Promise<Result<void, AuthSetupFault>> {
  for (;;) {
    const base = state.setup;
    const prepared = await prepareSetup(base.settings, state.deps, base.remotes);
    if (!prepared.ok) return prepared;
    // A reload that came in between must not be undone.
    if (state.setup === base) return ok(commit(state, prepared.value));
  }
}

function commit(state: State, next: Setup): void {
  disposeRemotes(state.setup.remotes, next.remotes);
  state.setup = next;
  state.revocations = revocationsOf(state.deps.revocations());
  state.cache = createTokenCache(next.settings.cacheEntries);
}

function disposeRemotes(old: RemoteKeysBySettings, kept: RemoteKeysBySettings): void {
  for (const [identity, keys] of old) {
    if (!kept.has(identity)) keys.dispose();
  }
}

function authenticate(state: State, token: string | undefined): Authenticated | Promise<Authenticated> {
  if (token === undefined || token === '') return MISSING;
  // Before the hash: an overlong token must not even cost that (B02).
  const { tokenBytes } = state.setup.settings;
  if (token.length > tokenBytes) return err({ code: 'too_long', detail: `longer than ${tokenBytes} bytes` });
  const credential = credentialOf(token);
  const entry = state.cache.get(credential);
  if (entry !== undefined) {
    const failure = standingFailure(state, entry.principal);
    if (failure !== undefined) {
      state.cache.delete(credential);
      return err(failure);
    }
    if (holds(state, entry.voucher) === 'yes') return entry.answer;
    state.cache.delete(credential);
  }
  return verifyAnew(state, token, credential);
}

function verifyAnew(state: State, token: string, credential: string): Authenticated | Promise<Authenticated> {
  const { setup } = state;
  const verification = verifyToken(token, { verifiers: setup.verifiers, tokenBytes: setup.settings.tokenBytes }, () => state.deps.clock.wall());
  if (!(verification instanceof Promise)) return admit(state, verification, credential);
  return verification.then((done) => {
    // The setup changed while the signature was checked: the answer belongs to keys that may be gone. Ask the new ones.
    return state.setup === setup ? admit(state, done, credential) : authenticate(state, token);
  });
}

function admit(state: State, verification: Verification, credential: string): Authenticated {
  if (!verification.ok) return verification;
  const { principal, verifier, key, alg } = verification.value;
  const failure = standingFailure(state, principal);
  if (failure !== undefined) return err(failure);
  const voucher: Voucher = { issuer: verifier.issuer, alg, audience: verifier.rules.audience, key };
  // The key may have gone while its signature was checked.
  if (holds(state, voucher) === 'no') return err({ code: 'unknown_key', detail: 'its key was withdrawn just now' });
  state.vouchers.set(principal, voucher);
  const answer = Object.freeze(ok(principal));
  state.cache.set(credential, { answer, principal, voucher });
  return answer;
}

/** What time and operators can change about a principal whose token was good once. */
function standingFailure({ deps, setup, revocations }: State, principal: Principal): AuthFailure | undefined {
  const now = deps.clock.wall();
  if (now >= principal.expiresAt + setup.settings.leewayMs) return { code: 'expired', detail: 'expired since it was verified' };
  return revocations.has(principal.tokenId, principal.keyId, now) ? { code: 'revoked', detail: 'revoked by an operator' } : undefined;
}

function holds({ setup }: State, { issuer, alg, audience, key }: Voucher): Holds {
  const verifier = setup.verifiers.find((one) => one.issuer === issuer && one.algorithms.includes(alg));
  return verifier === undefined || verifier.rules.audience !== audience ? 'no' : verifier.holds(key);
}

/** A principal of `via: 'local'` has no token behind it; every other must have been made by this very authenticator. */
function recheck(state: State, principal: Principal): AuthFailure | undefined {
  const failure = standingFailure(state, principal);
  if (failure !== undefined || principal.via === 'local') return failure;
  const voucher = state.vouchers.get(principal);
  if (voucher === undefined) return { code: 'unknown_key', detail: 'not a principal of this authenticator' };
  switch (holds(state, voucher)) {
    case 'yes':
    // The next request of this issuer asks it again; a stream does not wait for that.
    case 'ask': return undefined;
    case 'no': return { code: 'unknown_key', detail: 'its key or issuer is no longer trusted' };
    case 'dead': return { code: 'keys_unavailable', detail: "the issuer's keys are too old and cannot be fetched" };
  }
}
