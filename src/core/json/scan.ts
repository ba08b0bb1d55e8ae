// The scanner on which "parse once, forward what was scanned" stands: checks bytes and grammar in one linear pass.
// It builds no values and changes nothing; whatever it lets through is forwarded as the same text (cases R1, T35, T151).
import { err, ok, type Result } from '../result.ts';
import {
  CLOSE_ARRAY, CLOSE_OBJECT, COLON, COMMA, type Cursor, fail, OPEN_ARRAY, OPEN_OBJECT, QUOTE,
  readLiteral, readNumber, readString, skipSpace,
} from './lex.ts';
import { type JsonFault, type JsonLimits, mint, type RawJson } from './raw.ts';

export type { JsonFault, JsonLimits, RawJson } from './raw.ts';

// TextDecoder strips a BOM and JSON.parse rejects one; keeping it visible makes one answer of two (I10).
const STRICT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const LOSSY = new TextDecoder('utf-8', { ignoreBOM: true });

/** Fatal UTF-8 (overlong forms, surrogates, truncation are faults), no byte order mark. */
export function decodeUtf8(bytes: Uint8Array): Result<string, JsonFault> {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return err({ code: 'bom', offset: 0 });
  try {
    return ok(STRICT.decode(bytes));
  } catch {
    return err({ code: 'utf8', offset: firstInvalidByte(bytes) });
  }
}

/** Walks the lossy text beside the bytes: the first U+FFFD that was not sent as EF BF BD stands for the fault. */
function firstInvalidByte(bytes: Uint8Array): number {
  let offset = 0;
  for (const char of LOSSY.decode(bytes)) {
    if (char === '\ufffd' && !(bytes[offset] === 0xef && bytes[offset + 1] === 0xbf && bytes[offset + 2] === 0xbd)) return offset;
    const point = char.codePointAt(0) ?? 0;
    offset += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  }
  return offset;
}

/** One RFC 8259 value, with the refusals named by `limits` and below. Never throws; time is linear in the text. */
export function scan(text: string, limits: JsonLimits): Result<RawJson, JsonFault> {
  // A raw lone surrogate cannot be written as UTF-8, so what was scanned could not be what is forwarded.
  if (!text.isWellFormed()) return err({ code: 'surrogate', offset: firstLoneSurrogate(text) });
  const start = skipSpace(text, 0);
  const cursor: Cursor = { text, pos: start, code: 'syntax', escaped: false };
  if (!readValue(cursor, limits)) return err({ code: cursor.code, offset: cursor.pos });
  const end = cursor.pos;
  const rest = skipSpace(text, end);
  if (rest !== text.length) return err({ code: 'syntax', offset: rest });
  return ok(mint(text.slice(start, end)));
}

function firstLoneSurrogate(text: string): number {
  let offset = 0;
  for (const char of text) {
    if (!char.isWellFormed()) return offset;
    offset += char.length;
  }
  return offset;
}

/** Keys of one open object. A few are compared one by one, many by a set: never quadratic. */
interface Keys {
  readonly few: string[];
  many: Set<string> | undefined;
}
const FEW = 8;

/** False when the key was there already. */
function addKey(keys: Keys, key: string): boolean {
  if (keys.many !== undefined) {
    const before = keys.many.size;
    return keys.many.add(key).size > before;
  }
  if (keys.few.includes(key)) return false;
  keys.few.push(key);
  if (keys.few.length > FEW) keys.many = new Set(keys.few);
  return true;
}

/** Open containers, outermost first; undefined stands for an array. A list, not the call stack: depth cannot overflow it (I05). */
interface Walk {
  readonly cursor: Cursor;
  readonly limits: JsonLimits;
  readonly open: (Keys | undefined)[];
  keys: number;
  items: number;
}

function readValue(cursor: Cursor, limits: JsonLimits): boolean {
  const walk: Walk = { cursor, limits, open: [], keys: 0, items: 0 };
  do {
    if (!beginValue(walk)) return false;
    if (!endValues(walk)) return false;
  } while (walk.open.length > 0);
  return true;
}

