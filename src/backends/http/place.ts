// How far a stream of events was read, and how long its server wants us to wait before we ask for the rest (2025-11-25 transports, resumability).
import { isSessionId } from './headers.ts';

export class Place {
  readonly #leastMs: number;
  readonly #mostMs: number;
  #lastEventId: string | undefined;
  #retryMs: number;

  constructor(times: { readonly leastMs: number; readonly firstMs: number; readonly mostMs: number }) {
    this.#leastMs = times.leastMs;
    this.#mostMs = times.mostMs;
    this.#retryMs = times.firstMs;
  }

  /** Undefined: it cannot be gone on with. */
  get lastEventId(): string | undefined {
    return this.#lastEventId;
  }

  get retryMs(): number {
    return this.#retryMs;
  }

  read(id: string): void {
    // It goes back as a header: only what a header may hold.
    if (isSessionId(id)) this.#lastEventId = id;
  }

  retry(ms: number): void {
    this.#retryMs = Math.min(this.#mostMs, Math.max(this.#leastMs, ms));
  }
}
