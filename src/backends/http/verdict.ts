// Which era an HTTP backend was found to speak, and how long that is believed: a legacy verdict grows old, for backends get upgraded (CH3, T69).
import type { Clock } from '../../core/ports.ts';
import type { HttpBackendSettings } from '../../core/settings.ts';

export type EraPlan = HttpBackendSettings['era'];

export class EraVerdict {
  readonly #pinned: EraPlan;
  readonly #clock: Clock;
  readonly #horizonMs: number;
  #legacySince: number | undefined;

  constructor(pinned: EraPlan, clock: Clock, horizonMs: number) {
    this.#pinned = pinned;
    this.#clock = clock;
    this.#horizonMs = horizonMs;
  }

  get plan(): EraPlan {
    if (this.#pinned !== 'auto' || this.#legacySince === undefined) return this.#pinned;
    return this.isOld ? 'auto' : 'legacy';
  }

  /** Whether it is time to ask a legacy backend again. */
  get isOld(): boolean {
    return this.#legacySince !== undefined && this.#clock.mono() - this.#legacySince >= this.#horizonMs;
  }

  /** It was asked, and is still legacy. */
  legacy(): void {
    this.#legacySince = this.#clock.mono();
  }

  forget(): void {
    this.#legacySince = undefined;
  }
}
