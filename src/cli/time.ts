// Moments as people type them. Pure.
import { err, ok } from '../core/result.ts';
import type { Result } from '../core/result.ts';

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
/** RFC 3339 `date-time`: the offset is not optional, or the hour would depend on the machine that reads it. */
const MOMENT = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)$/;

/** `90s`, `30m`, `2h`, `7d`, `1h30m` in milliseconds. */
export function parseSpan(text: string): number | undefined {
  if (!/^(\d+(s|min|m|h|d|w))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+)(s|min|m|h|d|w)/g)) total += Number(amount) * (UNIT_MS[unit ?? ''] ?? 0);
  return Number.isSafeInteger(total) && total > 0 ? total : undefined;
}

/** A span from `now` (`2h`) or an RFC 3339 time, which must lie ahead. Milliseconds since the epoch. */
export function parseUntil(text: string, now: number): Result<number, string> {
  const span = parseSpan(text);
  if (span !== undefined) return ok(now + span);
  const at = MOMENT.test(text) ? Date.parse(text.replace(' ', 'T')) : Number.NaN;
  if (Number.isNaN(at)) return err(`"${text}" is no time: write a span such as 30m, 2h or 7d, or a time with its offset such as 2026-09-01T12:00:00Z`);
  return at > now ? ok(at) : err(`${text} has passed already`);
}

/** A span back from `now` (`2h` is two hours ago) or an RFC 3339 time. Milliseconds since the epoch. */
export function parsePast(text: string, now: number): Result<number, string> {
  const span = parseSpan(text);
  if (span !== undefined) return ok(now - span);
  const at = MOMENT.test(text) ? Date.parse(text.replace(' ', 'T')) : Number.NaN;
  return Number.isNaN(at) ? err(`"${text}" is no time: write a span back such as 30m, 2h or 7d, or a time with its offset such as 2026-09-01T12:00:00Z`) : ok(at);
}
