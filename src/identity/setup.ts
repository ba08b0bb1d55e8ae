// Settings → verifiers, or the reason why there can be none. A configuration that verifies nothing is refused here, at start.
import type { Clock } from '../core/ports.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { AuthSettings } from '../core/settings.ts';
import { type FetchKeys, keySetUrlFault } from './fetch-keys.ts';
import { createRemoteKeys, type RemoteKeys, remoteVerifier } from './jwks.ts';
import type { KeyFault } from './keys.ts';
import type { Ring } from './ring.ts';
import { claimRules, hmacVerifier, ownVerifier, type Verifier } from './verifier.ts';

export interface SetupDeps {
  readonly clock: Clock;
  readonly fetchKeys: FetchKeys;
  /** The key ring of a directory; undefined when there is none yet. */
  readonly readRing: (directory: string) => Promise<Result<Ring | undefined, KeyFault>>;
}

export interface AuthSetupFault {
  /** `no_verifier` and `empty_secret`: nothing could ever be let in, so nothing is started. */
  readonly code: 'no_verifier' | 'empty_secret' | 'keys_unreadable' | 'conflict' | 'key_set_url';
  readonly message: string;
  readonly help: string | undefined;
}

/** Key sets by the settings they came from: a reload that leaves an issuer alone keeps its keys. */
export type RemoteKeysBySettings = ReadonlyMap<string, RemoteKeys>;

export interface Setup {
  readonly settings: AuthSettings;
  readonly verifiers: readonly Verifier[];
  readonly remotes: RemoteKeysBySettings;
}

export async function prepareSetup(settings: AuthSettings, deps: SetupDeps, before: RemoteKeysBySettings): Promise<Result<Setup, AuthSetupFault>> {
  const verifiers: Verifier[] = [];
  if (settings.hmac !== undefined) {
    if (settings.hmac.secret.reveal() === '') return fault('empty_secret', 'the HS256 secret is empty', 'set it to at least 32 random bytes, or leave it unset');
    verifiers.push(await hmacVerifier(settings.hmac, claimRules(settings, settings.hmac)));
  }
  const own = await prepareOwn(settings, deps);
  if (!own.ok) return own;
  if (own.value !== undefined) verifiers.push(own.value);
  const remotes = new Map<string, RemoteKeys>();
  for (const issuer of settings.issuers) {
    const wrong = keySetUrlFault(issuer.jwksUrl);
    if (wrong !== undefined) return fault('key_set_url', `the key set address of ${issuer.issuer} ${wrong}`);
    const identity = JSON.stringify(issuer);
    const known = before.get(identity);
    const keys = known?.alive() === true ? known : createRemoteKeys(issuer, deps);
    remotes.set(identity, keys);
    verifiers.push(remoteVerifier(issuer, claimRules(settings, issuer), keys));
  }
  if (verifiers.length === 0) {
    const why = settings.ownKeys === undefined ? 'no secret, no key of its own and no issuer' : 'own keys are configured, and none has been made yet';
    return fault('no_verifier', `${why}: nobody could be authenticated`, settings.ownKeys === undefined ? undefined : 'sentinel keys rotate');
  }
  const twice = conflict(verifiers);
  return twice === undefined ? ok({ settings, verifiers, remotes }) : fault('conflict', twice);
}

async function prepareOwn(settings: AuthSettings, deps: SetupDeps): Promise<Result<Verifier | undefined, AuthSetupFault>> {
  if (settings.ownKeys === undefined) return ok(undefined);
  const ring = await deps.readRing(settings.ownKeys.directory);
  if (!ring.ok) return fault('keys_unreadable', ring.error.message, ring.error.help);
  if (ring.value === undefined) return ok(undefined);
  return ok(await ownVerifier(settings.ownKeys, claimRules(settings, settings.ownKeys), ring.value, deps.clock));
}

/** One issuer and algorithm must mean one set of keys, or "which key" would have two answers. */
function conflict(verifiers: readonly Verifier[]): string | undefined {
  const seen = new Set<string>();
  for (const { issuer, algorithms } of verifiers) {
    for (const alg of new Set(algorithms)) {
      const slot = `${alg} ${issuer}`;
      if (seen.has(slot)) return `the issuer ${issuer} is configured twice for ${alg}`;
      seen.add(slot);
    }
  }
  return undefined;
}

function fault(code: AuthSetupFault['code'], message: string, help?: string): Result<never, AuthSetupFault> {
  return err({ code, message, help });
}
