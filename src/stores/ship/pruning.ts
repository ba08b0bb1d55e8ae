// Which days' partitions a question can be answered from, and in which order they are asked: PostgreSQL would look into each of them.
import { sql, type RawBuilder, type SqlBool } from 'kysely';
import type { AuditFilter } from '../../core/audit/filter.ts';
import { spanOf } from '../../core/audit/span.ts';

const DAY_MS = 86_400_000;
/** Days that PostgreSQL has (from 4713 BC on) and JavaScript too. */
const [FIRST_MS, LAST_MS] = [-2e14, 8e15];
/** Days of the first looks. Most pages are full after the first; what is rare takes four looks instead of one. */
const LOOKS: readonly number[] = [2, 7, 28];

export function daysOf(filter: AuditFilter): RawBuilder<SqlBool> {
  const { from, to } = boundsOf(filter);
  return between(from, to);
}

/**
 * Moved to what there is, never closer together, and a day wider: a gateway of the release before, still running, names no day, and PostgreSQL takes
 * that of its own clock, so that a record of just before midnight stands on the day behind.
 */
function boundsOf(filter: AuditFilter): { readonly from: number | undefined; readonly to: number | undefined } {
  const { from = -Infinity, before = Infinity } = spanOf(filter);
  return { from: from <= FIRST_MS ? undefined : Math.min(from, LAST_MS) - DAY_MS, to: before > LAST_MS ? undefined : Math.max(before - 1, FIRST_MS) + DAY_MS };
}

/**
 * For the newest records: their days in pieces, newest first. Asked about all days at once, PostgreSQL finds the first match of each before it
 * gives any (measured on ten million records: 5 s against 0.05 s for the newest 50 denials of one subject).
 */
export function looksOf(filter: AuditFilter, now: number): readonly RawBuilder<SqlBool>[] {
  const { from = FIRST_MS, to } = boundsOf(filter);
  const looks: RawBuilder<SqlBool>[] = [];
  let upper = to;
  for (const days of LOOKS) {
    const lower = (Math.floor((upper ?? now) / DAY_MS) - days + 1) * DAY_MS;
    if (lower <= from) break;
    looks.push(between(lower, upper));
    upper = lower - 1;
  }
  looks.push(between(from === FIRST_MS ? undefined : from, upper));
  return looks;
}

const VERSION_7 = /^([0-9a-f]{8})-([0-9a-f]{4})-7/i;

/** The id of a call says when it was made (RFC 9562): nothing of it was written before. A day to spare, for clocks that are set back. */
export function daysOfCall(callId: string): RawBuilder<SqlBool> {
  const [, high = '', low = ''] = VERSION_7.exec(callId) ?? [];
  return between(high === '' ? undefined : Number.parseInt(high + low, 16) - DAY_MS, undefined);
}

function between(from: number | undefined, to: number | undefined): RawBuilder<SqlBool> {
  const parts = [sql<SqlBool>`true`];
  if (from !== undefined) parts.push(sql<SqlBool>`day >= ${dateOf(from)}::date`);
  if (to !== undefined) parts.push(sql<SqlBool>`day <= ${dateOf(to)}::date`);
  return sql<SqlBool>`(${sql.join(parts, sql` and `)})`;
}

/** PostgreSQL writes years before the first as BC, and takes no sign. */
function dateOf(ms: number): string {
  const date = new Date(ms);
  const year = date.getUTCFullYear();
  const rest = date.toISOString().slice(-20, -14);
  return year > 0 ? `${String(year).padStart(4, '0')}${rest}` : `${String(1 - year).padStart(4, '0')}${rest} BC`;
}
