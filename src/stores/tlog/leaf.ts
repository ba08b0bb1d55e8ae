// Hashes of the audit's Merkle trees: RFC 6962 §2.1, unchanged in RFC 9162 §2.1.1.
import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';

export const HASH_BYTES = 32;
/** Letters of a hash in base64url without padding. */
export const HASH_LETTERS = 43;

/** The hash of the tree without leaves: SHA-256 of nothing. What the first record of an epoch names as the one before it. */
export const EMPTY_ROOT: Buffer = Buffer.from(hash('sha256', '', 'hex'), 'hex');

/** Longer records get memory of their own, so that one of them does not keep it for good. */
const ROOM = 1 << 17;
/** UTF-8 takes at most this many bytes for a UTF-16 unit. */
const UNIT_BYTES = 3;
const room = Buffer.alloc(1 + ROOM);
const pair = Buffer.alloc(1 + 2 * HASH_BYTES);

/** Hash of a leaf: SHA-256(0x00 ‖ UTF-8 of the record), 32 bytes. A lone surrogate has no UTF-8: `storable` comes before. */
export function leafHash(record: string): Buffer {
  const into = record.length * UNIT_BYTES <= ROOM ? room : Buffer.alloc(1 + Buffer.byteLength(record));
  into[0] = 0;
  const written = into.write(record, 1, 'utf8');
  return Buffer.from(digest(into.subarray(0, 1 + written)), 'latin1');
}

/**
 * Hash of the leaf that lies in `line` from `start` to `end` (not included), written into `out`. The byte before `start` is
 * borrowed for the 0x00 and given back: a copy of each record would cost as much as half of its hash. `start` is 1 or more.
 */
export function leafHashInto(line: Buffer, start: number, end: number, out: Buffer): void {
  const borrowed = line[start - 1] ?? 0;
  line[start - 1] = 0;
  out.write(digest(line.subarray(start - 1, end)), 0, HASH_BYTES, 'latin1');
  line[start - 1] = borrowed;
}

/** Hash of an interior node: SHA-256(0x01 ‖ left ‖ right). Of another domain than a leaf, so that none passes for the other. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  pair[0] = 1;
  pair.set(left, 1);
  pair.set(right, 1 + HASH_BYTES);
  return Buffer.from(digest(pair), 'latin1');
}

/** SHA-256 as text with one letter for each byte: asking for a Buffer takes three times as long (0.88 against 0.30 µs for 65 bytes). */
export function digest(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'binary');
}

const LETTERS = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_', 'latin1');

/** Whether the 43 bytes of `text` from `at` on are this hash in base64url. Nothing is decoded: of two spellings of a hash one is wrong. */
export function isSpelled(of: Uint8Array, text: Uint8Array, at: number): boolean {
  let letter = at;
  for (let byte = 0; byte < HASH_BYTES - 2; byte += 3) {
    const [a = 0, b = 0, c = 0] = [of[byte], of[byte + 1], of[byte + 2]];
    if (text[letter] !== LETTERS[a >> 2] || text[letter + 1] !== LETTERS[((a & 3) << 4) | (b >> 4)]) return false;
    if (text[letter + 2] !== LETTERS[((b & 15) << 2) | (c >> 6)] || text[letter + 3] !== LETTERS[c & 63]) return false;
    letter += 4;
  }
  const [y = 0, z = 0] = [of[HASH_BYTES - 2], of[HASH_BYTES - 1]];
  return text[letter] === LETTERS[y >> 2] && text[letter + 1] === LETTERS[((y & 3) << 4) | (z >> 4)] && text[letter + 2] === LETTERS[(z & 15) << 2];
}

/** A 32-byte hash from base64, padded or not as `spelling` says; undefined when it is anything else, or spelled otherwise than it should be. */
export function hashFrom(text: string, spelling: 'base64' | 'base64url'): Buffer | undefined {
  const bytes = Buffer.from(text, spelling);
  return bytes.length === HASH_BYTES && bytes.toString(spelling) === text ? bytes : undefined;
}
