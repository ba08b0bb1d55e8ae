// Days as keys have them: of UTC, whatever the machine's own time.

const DAY = /^\d{4}-\d{2}-\d{2}$/;
export const DAY_MS = 86_400_000;

/** The UTC day of a moment. */
export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** When a day begins, or undefined when there is no such day. */
export function startOf(day: string): number | undefined {
  const at = DAY.test(day) ? Date.parse(`${day}T00:00:00Z`) : Number.NaN;
  // 2026-02-31 would be read as the third of March.
  return !Number.isNaN(at) && dayOf(at) === day ? at : undefined;
}

export function endOf(day: string): number {
  return (startOf(day) ?? Number.POSITIVE_INFINITY) + DAY_MS;
}
