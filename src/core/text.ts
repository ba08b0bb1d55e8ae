// How text of strangers is made fit for a record, a log line or a terminal. It escapes and cuts; it never drops silently.

const UNSTORABLE = /\u0000|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const NEEDS_CARE = /\u0000|[\ud800-\udfff]/;

/**
 * NUL and lone surrogates as visible `\u0000` text, all else unchanged. PostgreSQL refuses NUL in text and JSON, and a lone
 * surrogate has no UTF-8: a caller must not be able to lose its own audit row by sending one (D1).
 */
export function storable(text: string): string {
  return NEEDS_CARE.test(text) ? text.replaceAll(UNSTORABLE, escapeUnit) : text;
}

const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** C0, DEL or C1 in a name: it could steer the terminal of whoever reads it, and is never part of an honest one. */
export function hasControl(text: string): boolean {
  return CONTROL.test(text);
}

/** C0, DEL, C1, soft hyphen, Arabic letter mark, Mongolian vowel separator, zero-width and bidirectional controls, line separators, BOM, tag characters. */
export const UNPRINTABLE: RegExp = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]|[\u{e0000}-\u{e007f}]/gu;

/** Safe on a terminal and in a log line: nothing moves the cursor, hides, reorders or starts a new line. */
export function printable(text: string): string {
  return storable(text).replaceAll(UNPRINTABLE, escapePoint);
}

/** At most `units` UTF-16 units of the text, plus a mark that says how many were left out. */
export function cut(text: string, units: number): string {
  if (text.length <= units) return text;
  const last = text.charCodeAt(units - 1);
  const end = last >= 0xd800 && last <= 0xdbff ? units - 1 : units;
  return `${text.slice(0, end)}…[+${text.length - end}]`;
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function escapePoint(char: string): string {
  const point = char.codePointAt(0) ?? 0;
  if (char === '\n') return '\\n';
  if (char === '\r') return '\\r';
  if (char === '\t') return '\\t';
  return point > 0xffff ? `\\u{${point.toString(16)}}` : escapeUnit(char);
}

/** A copy that holds nothing but itself: V8 keeps the whole message alive for any longer piece that was cut from it. For what outlives its request. */
export function detached(text: string): string {
  // To cut it, V8 writes the joined text out anew: 16 times as fast as letter by letter (5 MB in 4 ms).
  return ` ${text}`.slice(1);
}
