// Progress of one call on its way to the agent: only what rises, not too often, and without the token of our hop.
import { withMembers } from '../core/json/compose.ts';
import { kindOf, members } from '../core/json/slice.ts';
import type { RawJson } from '../core/json/scan.ts';
import type { Clock } from '../core/ports.ts';

const TOKEN = ['progressToken'] as const;

/** Gives the params of one `notifications/progress` on, or keeps them back (T103, I12). True when it was progress at all. */
export type ProgressGate = (params: RawJson) => boolean;

export function progressGate(clock: Clock, perSecond: number, forward: ((params: RawJson) => void) | undefined): ProgressGate {
  let highest = -Infinity;
  let second = -Infinity;
  let count = 0;
  return (params) => {
    const raw = members(params)?.get('progress');
    const value = raw === undefined || kindOf(raw) !== 'number' ? Number.NaN : Number(raw);
    if (!(value > highest)) return false;
    highest = value;
    const now = clock.mono();
    if (now - second >= 1000) {
      second = now;
      count = 0;
    }
    count += 1;
    if (count <= perSecond) forward?.(withMembers(params, { drop: TOKEN }));
    return true;
  };
}

/** The token of a progress notification as written. */
export function progressTokenOf(params: RawJson | undefined): RawJson | undefined {
  return members(params)?.get('progressToken');
}
