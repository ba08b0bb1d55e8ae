// Sliding-window call limits as counters in a bounded table. The table belongs to the app and outlives every snapshot (I19);
// limits come as arguments, the time too. It never forgets a live counter: at capacity new keys are refused instead.
import type { Instant } from '../ids.ts';
import { advance, bucketToExpire, CellList, count } from './window-cells.ts';

/** One counter a call must pass. Fields of your own (a scope, say) come back with a refusal. */
export interface Claim {
  readonly key: string;
  /** Calls per window; below 1 nothing passes. */
  readonly limit: number;
}

/** What a passed call was charged, to be given back once if a later stage refuses it. */
export interface Charge {
  readonly keys: readonly string[];
  readonly bucket: number;
  refunded: boolean;
}

export interface WindowRefusal<C extends Claim> {
  readonly ok: false;
  /** `zero`: the limit lets nothing pass. `capacity`: a new key, and every counter in the table is live. */
  readonly reason: 'limit' | 'zero' | 'capacity';
  /** The claim that takes longest to come true. */
  readonly claim: C;
  /** > 0. After this wait, with no other calls, all claims pass. Undefined: never, as things stand. */
  readonly retryAfterMs: number | undefined;
}

export type WindowPeek<C extends Claim = Claim> = { readonly ok: true } | WindowRefusal<C>;
export type WindowVerdict<C extends Claim = Claim> = { readonly ok: true; readonly charge: Charge } | WindowRefusal<C>;

export interface WindowOptions {
  readonly windowMs: number;
  /** Sub-windows. A call is counted for at most windowMs / buckets longer than the window; 60 make a minute 61 s at worst. */
  readonly buckets: number;
  readonly maxKeys: number;
}

/**
 * Why no window of `windowMs` ever holds more than the limit: with bucket width w and B·w ≥ windowMs, a window that ends
 * at t begins at or after t − B·w, so it lies inside bucket(t) − B … bucket(t). All B + 1 buckets are counted whole, the
 * oldest too; their sum stays within the limit. Two-bucket interpolation guesses the oldest part and can be wrong.
 */
export class WindowTable {
  readonly #bucketMs: number;
  readonly #buckets: number;
  readonly #maxKeys: number;
  readonly #cells: CellList;
  /** Whole milliseconds, never falling: a clock that steps back must not open a fresh window. */
  #latest = 0;

  constructor(options: WindowOptions) {
    for (const value of [options.windowMs, options.buckets, options.maxKeys]) {
      if (!Number.isSafeInteger(value) || value < 1) throw new RangeError('window options are whole numbers from 1');
    }
    this.#bucketMs = Math.ceil(options.windowMs / options.buckets);
    this.#buckets = options.buckets;
    this.#maxKeys = options.maxKeys;
    this.#cells = new CellList(options.buckets + 1);
  }

  /** Live and not yet evicted counters; at most `maxKeys`. */
  get size(): number {
    return this.#cells.size;
  }

  take(key: string, limit: number, now: Instant): WindowVerdict {
    return this.takeAll([{ key, limit }], now);
  }

  /** Asks without charging. */
  peekAll<C extends Claim>(claims: readonly C[], now: Instant): WindowPeek<C> {
    const bucket = this.#bucketOf(now);
    return this.#judge(claims, bucket, now);
  }

  /** All claims pass and each key is charged once, or nothing is charged. */
  takeAll<C extends Claim>(claims: readonly C[], now: Instant): WindowVerdict<C> {
    const bucket = this.#bucketOf(now);
    const verdict = this.#judge(claims, bucket, now);
    if (!verdict.ok) return verdict;
    const keys = distinctKeys(claims);
    for (const key of keys) this.#charge(key, bucket);
    return { ok: true, charge: { keys, bucket, refunded: false } };
  }

  /** Gives a charge back, once. What has left the window meanwhile is not given back twice. */
  refund(charge: Charge): void {
    if (charge.refunded) return;
    charge.refunded = true;
    for (const key of charge.keys) {
      const cell = this.#cells.get(key);
      if (cell === undefined || !count(cell, charge.bucket, -1)) continue;
      if (cell.total === 0) this.#cells.remove(cell);
    }
  }

  #bucketOf(now: Instant): number {
    const whole = Math.floor(now);
    if (Number.isFinite(whole) && whole > this.#latest) this.#latest = whole;
    return Math.floor(this.#latest / this.#bucketMs);
  }

  #judge<C extends Claim>(claims: readonly C[], bucket: number, now: Instant): WindowPeek<C> {
    let refusal = this.#room(claims, bucket, now);
    for (const claim of claims) {
      const cell = this.#cells.get(claim.key);
      if (cell !== undefined) advance(cell, bucket);
      const left = Math.floor(claim.limit) - (cell?.total ?? 0) - 1;
      if (left >= 0) continue;
      if (cell === undefined || !(claim.limit >= 1)) {
        refusal = longer(refusal, { ok: false, reason: 'zero', claim, retryAfterMs: undefined });
      } else {
        const retryAfterMs = this.#until(bucketToExpire(cell, -left), now);
        refusal = longer(refusal, { ok: false, reason: 'limit', claim, retryAfterMs });
      }
    }
    return refusal ?? { ok: true };
  }

  /** Wait until `bucket` is no longer counted. Whole milliseconds, so that adding it to `now` cannot round short. */
  #until(bucket: number, now: Instant): number {
    const expiry = (bucket + this.#buckets + 1) * this.#bucketMs;
    return expiry - (Number.isFinite(now) ? Math.floor(now) : this.#latest);
  }

  #charge(key: string, bucket: number): void {
    const cell = this.#cells.get(key) ?? this.#cells.add(key, bucket);
    this.#cells.touch(cell, bucket);
    count(cell, bucket, 1);
  }

  /** Makes room for new keys by evicting expired counters, oldest first, as many as are needed; a refusal when there are not enough. */
  #room<C extends Claim>(claims: readonly C[], bucket: number, now: Instant): WindowRefusal<C> | undefined {
    const fresh = claims.find(({ key }) => this.#cells.get(key) === undefined);
    if (fresh === undefined) return undefined;
    const keys = distinctKeys(claims);
    let needed = this.#cells.size - this.#maxKeys;
    for (const key of keys) if (this.#cells.get(key) === undefined) needed += 1;
    let cell = this.#cells.oldest;
    while (needed > 0 && cell !== undefined) {
      const { charged, newer } = cell;
      if (!keys.includes(cell.key)) {
        needed -= 1;
        if (charged < bucket - this.#buckets) this.#cells.remove(cell);
        else if (needed === 0) return { ok: false, reason: 'capacity', claim: fresh, retryAfterMs: this.#until(charged, now) };
      }
      cell = newer;
    }
    return needed > 0 ? { ok: false, reason: 'capacity', claim: fresh, retryAfterMs: undefined } : undefined;
  }
}

function distinctKeys(claims: readonly Claim[]): readonly string[] {
  const keys: string[] = [];
  for (const { key } of claims) if (!keys.includes(key)) keys.push(key);
  return keys;
}

function longer<C extends Claim>(one: WindowRefusal<C> | undefined, other: WindowRefusal<C>): WindowRefusal<C> {
  if (one === undefined) return other;
  return (one.retryAfterMs ?? Infinity) >= (other.retryAfterMs ?? Infinity) ? one : other;
}
