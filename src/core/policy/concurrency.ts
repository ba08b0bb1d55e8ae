// How many calls are in flight per principal, backend and in all (attack I16). Counts and refuses; it never queues.
// Entries live only while something is in flight, so the table is as small as the load, and bounded besides.

export interface ConcurrencyClaim {
  readonly key: string;
  /** In flight at once; below 1 nothing passes. */
  readonly limit: number;
}

/** The place of one call. Safe to release twice: paths that end a call may meet. */
export interface ConcurrencyLease {
  readonly released: boolean;
  release(): void;
}

export type ConcurrencyVerdict<C extends ConcurrencyClaim> =
  | { readonly ok: true; readonly lease: ConcurrencyLease }
  /** `capacity`: as many keys in flight as the table may hold. */
  | { readonly ok: false; readonly reason: 'limit' | 'capacity'; readonly claim: C };

export class ConcurrencyTable {
  readonly #maxKeys: number;
  readonly #inFlight = new Map<string, number>();

  constructor(options: { readonly maxKeys: number }) {
    if (!Number.isSafeInteger(options.maxKeys) || options.maxKeys < 1) throw new RangeError('maxKeys is a whole number from 1');
    this.#maxKeys = options.maxKeys;
  }

  /** Keys with calls in flight. */
  get size(): number {
    return this.#inFlight.size;
  }

  inFlight(key: string): number {
    return this.#inFlight.get(key) ?? 0;
  }

  /** A place under every claim, or none taken. The first claim that is full is named. */
  acquire<C extends ConcurrencyClaim>(claims: readonly C[]): ConcurrencyVerdict<C> {
    for (const claim of claims) {
      // Written so that NaN refuses.
      if (!(this.inFlight(claim.key) + 1 <= claim.limit)) return { ok: false, reason: 'limit', claim };
    }
    const keys = new Set(claims.map(({ key }) => key));
    const fresh = claims.find(({ key }) => !this.#inFlight.has(key));
    const after = this.#inFlight.size + [...keys].filter((key) => !this.#inFlight.has(key)).length;
    if (fresh !== undefined && after > this.#maxKeys) return { ok: false, reason: 'capacity', claim: fresh };
    for (const key of keys) this.#inFlight.set(key, this.inFlight(key) + 1);
    return { ok: true, lease: leaseOf(() => this.#release(keys)) };
  }

  #release(keys: ReadonlySet<string>): void {
    for (const key of keys) {
      const left = this.inFlight(key) - 1;
      if (left > 0) this.#inFlight.set(key, left);
      else this.#inFlight.delete(key);
    }
  }
}

function leaseOf(giveBack: () => void): ConcurrencyLease {
  let released = false;
  return Object.freeze({
    get released(): boolean {
      return released;
    },
    release(): void {
      if (released) return;
      released = true;
      giveBack();
    },
  });
}
