// Records from JSON Lines: a file of any size, or a stream, in memory for one piece of it and one line.
import { Buffer } from 'node:buffer';
import { open } from 'node:fs/promises';
import type { StoreFault } from '../../core/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { messageIn } from '../../core/thrown.ts';
import type { Verifier } from './verify.ts';

export interface LineCounts {
  readonly lines: number;
  readonly bytes: number;
}

export interface LineOptions {
  /** Told after each piece of at most 1 MiB of a file, or as a stream comes. */
  readonly onProgress?: (counts: LineCounts) => void;
  /** Longer lines are unreadable, and not kept. Bytes. */
  readonly longest?: number;
}

const PIECE = 1 << 20;
const LONGEST = 16 << 20;
const BREAK = 0x0a;

/** The bytes of a file, in pieces that hold until the next one is asked for. */
export async function* piecesOf(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  await using file = await open(path);
  const piece = Buffer.allocUnsafe(PIECE);
  for (;;) {
    const { bytesRead } = await file.read(piece, 0, PIECE, null);
    if (bytesRead === 0) return;
    yield piece.subarray(0, bytesRead);
  }
}

/**
 * Gives each line of `pieces` to the verifier, with its number from 1 on. A line ends with one 0x0A, the last one may do without; an empty line is no
 * record. Fails when the pieces cannot be read to the end: then nothing that the verifier says of missing records holds.
 */
export async function verifyLines(verifier: Verifier, name: string, pieces: AsyncIterable<Uint8Array>, options: LineOptions = {}): Promise<Result<LineCounts, StoreFault>> {
  const lines = new Lines(verifier, options.longest ?? LONGEST);
  try {
    for await (const piece of pieces) {
      verifier.source(name);
      lines.add(piece);
      options.onProgress?.(lines.counts());
    }
  } catch (thrown) {
    return err({ code: 'unavailable', detail: `${name}: ${messageIn(thrown)}` });
  }
  verifier.source(name);
  lines.end();
  return ok(lines.counts());
}

class Lines {
  readonly #verifier: Verifier;
  readonly #longest: number;
  /** The first byte is nobody's: the verifier borrows the one before a line. */
  #held: Buffer = Buffer.alloc(1);
  #end = 1;
  #lines = 0;
  #bytes = 0;
  /** Within a line that is too long to be kept. */
  #skipping = false;

  constructor(verifier: Verifier, longest: number) {
    this.#verifier = verifier;
    this.#longest = longest;
  }

  counts(): LineCounts {
    return { lines: this.#lines, bytes: this.#bytes };
  }

  add(piece: Uint8Array): void {
    this.#bytes += piece.length;
    const searched = this.#end;
    this.#keep(piece);
    const held = this.#held.subarray(0, this.#end);
    let start = 1;
    for (let at = held.indexOf(BREAK, searched); at >= 0; at = held.indexOf(BREAK, start)) {
      this.#line(start, at);
      start = at + 1;
    }
    this.#held.copyWithin(1, start, this.#end);
    this.#end -= start - 1;
    if (this.#end - 1 > this.#longest) {
      this.#skipping = true;
      this.#end = 1;
    }
  }

  end(): void {
    if (this.#end > 1 || this.#skipping) this.#line(1, this.#end);
  }

  #line(start: number, end: number): void {
    this.#lines += 1;
    const tooLong = this.#skipping || end - start > this.#longest;
    this.#skipping = false;
    if (tooLong) this.#verifier.unreadable(`it is longer than ${this.#longest} bytes`, this.#lines);
    else this.#verifier.bytes(this.#held, start, end, this.#lines);
  }

  #keep(piece: Uint8Array): void {
    const needed = this.#end + piece.length;
    if (needed > this.#held.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#held.length));
      this.#held.copy(larger, 0, 0, this.#end);
      this.#held = larger;
    }
    this.#held.set(piece, this.#end);
    this.#end = needed;
  }
}
