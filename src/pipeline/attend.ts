// What one request of an agent hears of its call while it waits: progress under its own token, log lines at its own level.
// A call outlives the request that began it when its backend asks something; then the next request hears.
import type { ServedCall } from '../core/call.ts';
import type { AgentIo, Inbound } from '../core/inbound.ts';
import type { RawJson } from '../core/json/scan.ts';
import type { Clock, Timers } from '../core/ports.ts';
import { logParams } from '../relay/logs.ts';
import { notificationMessage } from '../relay/rpc.ts';
import { relayProgress } from './progress.ts';

/** Log lines of one call in a second (SEC48). */
const LINES_PER_SECOND = 50;

export interface Attending {
  progress(params: RawJson): void;
  log(params: RawJson): void;
  /** Nothing follows. `deliver`: progress that was held goes out first. */
  end(deliver: boolean): void;
}

export function attend(call: ServedCall, inbound: Inbound, io: AgentIo, progressToken: RawJson | undefined, deps: { readonly clock: Clock; readonly timers: Timers }): Attending {
  const progress = progressToken === undefined ? undefined : relayProgress(progressToken, deps, io.notify);
  const { endpoint, logLevel } = inbound.origin;
  const label = endpoint.kind === 'merged' ? call.target.backend : undefined;
  const mayLog = perSecond(LINES_PER_SECOND, deps.clock);
  let ended = false;
  return {
    progress: (params) => progress?.receive(params),
    log: (params) => {
      const told = ended ? undefined : logParams(params, label, logLevel);
      if (told !== undefined && mayLog()) io.notify(notificationMessage('notifications/message', told));
    },
    end: (deliver) => {
      ended = true;
      progress?.end(deliver);
    },
  };
}

function perSecond(most: number, clock: Clock): () => boolean {
  let since = -Infinity;
  let count = 0;
  return () => {
    const now = clock.mono();
    if (now - since >= 1000) {
      since = now;
      count = 0;
    }
    count += 1;
    return count <= most;
  };
}
