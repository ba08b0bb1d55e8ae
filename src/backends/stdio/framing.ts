// Cuts a byte stream into lines. Linear in the bytes whatever the chunks, bounded in memory, and never ended by what it reads (I11, B14).
import { Gather } from '../../core/gather.ts';

const NEWLINE = 0x0a;
const EDGE_BYTES = 256;

export interface LineSink {
  /** Without its newline. The bytes are only valid during the call. */
  line(bytes: Uint8Array): void;
  /** A line above the cap was dropped: its first and last bytes, for finding whose answer it was. */
  oversize(head: Buffer, tail: Buffer): void;
}

export class LineReader {
  readonly #cap: number;
  readonly #sink: LineSink;
  readonly #held = new Gather();
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
    this.#hold(last);
    const skipped = this.#skipped;
    this.#skipped = undefined;
    if (skipped === undefined) this.#sink.line(this.#held.take());
    else this.#sink.oversize(skipped.head, skipped.tail);
  }

  #hold(part: Buffer): void {
    if (this.#skipped !== undefined) this.#skipped.tail = tailOf(this.#skipped.tail, part);
    else if (this.#held.length + part.length > this.#cap) this.#skip(part);
    else this.#held.push(part);
  }

  #skip(part: Buffer): void {
    const held = this.#held.take();
    const head = Buffer.concat([held.subarray(0, EDGE_BYTES), part.subarray(0, EDGE_BYTES)]).subarray(0, EDGE_BYTES);
    this.#skipped = { head, tail: tailOf(held.subarray(-EDGE_BYTES), part) };
  }
}

function tailOf(before: Uint8Array, part: Buffer): Buffer {
  return part.length >= EDGE_BYTES ? Buffer.from(part.subarray(-EDGE_BYTES)) : Buffer.concat([before, part]).subarray(-EDGE_BYTES);
}
