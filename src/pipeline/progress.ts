// Progress of a backend on its way to the agent: the agent's own token, rising values, and not more than it can use.
import type { Clock } from '../core/ports.ts';
import type { RawJson } from '../core/json/scan.ts';
import { members } from '../core/json/slice.ts';
import { withMembers } from '../core/json/compose.ts';
import { notificationMessage } from '../relay/rpc.ts';

/** At most 50 a second for one request (I12). */
const LEAST_GAP_MS = 20;

export function relayProgress(token: RawJson, clock: Clock, notify: (message: RawJson) => void): (params: RawJson) => void {
  let lastAt = -Infinity;
  let lastValue = -Infinity;
  return (params) => {
    const raw = members(params)?.get('progress');
    const value = raw === undefined ? NaN : Number(raw);
    const now = clock.mono();
    // MUST rise (spec: progress); a repeat after a retry or a flood is dropped rather than forwarded.
    if (!(value > lastValue) || now - lastAt < LEAST_GAP_MS) return;
    lastAt = now;
    lastValue = value;
    notify(notificationMessage('notifications/progress', withMembers(params, { set: new Map([['progressToken', token]]), drop: ['_meta'] })));
  };
}
