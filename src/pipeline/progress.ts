// Progress of a backend on its way to the agent: the agent's own token, rising values, and not more than it can use.
import type { Clock, Timers } from '../core/ports.ts';
import type { RawJson } from '../core/json/scan.ts';
import { members } from '../core/json/slice.ts';
import { withMembers } from '../core/json/compose.ts';
import { notificationMessage } from '../relay/rpc.ts';

/** At most 50 a second for one request (I12), and its last one. */
const LEAST_GAP_MS = 20;

export interface ProgressRelay {
  receive(params: RawJson): void;
  /** Nothing follows, since the answer must be the last that is said of a request. `deliver`: what is held goes out first. */
  end(deliver: boolean): void;
}

/** Of what comes too quickly the newest is held, one at a time: the last word ("100 of 100") is the one that counts. */
export function relayProgress(token: RawJson, { clock, timers }: { readonly clock: Clock; readonly timers: Timers }, notify: (message: RawJson) => void): ProgressRelay {
  let sentAt = -Infinity;
  let newest = -Infinity;
  let held: RawJson | undefined;
  let undo: (() => void) | undefined;
  let ended = false;
  const send = (): void => {
    undo?.();
    undo = undefined;
    if (held === undefined) return;
    const params = held;
    held = undefined;
    sentAt = clock.mono();
    notify(notificationMessage('notifications/progress', withMembers(params, { set: new Map([['progressToken', token]]), drop: ['_meta'] })));
  };
  return {
    receive: (params) => {
      const raw = members(params)?.get('progress');
      const value = raw === undefined ? NaN : Number(raw);
      // MUST rise (spec: progress): a repeat after a retry is dropped rather than forwarded.
      if (ended || !(value > newest)) return;
      newest = value;
      held = params;
      const wait = sentAt + LEAST_GAP_MS - clock.mono();
      if (wait <= 0) send();
      else undo ??= timers.after(wait, send);
    },
    end: (deliver) => {
      ended = true;
      if (!deliver) held = undefined;
      send();
    },
  };
}
