// When to try again after a failure: exponential with jitter, and a cap on how often within a window. Pure bookkeeping.
export interface BackoffRules {
  readonly baseMs: number;
  readonly capMs: number;
  readonly stableMs: number;
  /** 0 = no cap. */
  readonly maxRestarts: number;
  readonly windowMs: number;
}

export type Verdict =
  | { readonly kind: 'again'; readonly afterMs: number }
  /** As many restarts as a window may hold: `afterMs` from now it has room for one. Tell `resumed` of it. */
  | { readonly kind: 'give_up'; readonly afterMs: number };

export class Backoff {
  readonly #rules: BackoffRules;
  readonly #jitter: () => number;
  /** Times of restarts inside the window; at most `maxRestarts` of them. */
  #restarts: number[] = [];
  #attempt = 0;

  /** `jitter`: uniform in [0, 1). */
  constructor(rules: BackoffRules, jitter: () => number) {
    this.#rules = rules;
    this.#jitter = jitter;
  }

  /** The thing ended at `now` after living `livedMs`. With `maxRestarts` = 5 there are exactly five restarts in a window. */
  next(now: number, livedMs: number): Verdict {
    const { baseMs, capMs, stableMs, maxRestarts, windowMs } = this.#rules;
    if (livedMs >= stableMs) this.#attempt = 0;
    if (maxRestarts > 0) {
      this.#restarts = this.#restarts.filter((at) => now - at < windowMs);
      const [oldest] = this.#restarts;
      if (this.#restarts.length >= maxRestarts && oldest !== undefined) return { kind: 'give_up', afterMs: oldest + windowMs - now };
      this.#restarts.push(now);
    }
    const flat = Math.min(capMs, baseMs * 2 ** Math.min(this.#attempt, 30));
    this.#attempt += 1;
    // Half of it is chance, so that backends which died together do not come back together.
    return { kind: 'again', afterMs: flat / 2 + (flat / 2) * this.#jitter() };
  }

  /** A restart after giving up counts like any other. */
  resumed(now: number): void {
    this.#restarts.push(now);
  }
}
