// When to try again after a failure: doubling, half of it chance, never sooner than the receiver asked for.
const BASE_MS = 1000;
const CAP_MS = 300_000;

/** `failures`: in a row, at least 1. `chance`: uniform in [0, 1). */
export function retryDelay(failures: number, chance: number, askedMs: number = 0): number {
  const flat = Math.min(CAP_MS, BASE_MS * 2 ** Math.min(failures - 1, 30));
  return Math.max(askedMs, flat / 2 + (flat / 2) * chance);
}
