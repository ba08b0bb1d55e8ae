// How much one legacy session of a backend is told to log. Which of it an agent hears, and how much, is the pipeline's: a call that asks back
// goes on under another request, with a level and a bound of its own, and what it does not want is cut there (SEC48).
// Source: MCP 2025-11-25 server/utilities/logging.
import { LOG_LEVELS, type LogLevel } from '../core/capabilities.ts';
import type { ServedCall } from '../core/call.ts';
import type { CallIo } from '../core/ports.ts';
import type { Link } from './handshake.ts';

/** As low as any call so far needed it, for the session is of all of them. */
export class SessionLevel {
  #level: LogLevel | undefined;

  /** What to set before this call; undefined: nothing to say. A modern request brings its level itself. */
  next({ era, offers }: Link, { origin: { logLevel: wanted } }: ServedCall, { onLog }: Pick<CallIo, 'onLog'>): LogLevel | undefined {
    if (era !== 'legacy' || !offers.logging || wanted === undefined || onLog === undefined) return undefined;
    if (this.#level !== undefined && LOG_LEVELS.indexOf(this.#level) <= LOG_LEVELS.indexOf(wanted)) return undefined;
    this.#level = wanted;
    return wanted;
  }
}
