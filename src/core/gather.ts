// Bytes that come in pieces, put together. Grows by doubling instead of keeping a list: a peer that sends one byte at a time would
// otherwise cost some three hundred bytes of memory for each (measured: 700 MB for 2 MB of body). Knows no bound of its own.

export class Gather {
  /** The first piece is kept as it came: most messages are one. */
  #held: Uint8Array = EMPTY;
  #owned = false;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(part: Uint8Array): void {
    if (part.length === 0) return;
    if (this.#length === 0) {
      this.#held = part;
      this.#owned = false;
    } else {
      this.#room(this.#length + part.length);
      this.#held.set(part, this.#length);
    }
    this.#length += part.length;
  }

  #room(needed: number): void {
    if (this.#owned && needed <= this.#held.length) return;
    const next = new Uint8Array(Math.max(FIRST_BYTES, needed, this.#held.length * 2));
    next.set(this.#held.subarray(0, this.#length));
    this.#held = next;
    this.#owned = true;
  }

  /** Everything so far, which is then forgotten here. */
  take(): Uint8Array {
    const whole = this.#held.subarray(0, this.#length);
    this.drop();
    return whole;
  }

  drop(): void {
    this.#held = EMPTY;
    this.#owned = false;
    this.#length = 0;
  }
}

const EMPTY = new Uint8Array(0);
const FIRST_BYTES = 4096;
