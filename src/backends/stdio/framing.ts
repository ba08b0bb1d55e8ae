// Cuts a byte stream into lines. Linear in the bytes whatever the chunks, bounded in memory, and never ended by what it reads (I11, B14).
const NEWLINE = 0x0a;
const FIRST_BYTES = 4096;
const EDGE_BYTES = 256;

export interface LineSink {
  /** Without its newline. The bytes are only valid during the call. */
  line(bytes: Buffer): void;
  /** A line above the cap was dropped: its first and last bytes, for finding whose answer it was. */
  oversize(head: Buffer, tail: Buffer): void;
}

export class LineReader {
  readonly #cap: number;
  readonly #sink: LineSink;
  /** The unfinished line. Grows by doubling: many small chunks cost no more than one large (a list of 1-byte chunks would). */
  #held: Buffer = Buffer.alloc(0);
  #length = 0;
  /** Set while the rest of an oversized line is being skipped. */
  #skipped: { readonly head: Buffer; tail: Buffer } | undefined;

  constructor(cap: number, sink: LineSink) {
    this.#cap = cap;
    this.#sink = sink;
  }

  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      this.#finish(chunk.subarray(start, end));
      start = end + 1;
    }
    if (start < chunk.length) this.#hold(chunk.subarray(start));
  }

  #finish(last: Buffer): void {
    if (this.#skipped === undefined && this.#length + last.length > this.#cap) this.#skip(last);
    else if (this.#skipped !== undefined) this.#skipped.tail = tailOf(this.#skipped.tail, last);
    if (this.#skipped !== undefined) {
      const { head, tail } = this.#skipped;
      this.#skipped = undefined;
      this.#sink.oversize(head, tail);
      return;
    }
    if (this.#length === 0) {
      this.#sink.line(last);
      return;
    }
    this.#append(last);
    const line = this.#held.subarray(0, this.#length);
    this.#length = 0;
    this.#sink.line(line);
    if (this.#held.length > FIRST_BYTES) this.#held = Buffer.alloc(0);
  }

  #hold(part: Buffer): void {
    if (this.#skipped !== undefined) this.#skipped.tail = tailOf(this.#skipped.tail, part);
    else if (this.#length + part.length > this.#cap) this.#skip(part);
    else this.#append(part);
  }

  #skip(part: Buffer): void {
    const held = this.#held.subarray(0, this.#length);
    const head = Buffer.concat([held.subarray(0, EDGE_BYTES), part.subarray(0, EDGE_BYTES)]).subarray(0, EDGE_BYTES);
    this.#skipped = { head, tail: tailOf(held.subarray(-EDGE_BYTES), part) };
    this.#held = Buffer.alloc(0);
    this.#length = 0;
  }

  #append(part: Buffer): void {
    const needed = this.#length + part.length;
    if (needed > this.#held.length) {
      const next = Buffer.allocUnsafe(Math.max(FIRST_BYTES, needed, this.#held.length * 2));
      this.#held.copy(next, 0, 0, this.#length);
      this.#held = next;
    }
    part.copy(this.#held, this.#length);
    this.#length = needed;
  }
}

function tailOf(before: Buffer, part: Buffer): Buffer {
  return part.length >= EDGE_BYTES ? Buffer.from(part.subarray(-EDGE_BYTES)) : Buffer.concat([before, part]).subarray(-EDGE_BYTES);
}
