// Progress of one call on its way inward: only what rises, and without the token of our hop. How much of it an agent gets is the
// pipeline's: a bound here would lose the last of a burst, which is the one that counts; a flood rests on the pipe like any other (I12).
import { withMembers } from '../core/json/compose.ts';
import { kindOf, members } from '../core/json/slice.ts';
import type { RawJson } from '../core/json/scan.ts';

const TOKEN = ['progressToken'] as const;

/** Gives the params of one `notifications/progress` on, or keeps them back (T103). True when it was progress at all. */
export type ProgressGate = (params: RawJson) => boolean;

export function progressGate(forward: ((params: RawJson) => void) | undefined): ProgressGate {
  let highest = -Infinity;
  return (params) => {
    const raw = members(params)?.get('progress');
    const value = raw === undefined || kindOf(raw) !== 'number' ? Number.NaN : Number(raw);
    if (!(value > highest)) return false;
    highest = value;
    forward?.(withMembers(params, { drop: TOKEN }));
    return true;
  };
}

/** The token of a progress notification as written. */
export function progressTokenOf(params: RawJson | undefined): RawJson | undefined {
  return members(params)?.get('progressToken');
}
