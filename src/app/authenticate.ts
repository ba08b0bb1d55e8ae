// Builds the authenticator over the real network and disk. No way to verify a token: no start (there is no other mode).
import { promises as fs } from 'node:fs';
import type { RevokeOverride } from '../core/override.ts';
import type { Clock } from '../core/ports.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { Settings } from '../core/settings.ts';
import { createAuthenticator, type TokenAuthenticator } from '../identity/authenticator.ts';
import { openFetchKeys } from '../identity/fetch-keys.ts';
import { readRing } from '../identity/keys.ts';
import { prepareSetup, type AuthSetupFault } from '../identity/setup.ts';
import type { AppDeps } from './deps.ts';
import { startFault, type StartFault } from './fault.ts';
import { systemClock } from './system.ts';

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
  return err(setupFault(created.error));
}

/** Why a start with these settings would be refused for want of a way to verify tokens; undefined when it would not. Asks nobody. */
export async function authProblem(settings: Settings, clock: Clock = systemClock): Promise<StartFault | undefined> {
  const fetcher = openFetchKeys();
  try {
    const setup = await prepareSetup(settings.auth, { clock, fetchKeys: fetcher.fetchKeys, readRing: (directory) => readRing(fs, directory) }, new Map());
    return setup.ok ? undefined : setupFault(setup.error);
  } finally {
    await fetcher.close();
  }
}

function setupFault(fault: AuthSetupFault): StartFault {
  return startFault(12, authFaultCode(fault), fault.message, fault.help ?? 'sentinel init');
}

/** No way to verify at all, or keys that are there and cannot be used. */
export function authFaultCode(fault: AuthSetupFault): 'SEN-0118' | 'SEN-0251' {
  return fault.code === 'no_verifier' || fault.code === 'empty_secret' ? 'SEN-0118' : 'SEN-0251';
}
