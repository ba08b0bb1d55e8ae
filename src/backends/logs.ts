// Log messages of a backend on their way to the one call they belong to: at the severity it asked for, and not without end (T101, SEC48).
// Source: MCP 2025-11-25 server/utilities/logging; 2026-07-28 (`logLevel` of the request).
import { LOG_LEVELS, type LogLevel } from '../core/capabilities.ts';
import type { RawJson } from '../core/json/scan.ts';
import { memberOf } from '../core/json/slice.ts';
import type { Clock } from '../core/ports.ts';
import { atLeast, readLogLevel } from '../relay/capabilities.ts';
import { Strikes } from './strikes.ts';

const MESSAGES_PER_SECOND = 50;

/** Gives the params of one `notifications/message` on, or keeps them back. */
export type LogGate = (params: RawJson) => void;

/** `least` undefined: this call wants none. */
export function logGate(least: LogLevel | undefined, forward: ((params: RawJson) => void) | undefined, clock: Clock): LogGate {
  const flood = new Strikes(clock, MESSAGES_PER_SECOND + 1, 1000);
  return (params) => {
    if (least === undefined || forward === undefined) return;
    const level = readLogLevel(memberOf(params, 'level'));
    if (level === undefined || !atLeast(level, least) || flood.hit()) return;
    forward(params);
  };
}

/** The level of one legacy session: as low as any call so far needed it, for it is of all of them. What a call did not want is kept from it. */
export class SessionLevel {
  #level: LogLevel | undefined;

  /** The level to be set before this call; undefined: nothing to say. */
  next(wanted: LogLevel | undefined): LogLevel | undefined {
    if (wanted === undefined) return undefined;
    if (this.#level !== undefined && LOG_LEVELS.indexOf(this.#level) <= LOG_LEVELS.indexOf(wanted)) return undefined;
    this.#level = wanted;
    return wanted;
  }
}
