// What is wrong with a filter, told with its place.
import { printable } from '../text.ts';
import type { FilterFault } from './lex.ts';

/** Characters of a long filter that are shown around the place. */
const AROUND = 60;

/** `column 12: there is no field "decison"`: characters are counted as people count them, from 1. */
export function faultLine(text: string, { at, message }: FilterFault): string {
  return `column ${[...text.slice(0, at)].length + 1}: ${message}`;
}

/** The text in one line, and a second one that points at the place. Fit for a terminal. */
export function faultPlace(text: string, { at, length }: FilterFault): string {
  const from = Math.max(0, at - AROUND);
  const to = Math.min(text.length, at + length + AROUND);
  const before = (from > 0 ? '…' : '') + printable(text.slice(from, at));
  const marked = printable(text.slice(at, at + length));
  const after = printable(text.slice(at + length, to)) + (to < text.length ? '…' : '');
  return `${before}${marked}${after}\n${' '.repeat([...before].length)}${'^'.repeat(Math.max(1, [...marked].length))}`;
}
