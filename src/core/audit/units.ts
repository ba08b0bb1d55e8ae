// Moments, spans and sizes as filters write them. No calendar of the machine: the same text is the same moment everywhere.

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** `90s`, `30m`, `2h`, `7d`, `1h30m` in milliseconds. */
export function parseSpan(text: string): number | undefined {
  if (!/^(?:\d{1,12}(?:s|min|m|h|d|w))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+)(s|min|m|h|d|w)/g)) total += Number(amount) * (UNIT_MS[unit ?? ''] ?? 0);
  return Number.isSafeInteger(total) && total > 0 ? total : undefined;
}

/** `date-time` of RFC 3339, seconds optional. The offset is not: without one the hour would depend on who reads it. */
const MOMENT = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/** Milliseconds since 1970; what is finer is cut off. */
export function parseMoment(text: string): number | undefined {
  const found = MOMENT.exec(text);
  if (found === null) return undefined;
  const [year, month, day, hour, minute, second] = [1, 2, 3, 4, 5, 6].map((part) => Number(found[part] ?? 0));
  if (year === undefined || month === undefined || day === undefined || hour === undefined || minute === undefined || second === undefined) return undefined;
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour > 23 || minute > 59 || second > 59) return undefined;
  const [offsetHours, offsetMinutes] = [Number(found[9] ?? 0), Number(found[10] ?? 0)];
  if (offsetHours > 23 || offsetMinutes > 59) return undefined;
  const offset = (offsetHours * 60 + offsetMinutes) * (found[8] === '-' ? -1 : 1);
  const ms = Number((found[7] ?? '').padEnd(3, '0').slice(0, 3));
  return ((daysSince1970(year, month, day) * 24 + hour) * 60 + minute - offset) * 60_000 + second * 1000 + ms;
}

function daysIn(year: number, month: number): number {
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return month === 2 ? (leap ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31;
}

/** Years that begin in March have their odd day at the end (the reverse of `core/rfc3339.ts`). */
function daysSince1970(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  return era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468;
}

const SPAN_US: Readonly<Record<string, number>> = { us: 1, ms: 1000, s: 1_000_000, m: 60_000_000, min: 60_000_000, h: 3_600_000_000 };
const SIZES: Readonly<Record<string, number>> = { '': 1, B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

/** `500ms`, `1.5s` in whole microseconds. */
export function parseTook(text: string): number | undefined {
  return scaled(text, SPAN_US);
}

/** `1MiB`, `512` in bytes. */
export function parseBytes(text: string): number | undefined {
  return scaled(text, SIZES);
}

export function parseCount(text: string): number | undefined {
  return scaled(text, { '': 1 });
}

/** Undefined when it is none, too large to be exact, or finer than one. */
function scaled(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const found = /^(\d{1,16})(?:\.(\d{1,9}))?([A-Za-z]*)$/.exec(text);
  const unit = found?.[3] ?? '';
  if (found === null || !Object.hasOwn(units, unit)) return undefined;
  // In whole numbers: 0.1 + 0.2 must be 0.3.
  const fraction = found[2] ?? '';
  const scale = 10n ** BigInt(fraction.length);
  const total = BigInt(`${found[1]}${fraction}`) * BigInt(units[unit] ?? 0);
  return total % scale === 0n && total / scale <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(total / scale) : undefined;
}
