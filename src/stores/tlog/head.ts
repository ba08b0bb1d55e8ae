// The first bytes of a record, read by hand: `{"v":2,"node":"…","epoch":N,"seq":N,"prev":"…","id":"…"`, in this order and without a space.
// They say where a record belongs and what comes before it; the rest is covered by its hash and not looked at.
import { Buffer, isUtf8 } from 'node:buffer';
import { CLOSE_OBJECT, COMMA, QUOTE } from '../../core/json/lex.ts';
import { HASH_LETTERS } from './leaf.ts';

const START = Buffer.from('{"v":2,"node":"', 'latin1');
const EPOCH = Buffer.from('","epoch":', 'latin1');
const SEQ = Buffer.from(',"seq":', 'latin1');
const PREV = Buffer.from(',"prev":"', 'latin1');
const ID = Buffer.from('","id":"', 'latin1');
const MOST_NODE = 64;
const MOST_ID = 64;
const MOST_DIGITS = 16;

const ZERO = 0x30;

/** Which bytes may be letters of: */
const IN_NODE = letters(/[A-Za-z0-9._-]/);
const IN_PREV = letters(/[A-Za-z0-9_-]/);
const IN_ID = letters(/[A-Za-z0-9._:-]/);

function letters(those: RegExp): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (those.test(String.fromCharCode(byte)) ? 1 : 0));
}

/** What a record says of its place. One of it is used again and again: 10 million objects would be 10 million to collect. */
export class Head {
  /** 0: not known. */
  seq = 0;
  /** Where the 43 letters of `prev` begin. */
  prevAt = 0;
  #at = 0;

  /** Where the digits of `seq` begin, or -1: the line does not begin as a record of version 2 does. All before it is the same in a whole epoch. */
  epochEnd(line: Uint8Array, start: number, end: number): number {
    this.seq = 0;
    const node = after(line, start, end, START);
    if (node < 0) return -1;
    const nodeEnd = run(line, node, end, IN_NODE, MOST_NODE);
    const epoch = nodeEnd > node ? after(line, nodeEnd, end, EPOCH) : -1;
    if (epoch < 0 || this.#number(line, epoch, end) === 0) return -1;
    return after(line, this.#at, end, SEQ);
  }

  /** Reads on from the digits of `seq`. What is wrong with the line, or undefined. */
  read(line: Uint8Array, digits: number, end: number): string | undefined {
    this.seq = 0;
    const seq = this.#number(line, digits, end);
    if (seq === 0) return 'its seq is no number of 1 or more';
    this.prevAt = after(line, this.#at, end, PREV);
    if (this.prevAt < 0) return 'prev does not follow seq';
    this.seq = seq;
    if (run(line, this.prevAt, end, IN_PREV, HASH_LETTERS) !== this.prevAt + HASH_LETTERS) return 'its prev is no hash';
    const id = after(line, this.prevAt + HASH_LETTERS, end, ID);
    if (id < 0) return 'id does not follow prev';
    const idEnd = run(line, id, end, IN_ID, MOST_ID);
    const next = line[idEnd + 1];
    if (idEnd === id || line[idEnd] !== QUOTE || (next !== COMMA && next !== CLOSE_OBJECT)) return 'its id is no name';
    return line[end - 1] === CLOSE_OBJECT ? undefined : 'it does not end as an object does';
  }

  /** A whole number of 1 or more without leading zeros; 0 when it is none. Leaves `#at` behind it. */
  #number(line: Uint8Array, from: number, end: number): number {
    let [at, value] = [from, 0];
    while (at < end && at - from < MOST_DIGITS) {
      const digit = (line[at] ?? 0) - ZERO;
      if (digit < 0 || digit > 9 || (digit === 0 && value === 0)) break;
      value = value * 10 + digit;
      at += 1;
    }
    this.#at = at;
    return value <= Number.MAX_SAFE_INTEGER ? value : 0;
  }
}

/** The bytes that all records of an epoch begin with. */
export function prefixOf(node: string, epoch: number): string {
  return `{"v":2,"node":"${node}","epoch":${epoch},"seq":`;
}

export function startsWith(line: Uint8Array, start: number, end: number, prefix: Uint8Array): boolean {
  return after(line, start, end, prefix) >= 0;
}

/** Where `text` ends that begins at `from`, or -1. */
function after(line: Uint8Array, from: number, end: number, text: Uint8Array): number {
  if (from + text.length > end) return -1;
  for (let at = 0; at < text.length; at += 1) if (line[from + at] !== text[at]) return -1;
  return from + text.length;
}

/** Where the letters end that begin at `from`: `most` of them at most. */
function run(line: Uint8Array, from: number, end: number, allowed: Uint8Array, most: number): number {
  const limit = Math.min(end, from + most);
  let at = from;
  while (at < limit && allowed[line[at] ?? 0] === 1) at += 1;
  return at;
}

/**
 * What a reader of JSON would stumble over, or read otherwise than the head was read here (of two members of one name readers take the last).
 * Several microseconds for each record: the hash covers what was written, and this asks whether it should have been.
 */
export function jsonFault(line: Buffer, start: number, end: number, head: Head): string | undefined {
  const bytes = line.subarray(start, end);
  if (!isUtf8(bytes)) return 'it is not UTF-8';
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    return 'it is not JSON';
  }
  const prev = line.toString('latin1', head.prevAt, head.prevAt + HASH_LETTERS);
  const { node, epoch, seq, prev: said, v }: Partial<Record<string, unknown>> = typeof value === 'object' && value !== null ? { ...value } : {};
  const same = v === 2 && seq === head.seq && said === prev && typeof node === 'string' && typeof epoch === 'number';
  return same && startsWith(line, start, end, Buffer.from(prefixOf(node, epoch), 'latin1')) ? undefined : 'it names its place twice, each time another';
}
