// The text of a filter as words, quoted texts, operators and brackets, each with its place.
import { err, ok, type Result } from '../result.ts';
import { globText, joined, plainText, written, type TextPattern, type Wild } from './filter.ts';

export interface Token {
  readonly is: 'word' | 'quoted' | 'operator' | 'open' | 'close' | 'comma' | 'end';
  /** Of an operator or word, as written. */
  readonly text: string;
  /** Of a word or a quoted text. */
  readonly value: TextPattern;
  /** UTF-16 units. */
  readonly at: number;
  readonly length: number;
}

export interface FilterFault {
  /** Place in the text, in UTF-16 units. */
  readonly at: number;
  readonly length: number;
  readonly message: string;
  readonly help: string | undefined;
}

/** Bounds of what is read at all: filters come from command lines, files and, later, from the network. */
const LONGEST = 4096;
const LONGEST_VALUE = 1024;

const SPACE = /\s+/y;
const WORD = /[^\s"'()=!<>,\\]+/y;
const OPERATOR = /[=!<>]+/y;
const SIGNS: Readonly<Record<string, 'open' | 'close' | 'comma'>> = { '(': 'open', ')': 'close', ',': 'comma' };

export function tokensOf(text: string): Result<readonly Token[], FilterFault> {
  if (text.length > LONGEST) return err({ at: LONGEST, length: 1, message: `a filter has at most ${LONGEST} characters`, help: undefined });
  const tokens: Token[] = [];
  let at = 0;
  for (;;) {
    at += lengthAt(SPACE, text, at);
    if (at >= text.length) break;
    const read = tokenAt(text, at);
    if (!read.ok) return read;
    if (read.value.length > LONGEST_VALUE) return err({ at, length: read.value.length, message: `a value has at most ${LONGEST_VALUE} characters`, help: undefined });
    tokens.push(read.value);
    at += read.value.length;
  }
  return ok([...tokens, { is: 'end', text: '', value: [], at: text.length, length: 1 }]);
}

function tokenAt(text: string, at: number): Result<Token, FilterFault> {
  const sign = text[at] ?? '';
  const is = Object.hasOwn(SIGNS, sign) ? SIGNS[sign] : undefined;
  if (is !== undefined) return ok({ is, text: sign, value: [], at, length: 1 });
  if (sign === '"' || sign === '\'') return quotedAt(text, at, sign);
  const operator = lengthAt(OPERATOR, text, at);
  if (operator > 0) return ok({ is: 'operator', text: text.slice(at, at + operator), value: [], at, length: operator });
  const length = lengthAt(WORD, text, at);
  if (length === 0) return err({ at, length: 1, message: 'a backslash stands in quotes only', help: 'put the text in quotes, where \\\\ is a backslash' });
  const word = text.slice(at, at + length);
  return ok({ is: 'word', text: word, value: globText(word), at, length });
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\', '"': '"', '\'': '\'', '*': '*', '?': '?', n: '\n', r: '\r', t: '\t' };

function quotedAt(text: string, start: number, quote: string): Result<Token, FilterFault> {
  const parts: (string | Wild)[] = [];
  let at = start + 1;
  for (;;) {
    const sign = text[at];
    if (sign === undefined) return err({ at: start, length: 1, message: 'this quote is never closed', help: undefined });
    if (sign === quote) break;
    const escape = sign === '\\' ? escapeAt(text, at) : undefined;
    if (escape?.ok === false) return escape;
    if (sign === '*') parts.push({ wild: 'run' });
    else if (sign === '?') parts.push({ wild: 'one' });
    else parts.push(escape?.value.text ?? sign);
    at += escape?.value.length ?? 1;
  }
  const value = parts.length === 0 ? plainText('') : joined(parts);
  return ok({ is: 'quoted', text: written(value), value, at: start, length: at + 1 - start });
}

function escapeAt(text: string, at: number): Result<{ readonly text: string; readonly length: number }, FilterFault> {
  const sign = text[at + 1] ?? '';
  const plain = Object.hasOwn(ESCAPES, sign) ? ESCAPES[sign] : undefined;
  if (plain !== undefined) return ok({ text: plain, length: 2 });
  const hex = /^u(?:([0-9A-Fa-f]{4})|\{([0-9A-Fa-f]{1,6})\})/.exec(text.slice(at + 1, at + 10));
  const point = Number.parseInt(hex?.[1] ?? hex?.[2] ?? '', 16);
  if (hex !== null && point <= 0x10_ffff) return ok({ text: String.fromCodePoint(point), length: 1 + hex[0].length });
  return err({ at, length: 2, message: `there is no escape \\${sign}`, help: 'in quotes: \\\\ \\" \\\' \\* \\? \\n \\r \\t \\u0041 \\u{1f600}' });
}

function lengthAt(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0].length ?? 0;
}
