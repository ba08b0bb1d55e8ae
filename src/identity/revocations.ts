// Tokens and keys that an operator revoked, in memory and asked on every request. Sized by what operators revoked, never by agents.
import { type Timestamp, timestamp } from '../core/ids.ts';
import type { RevokeOverride } from '../core/override.ts';
import { revokedTokenIds } from './token.ts';

export interface Revocations {
  has(tokenId: string | undefined, keyId: string | undefined, now: Timestamp): boolean;
}

type Until = Timestamp | undefined;

export function revocationsOf(overrides: readonly RevokeOverride[]): Revocations {
  const tokens = new Map<string, Until>();
  const keys = new Map<string, Until>();
  for (const { what, value, until } of overrides) {
    if (what === 'key') longest(keys, value, until);
    else for (const id of revokedTokenIds(value)) longest(tokens, id, until);
  }
  const active = (map: ReadonlyMap<string, Until>, value: string | undefined, now: Timestamp): boolean => {
    if (value === undefined || !map.has(value)) return false;
    const until = map.get(value);
    return until === undefined || now < until;
  };
  return { has: (tokenId, keyId, now) => active(tokens, tokenId, now) || active(keys, keyId, now) };
}

/** Two revocations of one value: it is revoked while either holds. */
function longest(map: Map<string, Until>, value: string, until: Until): void {
  const before = map.get(value);
  const forever = until === undefined || (map.has(value) && before === undefined);
  map.set(value, forever ? undefined : timestamp(Math.max(until, before ?? until)));
}
