// Reads newline-delimited messages, with a cap and in linear time; knows nothing of what they say.
// A chunk list, not a growing buffer: joining on every chunk is quadratic in the length of a line (I11).

export interface LineSink {
  /** Without the newline and without a carriage return before it. */
  line(bytes: Uint8Array): void;
  /** Told once, as soon as a line is over the cap; the rest of it is thrown away and the next line is read as usual (T62). */
  oversize(): void;
}

export class LineReader {
  readonly #maxBytes: number;
  readonly #sink: LineSink;
  #chunks: Uint8Array[] = [];
  #length = 0;
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
    if (this.#length > 0) this.#finish();
  }

  #add(part: Uint8Array): void {
    if (this.#skipping) return;
    if (this.#length + part.length > this.#maxBytes) {
      this.#drop();
      this.#skipping = true;
      this.#sink.oversize();
      return;
    }
    if (part.length === 0) return;
    this.#chunks.push(part);
    this.#length += part.length;
  }

  #finish(): void {
    const skipped = this.#skipping;
    this.#skipping = false;
    if (skipped || this.#length === 0) return;
    const [first, second] = this.#chunks;
    const whole = first !== undefined && second === undefined ? first : Buffer.concat(this.#chunks, this.#length);
    this.#drop();
    const bytes = whole.at(-1) === RETURN ? whole.subarray(0, -1) : whole;
    if (bytes.length > 0) this.#sink.line(bytes);
  }

  #drop(): void {
    this.#chunks = [];
    this.#length = 0;
  }
}

const NEWLINE = 0x0a;
const RETURN = 0x0d;
