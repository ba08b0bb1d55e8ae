// Places of calls that wait for their agent's answer between two of its requests. Bounded over all and per principal; each place has
// one ticket at a time, which is used up by the request that shows it; a place nobody comes back to is cleared when its time is over.
import type { Random, Timers } from '../core/ports.ts';
import type { BoundsSettings } from '../core/settings.ts';

/** What waits. */
export interface Waiting {
  /** Its agent did not come back in time, or cannot any more. */
  expire(by: 'timeout' | 'shutdown'): void;
}

interface Place<W> {
  readonly waiting: W;
  readonly owner: string;
  /** Undefined while a request of its agent is attended. */
  ticket: string | undefined;
  undo: (() => void) | undefined;
}

export class Parking<W extends Waiting> {
  /** Calls that found no room, by the bound. */
  readonly hits: Record<'parked' | 'parked_per_principal', number> = { parked: 0, parked_per_principal: 0 };
  readonly #places = new Map<string, Place<W>>();
  readonly #timers: Timers;
  readonly #random: Random;

  constructor(deps: { readonly timers: Timers; readonly random: Random }) {
    this.#timers = deps.timers;
    this.#random = deps.random;
  }

  get size(): number {
    return this.#places.size;
  }

  /** A place, by its id; undefined when there is no room. */
  enter(waiting: W, owner: string, bounds: Pick<BoundsSettings, 'parked' | 'parkedPerPrincipal'>): string | undefined {
    if (this.#places.size >= bounds.parked) return this.#full('parked');
    let own = 0;
    for (const place of this.#places.values()) if (place.owner === owner) own += 1;
    if (own >= bounds.parkedPerPrincipal) return this.#full('parked_per_principal');
    const id = this.#random.token(TOKEN_BYTES);
    this.#places.set(id, { waiting, owner, ticket: undefined, undo: undefined });
    return id;
  }

  /** Its agent goes and may come back with this ticket. */
  park(id: string, lastsMs: number): string {
    const place = this.#places.get(id);
    const ticket = this.#random.token(TOKEN_BYTES);
    if (place === undefined) return ticket;
    place.undo?.();
    place.ticket = ticket;
    place.undo = this.#timers.after(lastsMs, () => {
      this.leave(id);
      place.waiting.expire('timeout');
    });
    return ticket;
  }

  /** Uses the ticket up; undefined when it was, or its place is gone. */
  take(id: string, ticket: string): W | undefined {
    const place = this.#places.get(id);
    if (place?.ticket !== ticket) return undefined;
    place.ticket = undefined;
    place.undo?.();
    return place.waiting;
  }

  /** Nobody can come back any more: what waits for an agent ends now. */
  close(): void {
    for (const [id, { ticket, waiting }] of this.#places) {
      if (ticket === undefined) continue;
      this.leave(id);
      waiting.expire('shutdown');
    }
  }

  leave(id: string): void {
    this.#places.get(id)?.undo?.();
    this.#places.delete(id);
  }

  #full(bound: 'parked' | 'parked_per_principal'): undefined {
    this.hits[bound] += 1;
  }
}

const TOKEN_BYTES = 16;
