// Which era a backend was found to speak, and how long that is believed: a legacy verdict grows old, for backends get upgraded (CH3, CI1, T69).
import type { Era } from '../core/call.ts';
import type { Clock } from '../core/ports.ts';
import type { BackendSettings } from '../core/settings.ts';

/** `auto`: ask for the modern era first. */
export type EraPlan = BackendSettings['era'];

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

  /** How to open the next connection, or the next process. */
  get plan(): EraPlan {
    if (this.#pinned !== 'auto' || this.#legacySince === undefined) return this.#pinned;
    return this.isOld ? 'auto' : 'legacy';
  }

  /** Whether it is time to ask a legacy backend again. */
  get isOld(): boolean {
    return this.#legacySince !== undefined && this.#clock.mono() - this.#legacySince >= this.#horizonMs;
  }

  /** `asked`: only who was asked for both can have said which. */
  found(asked: EraPlan, era: Era): void {
    if (asked === 'auto') this.#legacySince = era === 'legacy' ? this.#clock.mono() : undefined;
  }

  /** Something went wrong, and whatever it was, the verdict may be the reason: one that was upgraded may refuse what it used to take. */
  forget(): void {
    this.#legacySince = undefined;
  }
}
