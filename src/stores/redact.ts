// The copy of a call's arguments that may be kept: valid JSON, masked by key and by shape, bounded in size whatever was sent.
// The original travels on untouched; nothing here is ever forwarded. One pass that stops at the cap (J05).
import type { RawJson } from '../core/json/scan.ts';
import { CLOSE_ARRAY, CLOSE_OBJECT, COMMA, OPEN_ARRAY, OPEN_OBJECT, QUOTE, skipSpace } from '../core/json/lex.ts';
import { decodeString, skipColon, skipString, skipValue } from '../core/json/slice.ts';
import { cut, storable } from '../core/text.ts';
import { keyMatcher, LONGEST_SECRET, MASK, maskSecrets } from '../core/masking.ts';
import { tameNumber } from './tame-number.ts';
import { pairNamesSecret, VALUE_KEYS } from './capture/pairs.ts';

export interface Redaction {
  /** Of the stored text, UTF-8. */
  readonly bytes: number;
  /** Of object members whose values are masked whole. */
  readonly keys: readonly string[];
}

interface Copy {
  readonly text: string;
  readonly parts: string[];
  readonly budget: number;
  readonly isSecretKey: (key: string) => boolean;
  length: number;
  pos: number;
}

const KEY_UNITS = 256;
const WORD = /^(?:true|false|null)$/;

/** JSON text of at most `bytes` bytes. Over it: `{"sentinel_truncated":true,"head":"…"}` with the beginning of the masked text. */
export function redactJson(raw: RawJson, redaction: Redaction): string {
  const copy: Copy = { text: raw, parts: [], budget: redaction.bytes, isSecretKey: matcherOf(redaction.keys), length: 0, pos: skipSpace(raw, 0) };
  copyValue(copy);
  const text = copy.parts.join('');
  return !full(copy) && Buffer.byteLength(text) <= copy.budget ? text : truncated(text, copy.budget);
}

const matchers = new WeakMap<readonly string[], (key: string) => boolean>();

/** Made once per list: a reload brings a new one. */
function matcherOf(keys: readonly string[]): (key: string) => boolean {
  const known = matchers.get(keys) ?? keyMatcher(keys);
  matchers.set(keys, known);
  return known;
}

function truncated(text: string, budget: number): string {
  for (let units = Math.min(text.length, budget); units > 0; units = Math.floor(units / 2)) {
    const made = JSON.stringify({ sentinel_truncated: true, head: text.slice(0, units).toWellFormed() });
    if (Buffer.byteLength(made) <= budget) return made;
  }
  return '{"sentinel_truncated":true}';
}

function emit(copy: Copy, part: string): void {
  copy.parts.push(part);
  copy.length += part.length;
}

function full(copy: Copy): boolean {
  return copy.length > copy.budget;
}

function copyValue(copy: Copy): void {
  const code = copy.text.charCodeAt(copy.pos);
  if (code === OPEN_OBJECT) return copyObject(copy);
  if (code === OPEN_ARRAY) return copyArray(copy);
  const lexeme = take(copy, code === QUOTE ? skipString(copy.text, copy.pos) : skipValue(copy.text, copy.pos));
  emit(copy, code === QUOTE ? copyString(lexeme, copy.budget) : WORD.test(lexeme) ? lexeme : tameNumber(lexeme));
}

function take(copy: Copy, end: number): string {
  const lexeme = copy.text.slice(copy.pos, end);
  copy.pos = end;
  return lexeme;
}

/** Looks a whole secret's length behind the cap, so that one cannot hide by standing across it. */
function copyString(lexeme: string, units: number): string {
  const masked = maskSecrets(decodeString(lexeme).slice(0, units + LONGEST_SECRET));
  return JSON.stringify(storable(cut(masked, units)));
}

function copyArray(copy: Copy): void {
  emit(copy, '[');
  copy.pos = skipSpace(copy.text, copy.pos + 1);
  while (!full(copy) && !closes(copy, CLOSE_ARRAY)) {
    copyValue(copy);
    comma(copy);
  }
  emit(copy, ']');
}

function copyObject(copy: Copy): void {
  const { text } = copy;
  const begins = copy.pos;
  emit(copy, '{');
  copy.pos = skipSpace(text, copy.pos + 1);
  let named: boolean | undefined;
  while (!full(copy) && !closes(copy, CLOSE_OBJECT)) {
    const lexeme = take(copy, skipString(text, copy.pos));
    const key = decodeString(lexeme);
    emit(copy, `${copyString(lexeme, KEY_UNITS)}:`);
    copy.pos = skipColon(text, copy.pos);
    // The name may stand behind its value.
    if (copy.isSecretKey(key) || (VALUE_KEYS.has(key.toLowerCase()) && (named ??= pairNamesSecret(text, begins, copy.isSecretKey)))) mask(copy);
    else copyValue(copy);
    comma(copy);
  }
  emit(copy, '}');
}

function mask(copy: Copy): void {
  const value = take(copy, skipValue(copy.text, copy.pos));
  emit(copy, value === 'null' || value === '""' ? value : JSON.stringify(MASK));
}

function closes(copy: Copy, code: number): boolean {
  if (copy.pos < copy.text.length && copy.text.charCodeAt(copy.pos) !== code) return false;
  copy.pos += 1;
  return true;
}

function comma(copy: Copy): void {
  copy.pos = skipSpace(copy.text, copy.pos);
  if (copy.text.charCodeAt(copy.pos) !== COMMA) return;
  emit(copy, ',');
  copy.pos = skipSpace(copy.text, copy.pos + 1);
}
