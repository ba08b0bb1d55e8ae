// How much is sent at once to a receiver that does not take everything. A refused batch is halved until one record stands alone; one that is refused
// alone, several times, is passed over with a marker: what one agent can make unsendable must not silence all that comes after it.
import type { Batch } from './batch.ts';

const MOST_TRIES = 4;

export class Appetite {
  readonly #most: number;
  #limit: number;
  #tries = 0;
  #refused: number | undefined;

  constructor(most: number) {
    this.#most = most;
    this.#limit = most;
  }

  /** Records to look at for the next batch. */
  get limit(): number {
    return this.#limit;
  }

  /** The row to leave out. */
  get refused(): number | undefined {
    return this.#refused;
  }

  taken(): void {
    this.#limit = Math.min(this.#most, this.#limit * 2);
    this.#refused = undefined;
    this.#tries = 0;
  }

  notTaken({ records, last }: Batch): void {
    if (records > 1) {
      this.#limit = Math.max(1, Math.floor(Math.min(this.#limit, records) / 2));
      return;
    }
    if (this.#refused !== undefined) {
      // Its marker is not taken either: it is not the record that is at fault.
      this.#refused = undefined;
      return;
    }
    this.#tries += 1;
    if (this.#tries < MOST_TRIES) return;
    this.#refused = last;
    this.#tries = 0;
  }
}
