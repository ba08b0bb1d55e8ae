// The lexemes of RFC 8259 over one string: whitespace, strings, numbers, literals. Moves a cursor; builds no values.
import type { JsonFault } from './raw.ts';

/** After a `false` answer `pos` is the offset of the fault and `code` its name. */
export interface Cursor {
  readonly text: string;
  pos: number;
  code: JsonFault['code'];
  /** The last string had a backslash: it must be decoded before it is compared. */
  escaped: boolean;
}

export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const OPEN_ARRAY = 0x5b;
export const CLOSE_ARRAY = 0x5d;
export const OPEN_OBJECT = 0x7b;
export const CLOSE_OBJECT = 0x7d;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;

export function fail(cursor: Cursor, code: JsonFault['code'], at: number): false {
  cursor.code = code;
  cursor.pos = at;
  return false;
}

/** Index of the first character at or after `pos` that is not JSON whitespace; the length when there is none. */
export function skipSpace(text: string, pos: number): number {
  let at = pos;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code > 0x20 || (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09)) return at;
    at += 1;
  }
  return at;
}

/** From the opening quote at `pos` to behind the closing one. */
export function readString(cursor: Cursor, refuseLone: boolean): boolean {
  const { text } = cursor;
  const end = text.length;
  let at = cursor.pos + 1;
  cursor.escaped = false;
  while (at < end) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      cursor.pos = at + 1;
      return true;
    }
    if (code < 0x20) return fail(cursor, 'syntax', at);
    if (code === BACKSLASH) {
      cursor.escaped = true;
      cursor.pos = at;
      if (!readEscape(cursor, refuseLone)) return false;
      at = cursor.pos;
    } else {
      at += 1;
    }
  }
  return fail(cursor, 'syntax', end);
}

/** From a backslash to behind its escape; a surrogate pair written as two escapes is read as one. */
function readEscape(cursor: Cursor, refuseLone: boolean): boolean {
  const { text, pos } = cursor;
  switch (text.charCodeAt(pos + 1)) {
    case QUOTE: case BACKSLASH: case 0x2f: case 0x62: case 0x66: case 0x6e: case 0x72: case 0x74:
      cursor.pos = pos + 2;
      return true;
    case 0x75:
      break;
    default:
      return fail(cursor, 'syntax', pos);
  }
  const unit = hexUnit(text, pos + 2);
  if (unit < 0) return fail(cursor, 'syntax', pos);
  if (unit < 0xd800 || unit > 0xdfff) {
    cursor.pos = pos + 6;
    return true;
  }
  if (unit < 0xdc00 && text.charCodeAt(pos + 6) === BACKSLASH && text.charCodeAt(pos + 7) === 0x75) {
    const low = hexUnit(text, pos + 8);
    if (low >= 0xdc00 && low <= 0xdfff) {
      cursor.pos = pos + 12;
      return true;
    }
  }
  if (refuseLone) return fail(cursor, 'surrogate', pos);
  cursor.pos = pos + 6;
  return true;
}

/** Four hex digits at `pos` as a code unit, or -1. */
function hexUnit(text: string, pos: number): number {
  let unit = 0;
  for (let at = pos; at < pos + 4; at += 1) {
    const digit = hexDigit(text.charCodeAt(at));
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

function hexDigit(code: number): number {
  if (code >= ZERO && code <= NINE) return code - ZERO;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?` and not longer than `maxLength`. */
export function readNumber(cursor: Cursor, maxLength: number): boolean {
  const { text } = cursor;
  const start = cursor.pos;
  let at = text.charCodeAt(start) === MINUS ? start + 1 : start;
  const whole = skipDigits(text, at);
  if (whole === at) return fail(cursor, 'syntax', at);
  if (text.charCodeAt(at) === ZERO && whole > at + 1) return fail(cursor, 'syntax', at + 1);
  at = whole;
  if (text.charCodeAt(at) === 0x2e) {
    const fraction = skipDigits(text, at + 1);
    if (fraction === at + 1) return fail(cursor, 'syntax', fraction);
    at = fraction;
  }
  if ((text.charCodeAt(at) | 0x20) === 0x65) {
    const sign = text.charCodeAt(at + 1);
    const digits = sign === 0x2b || sign === MINUS ? at + 2 : at + 1;
    at = skipDigits(text, digits);
    if (at === digits) return fail(cursor, 'syntax', at);
  }
  if (at - start > maxLength) return fail(cursor, 'number', start);
  cursor.pos = at;
  return true;
}

function skipDigits(text: string, pos: number): number {
  let at = pos;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code < ZERO || code > NINE) return at;
    at += 1;
  }
  return at;
}

export function readLiteral(cursor: Cursor): boolean {
  const { text, pos } = cursor;
  const word = text.charCodeAt(pos) === 0x66 ? 'false' : text.charCodeAt(pos) === 0x74 ? 'true' : 'null';
  if (!text.startsWith(word, pos)) return fail(cursor, 'syntax', pos);
  cursor.pos = pos + word.length;
  return true;
}
