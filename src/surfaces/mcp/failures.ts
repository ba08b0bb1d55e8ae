// Failed authentications per peer: a bucket each, in a bounded map. Stops guessing and floods of audit rows before a
// signature is verified. A credential that has been good before still passes, so that one bad neighbour behind the same
// address cannot lock others out.
import type { Instant } from '../../core/ids.ts';

export interface FailureRate {
  readonly burst: number;
  /** Until there is room for one more. */
  readonly refillMs: number;
}

/** Failures at once, then one more every two seconds: ample for an agent with a stale token, hopeless for guessing. */
const PER_PEER: FailureRate = { burst: 30, refillMs: 2000 };

interface Bucket {
  left: number;
  at: Instant;
}

export class FailureLimiter {
  readonly #buckets = new Map<string, Bucket>();
  readonly #good = new Set<string>();
  readonly #max: number;
  readonly #rate: FailureRate;

  /** `max`: peers, and good credentials, to remember. */
  constructor(max: number, rate: FailureRate = PER_PEER) {
    this.#max = Math.max(1, max);
    this.#rate = rate;
  }

  /** Milliseconds until the next try, or undefined when this peer may try now. */
  wait(peer: string, now: Instant): number | undefined {
    const bucket = this.#buckets.get(peer);
    if (bucket === undefined) return undefined;
    const { burst, refillMs } = this.#rate;
    const left = Math.min(burst, bucket.left + (now - bucket.at) / refillMs);
    return left >= 1 ? undefined : Math.ceil((1 - left) * refillMs);
  }

  failed(peer: string, now: Instant): void {
    const { burst, refillMs } = this.#rate;
    const bucket = this.#buckets.get(peer) ?? { left: burst, at: now };
    const left = Math.min(burst, bucket.left + (now - bucket.at) / refillMs);
    this.#buckets.delete(peer);
    this.#buckets.set(peer, { left: Math.max(0, left - 1), at: now });
    trim(this.#buckets, this.#max);
  }

  /** `credential`: its SHA-256, never the token. */
  passed(credential: string): void {
    if (this.#good.has(credential)) return;
    this.#good.add(credential);
    trim(this.#good, this.#max);
  }

  isGood(credential: string): boolean {
    return this.#good.has(credential);
  }
}

/** Maps and sets keep insertion order: the first is the oldest. */
function trim(kept: { readonly size: number; keys(): Iterator<string>; delete(key: string): boolean }, max: number): void {
  while (kept.size > max) {
    const oldest = kept.keys().next();
    if (oldest.done === true) return;
    kept.delete(oldest.value);
  }
}
