// Builds the authenticator over the real network and disk. No way to verify a token: no start (there is no other mode).
import { promises as fs } from 'node:fs';
import type { RevokeOverride } from '../core/override.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { Settings } from '../core/settings.ts';
import { createAuthenticator, type TokenAuthenticator } from '../identity/authenticator.ts';
import { openFetchKeys } from '../identity/fetch-keys.ts';
import { readRing } from '../identity/keys.ts';
import type { AuthSetupFault } from '../identity/setup.ts';
import type { AppDeps } from './deps.ts';
import { startFault, type StartFault } from './fault.ts';

export interface OpenAuthenticator {
  readonly authenticator: TokenAuthenticator;
  /** Ends the connections to issuers. */
  close(): Promise<void>;
}

export async function openAuthenticator(settings: Settings, deps: AppDeps, revocations: () => readonly RevokeOverride[]): Promise<Result<OpenAuthenticator, StartFault>> {
  const fetcher = openFetchKeys();
  const created = await createAuthenticator(settings.auth, { clock: deps.clock, fetchKeys: fetcher.fetchKeys, readRing: (directory) => readRing(fs, directory), revocations });
  if (created.ok) return ok({ authenticator: created.value, close: () => fetcher.close() });
  await fetcher.close();
  return err(startFault(12, authFaultCode(created.error), created.error.message, created.error.help ?? 'sentinel init'));
}

/** No way to verify at all, or keys that are there and cannot be used. */
export function authFaultCode(fault: AuthSetupFault): 'SEN-0118' | 'SEN-0251' {
  return fault.code === 'no_verifier' || fault.code === 'empty_secret' ? 'SEN-0118' : 'SEN-0251';
}
