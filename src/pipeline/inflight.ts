// Calls that are being made right now, so that a kill can end them and a shutdown can wait for them.
import type { Call } from '../core/call.ts';
import type { CallId } from '../core/ids.ts';
import type { CancelledBy } from '../core/outcome.ts';

export interface Flight {
  readonly call: Call;
  readonly signal: AbortSignal;
  /** From now on the end of this request of the agent cancels it, and of no other; `undefined`: of none. */
  heed(outer: AbortSignal | undefined): void;
  /** The first one to cancel is the one recorded. */
  cancel(by: CancelledBy): void;
  end(): void;
}

export class Inflight {
  readonly #flights = new Map<CallId, Flight>();
  readonly #idle = new Set<() => void>();

  get size(): number {
    return this.#flights.size;
  }

  /** `outer` is the agent's own signal; its reason is passed on. */
  begin(call: Call, outer: AbortSignal): Flight {
    const controller = new AbortController();
    let heeded: AbortSignal | undefined;
    const forward = (): void => controller.abort(heeded?.reason);
    const heed = (next: AbortSignal | undefined): void => {
      heeded?.removeEventListener('abort', forward);
      heeded = next;
      if (next?.aborted === true) forward();
      else next?.addEventListener('abort', forward, { once: true });
    };
    heed(outer);
    const flight: Flight = {
      call,
      signal: controller.signal,
      heed,
      cancel: (by) => controller.abort(by),
      end: () => {
        heed(undefined);
        this.#flights.delete(call.id);
        if (this.#flights.size === 0) this.#becameIdle();
      },
    };
    this.#flights.set(call.id, flight);
    return flight;
  }

  list(): readonly Flight[] {
    return [...this.#flights.values()];
  }

  has(flight: Flight): boolean {
    return this.#flights.get(flight.call.id) === flight;
  }

  /** Cancels what matches and tells which calls those were. */
  cancel(which: (call: Call) => boolean, by: CancelledBy): readonly Call[] {
    const hit = this.list().filter((flight) => which(flight.call) && !flight.signal.aborted);
    for (const flight of hit) flight.cancel(by);
    return hit.map((flight) => flight.call);
  }

  /** Resolves when no call is in flight. */
  idle(): Promise<void> {
    if (this.#flights.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle.add(resolve);
    });
  }

  #becameIdle(): void {
    const waiting = [...this.#idle];
    this.#idle.clear();
    for (const resolve of waiting) resolve();
  }
}

const KNOWN: ReadonlySet<unknown> = new Set<CancelledBy>(['agent', 'kill', 'timeout', 'shutdown']);

/** Who aborted a signal; anything unexpected counts as the agent going away. */
export function cancelledBy(signal: AbortSignal): CancelledBy {
  const reason: unknown = signal.reason;
  return isCancelledBy(reason) ? reason : 'agent';
}

function isCancelledBy(value: unknown): value is CancelledBy {
  return KNOWN.has(value);
}
