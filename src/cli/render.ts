// Text for people: tables, times, colour. Pure. Everything that came from outside passes through `printable` before it is shown.
import { styleText } from 'node:util';
import { printable, UNPRINTABLE } from '../core/text.ts';
import type { Paint, VerbContext } from './verb.ts';

/** JSON as one line that is the same value and as safe on a terminal: C1 controls are as good as ESC to one, and JSON.stringify lets them through. */
export function jsonLine(value: unknown): string {
  return shownJson(JSON.stringify(value));
}

/** JSON text as it may be shown on a terminal: the same value, with what steers, hides or reorders as JSON's own escapes. */
export function shownJson(text: string): string {
  return text.replace(UNPRINTABLE, (found) => found.replaceAll(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`));
}

type Style = 'dim' | 'green' | 'red' | 'yellow';

export function paintFor(colour: boolean): Paint {
  const styled = (style: Style) => (text: string): string => (colour ? styleText(style, text, { validateStream: false }) : text);
  return { dim: styled('dim'), good: styled('green'), bad: styled('red'), warn: styled('yellow') };
}

/** https://no-color.org: any non-empty NO_COLOR turns colour off. */
export function wantsColour(tty: boolean, env: Readonly<Record<string, string | undefined>>, refused: boolean): boolean {
  const none = env['NO_COLOR'];
  return tty && !refused && (none === undefined || none === '') && env['TERM'] !== 'dumb';
}

/** Columns two spaces apart; on a terminal the end of the last one is cut to its width, and of no other, so that ids and names can always be copied. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], { isTty, width, paint }: Pick<VerbContext, 'isTty' | 'width' | 'paint'>): string {
  const shown = rows.map((row) => row.map(printable));
  const widths = head.map((title, column) => Math.max(title.length, ...shown.map((row) => length(row[column] ?? ''))));
  const line = (cells: readonly string[]): string => {
    const text = cells.map((cell, column) => (column === head.length - 1 ? cell : cell + ' '.repeat((widths[column] ?? 0) - length(cell)))).join('  ');
    return cut(text.trimEnd(), isTty.stdout ? width : undefined);
  };
  return [paint.dim(line(head)), ...shown.map(line)].join('\n');
}

function length(text: string): number {
  return [...text].length;
}

function cut(text: string, width: number | undefined): string {
  if (width === undefined || length(text) <= width) return text;
  return `${[...text].slice(0, Math.max(1, width - 1)).join('')}…`;
}

/** `finest`: 59 min 40 s are an hour, 23 h 40 min a day. */
const UNITS: readonly (readonly [name: string, ms: number, finest: number])[] = [['d', 86_400_000, 3_600_000], ['h', 3_600_000, 60_000], ['min', 60_000, 1000], ['s', 1000, 1]];

/** `2 h`, `45 s`, `120 ms`: one unit, the largest that fits once or nearly, and rounded: what was set to two hours a moment ago ends in 2 h. */
export function duration(ms: number): string {
  const span = Math.abs(ms);
  for (const [name, size, finest] of UNITS) if (Math.round(span / finest) * finest >= size) return `${Math.round(span / size)} ${name}`;
  return `${Math.round(span)} ms`;
}

/** `3 min ago`, `in 2 h`, `now`. */
export function relative(at: number, now: number): string {
  if (Math.abs(at - now) < 1000) return 'now';
  return at < now ? `${duration(now - at)} ago` : `in ${duration(at - now)}`;
}

/** RFC 3339, UTC, for JSON. */
export function rfc3339(at: number): string {
  return new Date(at).toISOString();
}

/** Words broken at spaces to fit; continuation lines keep the indent. */
export function wrap(text: string, width: number, indent: string): string {
  const lines: string[] = [];
  for (const paragraph of text.split('\n')) {
    let line = '';
    for (const word of paragraph.split(' ')) {
      if (line !== '' && length(indent) + length(line) + 1 + length(word) > width) {
        lines.push(indent + line);
        line = word;
      } else line = line === '' ? word : `${line} ${word}`;
    }
    lines.push(indent + line);
  }
  return lines.join('\n');
}

/** `1 tool`, `2 tools`. */
export function count(n: number, noun: string, plural: string = `${noun}s`): string {
  return `${n} ${n === 1 ? noun : plural}`;
}
