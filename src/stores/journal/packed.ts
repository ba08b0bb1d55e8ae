// Many records of a segment at once, as one piece of memory: a piece for each takes longer to make than its record takes to be checked.
import { Buffer } from 'node:buffer';
import type { DatabaseSync, StatementSync } from 'node:sqlite';

export interface Packed {
  /** The first byte is nobody's, and between two records there is one. */
  readonly bytes: Buffer;
  /** Of each record four numbers: row, epoch, seq, length. */
  readonly places: Float64Array;
}

const NUMBERS = 4;
const ZERO = 48;

/**
 * Records are taken as they are stored: `cast(… as blob)` decodes nothing. What does not add up (a record that is no text, a number below zero, more than
 * SQLite holds in one value) was not written by a gateway, and is left to who reads row by row.
 */
export class PackedPages {
  readonly #page: StatementSync;

  constructor(database: DatabaseSync) {
    this.#page = database.prepare(`select count(*), cast(char(10) || group_concat(record, char(10)) as blob), group_concat(row || ' ' || epoch || ' ' || seq || ' ' || length(cast(record as blob)), ' ')
      from (select row, epoch, seq, record from record where row > ? order by row limit ?)`);
    this.#page.setReturnArrays(true);
  }

  /** Behind this row, `limit` at most. Undefined: they are to be read one by one, if there are any. */
  after(row: number, limit: number): Packed | undefined {
    let found: unknown;
    try {
      found = this.#page.get(row, limit);
    } catch {
      return undefined;
    }
    const values: readonly unknown[] = Array.isArray(found) ? found : [];
    const [count, bytes, text] = [Number(values[0]), values[1], values[2]];
    if (!(bytes instanceof Uint8Array) || typeof text !== 'string') return undefined;
    const places = numbersIn(text, count * NUMBERS);
    if (places === undefined) return undefined;
    let length = 0;
    for (let at = NUMBERS - 1; at < places.length; at += NUMBERS) length += 1 + (places[at] ?? 0);
    return length === bytes.length ? { bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), places } : undefined;
  }
}

/** Whole numbers with a space between them, as many as `count`. */
function numbersIn(text: string, count: number): Float64Array | undefined {
  const numbers = new Float64Array(count);
  let [at, value] = [0, 0];
  for (let letter = 0; letter <= text.length; letter += 1) {
    const digit = letter === text.length ? -1 : text.charCodeAt(letter) - ZERO;
    if (digit >= 0 && digit <= 9) {
      value = value * 10 + digit;
    } else if (digit === -1 || text[letter] === ' ') {
      if (at === count) return undefined;
      numbers[at] = value;
      [at, value] = [at + 1, 0];
    } else {
      return undefined;
    }
  }
  return at === count ? numbers : undefined;
}
