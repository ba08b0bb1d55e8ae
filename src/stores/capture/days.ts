// Days as keys have them: of UTC, whatever the machine's own time.
import { parseMoment } from '../../core/audit/units.ts';

export const DAY_MS = 86_400_000;

/** The UTC day of a moment. */
export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** When a day begins, or undefined when there is no such day. */
export function startOf(day: string): number | undefined {
  return parseMoment(`${day}T00:00Z`);
}

export function endOf(day: string): number {
  return (startOf(day) ?? Number.POSITIVE_INFINITY) + DAY_MS;
}
