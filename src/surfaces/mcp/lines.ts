// Reads newline-delimited messages, with a cap and in linear time; knows nothing of what they say.
// Joining on every chunk would be quadratic in the length of a line, and a list of chunks costs far more than its bytes (I11).
import { Gather } from '../../core/gather.ts';

export interface LineSink {
  /** Without the newline and without a carriage return before it. */
  line(bytes: Uint8Array): void;
  /** Told once, as soon as a line is over the cap; the rest of it is thrown away and the next line is read as usual (T62). */
  oversize(): void;
}

export class LineReader {
  readonly #maxBytes: number;
  readonly #sink: LineSink;
  readonly #held = new Gather();
  #skipping = false;

  constructor(maxBytes: number, sink: LineSink) {
    this.#maxBytes = maxBytes;
    this.#sink = sink;
  }

  push(chunk: Uint8Array): void {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      this.#add(chunk.subarray(start, end));
      this.#finish();
      start = end + 1;
    }
    if (start < chunk.length) this.#add(chunk.subarray(start));
  }

  /** A last line without a newline still counts. */
  end(): void {
    if (this.#held.length > 0) this.#finish();
  }

  #add(part: Uint8Array): void {
    if (this.#skipping) return;
    if (this.#held.length + part.length > this.#maxBytes) {
      this.#held.drop();
      this.#skipping = true;
      this.#sink.oversize();
      return;
    }
    this.#held.push(part);
  }

  #finish(): void {
    const skipped = this.#skipping;
    this.#skipping = false;
    if (skipped || this.#held.length === 0) return;
    const whole = this.#held.take();
    const bytes = whole.at(-1) === RETURN ? whole.subarray(0, -1) : whole;
    if (bytes.length > 0) this.#sink.line(bytes);
  }
}

const NEWLINE = 0x0a;
const RETURN = 0x0d;
