// A timestamp as RFC 3339 writes it, in UTC and to the millisecond: `2026-07-28T09:30:00.000Z`. Computed, because nothing here knows a calendar.
import type { Timestamp } from './ids.ts';

const DAY_MS = 86_400_000;
/** Days from 0000-03-01 to 1970-01-01, and in 400 years. */
const EPOCH_DAYS = 719_468;
const ERA_DAYS = 146_097;

/** For the years 0 to 9999. */
export function rfc3339(at: Timestamp): string {
  const days = Math.floor(at / DAY_MS);
  const ms = at - days * DAY_MS;
  const { year, month, day } = civil(days);
  const time = [Math.floor(ms / 3_600_000), Math.floor(ms / 60_000) % 60, Math.floor(ms / 1000) % 60].map((part) => digits(part, 2)).join(':');
  return `${digits(year, 4)}-${digits(month, 2)}-${digits(day, 2)}T${time}.${digits(ms % 1000, 3)}Z`;
}

/** Years that begin in March put the odd day at their end, so each 400 of them are alike (proleptic Gregorian calendar). */
function civil(days: number): { readonly year: number; readonly month: number; readonly day: number } {
  const shifted = days + EPOCH_DAYS;
  const era = Math.floor(shifted / ERA_DAYS);
  const dayOfEra = shifted - era * ERA_DAYS;
  const yearOfEra = Math.floor((dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const fromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day: dayOfYear - Math.floor((153 * fromMarch + 2) / 5) + 1 };
}

function digits(value: number, least: number): string {
  return String(value).padStart(least, '0');
}
