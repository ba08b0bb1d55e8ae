// Cuts scanned text into its members, still as text. Trusts the RawJson brand: it walks, it does not check again.
import { CLOSE_ARRAY, CLOSE_OBJECT, COMMA, OPEN_ARRAY, OPEN_OBJECT, QUOTE, skipSpace } from './lex.ts';
import { type JsonKind, mint, type RawJson } from './raw.ts';

export function kindOf(raw: RawJson): JsonKind {
  switch (raw.charCodeAt(0)) {
    case OPEN_OBJECT: return 'object';
    case OPEN_ARRAY: return 'array';
    case QUOTE: return 'string';
    case 0x74: return 'true';
    case 0x66: return 'false';
    case 0x6e: return 'null';
    default: return 'number';
  }
}

/** The decoded text of a string value; undefined for any other kind, and for none. May hold lone surrogates where the limits allow them. */
export function stringOf(raw: RawJson | undefined): string | undefined {
  return raw?.charCodeAt(0) === QUOTE ? decodeString(raw) : undefined;
}

const INTEGER = /^(?:0|-?[1-9][0-9]{0,15})$/;

/** A number written as a plain integer that a double holds exactly: not 1.0, 1e3, -0 or 2^53+1 (I09). Undefined for any other value, and for none. */
export function safeIntegerOf(raw: RawJson | undefined): number | undefined {
  if (raw === undefined || !INTEGER.test(raw)) return undefined;
  const value = Number(raw);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Unescaped key → slice, in the order written; undefined when it is not an object or absent. One level, no values built. */
export function members(raw: RawJson | undefined): ReadonlyMap<string, RawJson> | undefined {
  if (raw === undefined) return undefined;
  const found = new Map<string, RawJson>();
  const isObject = eachMember(raw, (lexeme, value) => {
    found.set(decodeString(lexeme), value);
  });
  return isObject ? found : undefined;
}

/** One member's value, without a walk over what stands behind it: for a look at a large object. Undefined when it has none or is no object. */
export function memberOf(raw: RawJson, key: string): RawJson | undefined {
  if (raw.charCodeAt(0) !== OPEN_OBJECT) return undefined;
  let at = skipSpace(raw, 1);
  while (at < raw.length && raw.charCodeAt(at) !== CLOSE_OBJECT) {
    const keyEnd = skipString(raw, at);
    const start = skipColon(raw, keyEnd);
    const end = skipValue(raw, start);
    // The scan lets no key through twice, so the first is the only one.
    if (decodeString(raw.slice(at, keyEnd)) === key) return mint(raw.slice(start, end));
    at = skipComma(raw, end);
  }
  return undefined;
}

/** Slices of an array's elements; undefined when it is not an array or absent. Stops after `most` and one more, by which a caller sees that there are too many. */
export function elements(raw: RawJson | undefined, most: number = Infinity): readonly RawJson[] | undefined {
  if (raw?.charCodeAt(0) !== OPEN_ARRAY) return undefined;
  const found: RawJson[] = [];
  let at = skipSpace(raw, 1);
  while (at < raw.length && raw.charCodeAt(at) !== CLOSE_ARRAY && found.length <= most) {
    const end = skipValue(raw, at);
    found.push(mint(raw.slice(at, end)));
    at = skipComma(raw, end);
  }
  return found;
}

/** Visits each member as key lexeme (with quotes, as written) and value slice. False when it is not an object. */
export function eachMember(raw: RawJson, visit: (lexeme: string, value: RawJson) => void): boolean {
  if (raw.charCodeAt(0) !== OPEN_OBJECT) return false;
  let at = skipSpace(raw, 1);
  while (at < raw.length && raw.charCodeAt(at) !== CLOSE_OBJECT) {
    const keyEnd = skipString(raw, at);
    const start = skipColon(raw, keyEnd);
    const end = skipValue(raw, start);
    visit(raw.slice(at, keyEnd), mint(raw.slice(start, end)));
    at = skipComma(raw, end);
  }
  return true;
}

/**
 * Positions instead of slices, for readers that go deep: each character is passed once, however deep they go. Visits each
 * member's unescaped key and the index of its value, of which `visit` answers the index behind. Answers the index behind the
 * object, or behind any other value that begins at `pos`.
 */
export function walkMembers(text: string, pos: number, visit: (key: string, at: number) => number): number {
  if (text.charCodeAt(pos) !== OPEN_OBJECT) return skipValue(text, pos);
  let at = skipSpace(text, pos + 1);
  while (at < text.length && text.charCodeAt(at) !== CLOSE_OBJECT) {
    const keyEnd = skipString(text, at);
    at = skipComma(text, visit(decodeString(text.slice(at, keyEnd)), skipColon(text, keyEnd)));
  }
  return at + 1;
}

/** The same for the elements of an array. */
export function walkElements(text: string, pos: number, visit: (at: number) => number): number {
  if (text.charCodeAt(pos) !== OPEN_ARRAY) return skipValue(text, pos);
  let at = skipSpace(text, pos + 1);
  while (at < text.length && text.charCodeAt(at) !== CLOSE_ARRAY) at = skipComma(text, visit(at));
  return at + 1;
}

/** The value that begins at `pos`, as `walkMembers` and `walkElements` find it. */
export function valueAt(raw: RawJson, pos: number): RawJson {
  return mint(raw.slice(pos, skipValue(raw, pos)));
}

/** The text of a valid string lexeme, quotes included. */
export function decodeString(lexeme: string): string {
  if (!lexeme.includes('\\')) return lexeme.slice(1, -1);
  const text: unknown = JSON.parse(lexeme);
  return String(text);
}

export function skipColon(text: string, keyEnd: number): number {
  return skipSpace(text, skipSpace(text, keyEnd) + 1);
}

function skipComma(text: string, valueEnd: number): number {
  const at = skipSpace(text, valueEnd);
  return text.charCodeAt(at) === COMMA ? skipSpace(text, at + 1) : at;
}

/** Index behind the value that begins at `pos`. */
export function skipValue(text: string, pos: number): number {
  const first = text.charCodeAt(pos);
  if (first === QUOTE) return skipString(text, pos);
  if (first === OPEN_OBJECT || first === OPEN_ARRAY) return skipContainer(text, pos);
  let at = pos + 1;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code <= 0x20 || code === COMMA || code === CLOSE_ARRAY || code === CLOSE_OBJECT) break;
    at += 1;
  }
  return at;
}

function skipContainer(text: string, pos: number): number {
  let depth = 0;
  let at = pos;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = skipString(text, at);
      continue;
    }
    at += 1;
    if (code === OPEN_OBJECT || code === OPEN_ARRAY) depth += 1;
    else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) depth -= 1;
    if (depth === 0) return at;
  }
  return at;
}

/** A quote ends the string unless an odd run of backslashes stands before it. Runs do not overlap, so this stays linear. */
export function skipString(text: string, pos: number): number {
  let quote = text.indexOf('"', pos + 1);
  while (quote > 0) {
    let before = quote - 1;
    while (text.charCodeAt(before) === 0x5c) before -= 1;
    if ((quote - before) % 2 === 1) return quote + 1;
    quote = text.indexOf('"', quote + 1);
  }
  return text.length;
}