/** Reads one scalar or an empty container, or opens containers until the first scalar or empty container inside is read. */
function beginValue(walk: Walk): boolean {
  const { cursor, limits, open } = walk;
  const { text } = cursor;
  for (;;) {
    const code = text.charCodeAt(cursor.pos);
    if (code !== OPEN_OBJECT && code !== OPEN_ARRAY) return readScalar(cursor, code, limits);
    if (open.length >= limits.maxDepth) return fail(cursor, 'depth', cursor.pos);
    const inside = skipSpace(text, cursor.pos + 1);
    if (text.charCodeAt(inside) === (code === OPEN_OBJECT ? CLOSE_OBJECT : CLOSE_ARRAY)) {
      cursor.pos = inside + 1;
      return true;
    }
    cursor.pos = inside;
    if (code === OPEN_ARRAY) {
      open.push(undefined);
      if (!countItem(walk)) return false;
    } else {
      const keys: Keys = { few: [], many: undefined };
      open.push(keys);
      if (!readKey(walk, keys)) return false;
    }
  }
}

/** Closes whatever ends here. Stops where the next value begins, or when nothing is open. */
function endValues(walk: Walk): boolean {
  const { cursor, open } = walk;
  const { text } = cursor;
  while (open.length > 0) {
    const keys = open[open.length - 1];
    const at = skipSpace(text, cursor.pos);
    const code = text.charCodeAt(at);
    if (code === COMMA) {
      cursor.pos = skipSpace(text, at + 1);
      return keys === undefined ? countItem(walk) : readKey(walk, keys);
    }
    if (code !== (keys === undefined ? CLOSE_ARRAY : CLOSE_OBJECT)) return fail(cursor, 'syntax', at);
    cursor.pos = at + 1;
    open.pop();
  }
  return true;
}

/** I04: an array costs by its elements what an object costs by its keys, and needs two bytes for each. */
function countItem(walk: Walk): boolean {
  walk.items += 1;
  return walk.items <= walk.limits.maxItems || fail(walk.cursor, 'items', walk.cursor.pos);
}

function readScalar(cursor: Cursor, code: number, limits: JsonLimits): boolean {
  switch (code) {
    case QUOTE:
      return readString(cursor, limits.loneSurrogates === 'reject');
    case 0x66: case 0x74: case 0x6e:
      return readLiteral(cursor);
    default:
      return readNumber(cursor, limits.maxNumberLength);
  }
}

/** From a key's opening quote to the first character of its value. */
function readKey(walk: Walk, keys: Keys): boolean {
  const { cursor, limits } = walk;
  const { text } = cursor;
  const start = cursor.pos;
  if (text.charCodeAt(start) !== QUOTE) return fail(cursor, 'syntax', start);
  walk.keys += 1;
  if (walk.keys > limits.maxKeys) return fail(cursor, 'keys', start);
  if (!readString(cursor, true)) return false;
  const end = cursor.pos;
  if (end - start - 2 > limits.maxKeyLength) return fail(cursor, 'key_length', start);
  const key = comparable(text.slice(start, end), cursor.escaped);
  // Assigning this one key swaps a prototype (I08). `constructor` and `prototype` only bite code that merges
  // objects deeply, which nothing here does, and they are honest argument names: they pass.
  if (key === '"__proto__') return fail(cursor, 'forbidden_key', start);
  if (!addKey(keys, key)) return fail(cursor, 'duplicate_key', start);
  const colon = skipSpace(text, end);
  if (text.charCodeAt(colon) !== COLON) return fail(cursor, 'syntax', colon);
  cursor.pos = skipSpace(text, colon + 1);
  return true;
}

/** The unescaped key behind a quote. The quote stays because V8 hashes digits-only strings without a secret (hash flooding). */
function comparable(lexeme: string, escaped: boolean): string {
  if (!escaped) return lexeme.slice(0, -1);
  const key: unknown = JSON.parse(lexeme);
  return `"${String(key)}`;
}
