// Moments as people type them. Pure.
import { parseMoment, parseSpan } from '../core/audit/units.ts';
import { err, ok, type Result } from '../core/result.ts';

/** A span from `now` (`2h`) or an RFC 3339 time, which must lie ahead. Milliseconds since the epoch. */
export function parseUntil(text: string, now: number): Result<number, string> {
  const span = parseSpan(text);
  const at = span === undefined ? parseMoment(text) : now + span;
  if (at === undefined) return err(`"${text}" is no time: write a span such as 30m, 2h or 7d, or a time with its offset such as 2026-09-01T12:00:00Z`);
  return at > now ? ok(at) : err(`${text} has passed already`);
}

/** A span back from `now` (`2h` is two hours ago) or an RFC 3339 time. Milliseconds since the epoch. */
export function parsePast(text: string, now: number): Result<number, string> {
  const span = parseSpan(text);
  const at = span === undefined ? parseMoment(text) : now - span;
  return at === undefined ? err(`"${text}" is no time: write a span back such as 30m, 2h or 7d, or a time with its offset such as 2026-09-01T12:00:00Z`) : ok(at);
}
