// A diagnostic as a block of text: what, where, how to mend it. Shows of the line only what cannot be a secret: its key, and the value complained of.
import type { Diagnostic } from '../core/operations.ts';
import { CODES } from './codes.ts';

/** Of a line, UTF-16 units. */
const MOST_SHOWN = 160;
/** Nobody reads more; the rest is counted. */
const SHOWN = 20;
/** The text may be no TOML at all, so nothing after the first `=` can be trusted to be harmless. */
const UNREAD: ReadonlySet<string> = new Set([CODES.syntax.code, CODES.unsafe_key.code, CODES.encoding.code]);

export function renderDiagnostics(list: readonly Diagnostic[], source: string): string {
  const blocks = list.slice(0, SHOWN).map((one) => renderDiagnostic(one, source));
  if (list.length > SHOWN) blocks.push(`… and ${list.length - SHOWN} more`);
  return blocks.join('\n\n');
}

export function renderDiagnostic(one: Diagnostic, source: string): string {
  const lines = [`${one.severity}[${one.code}]: ${visible(one.message)}`];
  if (one.line === undefined) lines.push(`  ┌─ ${visible(one.file)}`);
  else {
    const excerpt = excerptOf(source.split('\n')[one.line - 1] ?? '', one.column ?? 1, UNREAD.has(one.code));
    const number = String(one.line);
    const margin = ' '.repeat(number.length);
    lines.push(`${margin} ┌─ ${visible(one.file)}:${one.line}:${one.column ?? 1}`, `${number} │ ${excerpt.text}`, `${margin} │ ${' '.repeat(excerpt.at)}${'^'.repeat(excerpt.length)}`);
  }
  if (one.help !== undefined) lines.push(`  = help: ${visible(one.help)}`);
  lines.push(`  = docs: docs/errors/${one.code}.md`);
  return lines.join('\n');
}

interface Excerpt {
  readonly text: string;
  /** Where the marks begin, and how many. */
  readonly at: number;
  readonly length: number;
}

const KEY = String.raw`(?:[A-Za-z0-9_-]+|"[^"\\]*"|'[^']*')`;
const DOTTED = String.raw`${KEY}(?:[ \t]*\.[ \t]*${KEY})*`;
/** What may stand before the thing complained of and be shown: nothing, or the key it is the value of. */
const PLAIN_PREFIX = new RegExp(String.raw`^[ \t]*(?:${DOTTED}[ \t]*[=.][ \t]*)?$`);
const HEADER_PREFIX = new RegExp(String.raw`^[ \t]*\[{1,2}[ \t]*(?:${DOTTED}[ \t]*\.[ \t]*)?$`);
const KEY_AHEAD = new RegExp(String.raw`^${DOTTED}(?=[ \t]*=)`);
const HEADER_AHEAD = new RegExp(String.raw`^${DOTTED}(?=[ \t]*\])`);
const FIRST_KEY = new RegExp(`^${KEY}`);
const LINE_KEY = new RegExp(String.raw`^[ \t]*${DOTTED}[ \t]*=`);
/** One value: a text on this line, or a bare word. Lists and tables are cut after their first character. */
const VALUE = /^(?:"(?:[^"\\]|\\.)*"|'[^']*'|[[{]|[^\s,\]}#"']+)/;

function excerptOf(line: string, column: number, unread: boolean): Excerpt {
  if (unread) return unreadExcerpt(line, column);
  const prefix = line.slice(0, column - 1);
  const rest = line.slice(column - 1);
  const header = HEADER_PREFIX.test(prefix);
  const shownPrefix = header || PLAIN_PREFIX.test(prefix) ? prefix : '… ';
  const key = (header ? HEADER_AHEAD : KEY_AHEAD).exec(rest)?.[0];
  const token = key ?? VALUE.exec(rest)?.[0] ?? '';
  const marked = key === undefined ? token : FIRST_KEY.exec(key)?.[0] ?? key;
  const after = header ? line.slice(column - 1 + token.length).match(/^[ \t]*\]{1,2}/)?.[0] ?? '' : key === undefined ? '' : ' =';
  const tail = line.slice(column - 1 + token.length + (header ? after.length : 0)).trim() === '' ? '' : ' …';
  return { text: visible(`${shownPrefix}${token}${after}${tail}`), at: visible(shownPrefix).length, length: Math.max(1, visible(marked).length) };
}

/** The key, and of the rest only its shape: what opens, closes and separates. A secret may stand anywhere in a line that is no TOML. */
function unreadExcerpt(line: string, column: number): Excerpt {
  const shown = LINE_KEY.exec(line)?.[0] ?? '';
  const shape = line.slice(shown.length).replaceAll(/[^\s[\]{}"'=,#]/gu, '·');
  const text = visible(shown + shape).slice(0, MOST_SHOWN);
  return { text, at: Math.min(column - 1, text.length), length: 1 };
}

/** Nothing from a file may move the cursor or recolour a terminal. Tabs become one space, so that the marks stay under their word. */
function visible(text: string): string {
  return text.replaceAll('\t', ' ').replaceAll(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|\p{Surrogate}/gu, '·');
}
