// Log messages of backends on their way to an agent: only at the severity it asked for, and with a logger that says whose they are.
// Source: MCP server/utilities/logging (2026-07-28: none without `logLevel` in the request, S20).
import type { LogLevel } from '../core/capabilities.ts';
import { quote, withMembers } from '../core/json/compose.ts';
import type { RawJson } from '../core/json/scan.ts';
import { members, stringOf } from '../core/json/slice.ts';
import { atLeast, readLogLevel } from './capabilities.ts';
import { forwardable } from './meta.ts';

/**
 * Params of `notifications/message` for an agent, or undefined where it must not hear of it: too mild, no level asked for (`least`
 * undefined), or not a log message. `label`: the backend, on endpoints of several; undefined leaves the logger alone.
 */
export function logParams(params: RawJson, label: string | undefined, least: LogLevel | undefined): RawJson | undefined {
  const all = members(params);
  const level = readLogLevel(all?.get('level'));
  if (all === undefined || level === undefined || least === undefined || !all.has('data') || !atLeast(level, least)) return undefined;
  const set = new Map<string, RawJson>();
  if (label !== undefined) {
    const logger = stringOf(all.get('logger'));
    set.set('logger', quote(logger === undefined || logger === '' ? label : `${label}/${logger}`));
  }
  const meta = all.get('_meta');
  const kept = meta === undefined ? undefined : forwardable(meta);
  if (kept !== undefined) set.set('_meta', kept);
  return withMembers(params, { set, drop: ['_meta'] });
}
