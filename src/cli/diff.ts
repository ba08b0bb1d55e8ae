// What changes between two texts, line by line. Pure; for files of people's size, not for logs.
import { printable } from '../core/text.ts';
import type { Paint } from './verb.ts';

/** `- ` and `+ ` lines with up to two lines of context; empty when the texts are equal. */
export function lineDiff(before: string, after: string, paint: Paint): string {
  const marked = walk(before.split('\n'), after.split('\n'));
  const near = marked.map((_, i) => marked.slice(Math.max(0, i - 2), i + 3).some((line) => line.mark !== ' '));
  const lines: string[] = [];
  for (const [i, { mark, text }] of marked.entries()) {
    if (!near[i]) continue;
    if (i > 0 && !near[i - 1]) lines.push(paint.dim('  …'));
    // The file may be a stranger's, from a repository: its words must not reach the terminal as commands.
    const line = `${mark} ${text.split('\t').map(printable).join('\t')}`;
    lines.push(mark === '+' ? paint.good(line) : mark === '-' ? paint.bad(line) : line);
  }
  return lines.join('\n');
}

/** 16 MiB of table; beyond it, all of the middle is shown as replaced. */
const MOST_CELLS = 4_000_000;

interface Marked { readonly mark: ' ' | '+' | '-'; readonly text: string }

/** Longest common subsequence by the plain table; quadratic, so the equal ends are taken off first. */
function walk(a: readonly string[], b: readonly string[]): Marked[] {
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const x = a.slice(head, a.length - tail);
  const y = b.slice(head, b.length - tail);
  const same = (text: string): Marked => ({ mark: ' ', text });
  return [...a.slice(0, head).map(same), ...middle(x, y), ...a.slice(a.length - tail).map(same)];
}

function middle(x: readonly string[], y: readonly string[]): Marked[] {
  if (x.length * y.length > MOST_CELLS) return [...x.map((text): Marked => ({ mark: '-', text })), ...y.map((text): Marked => ({ mark: '+', text }))];
  const width = y.length + 1;
  const longest = new Uint32Array((x.length + 1) * width);
  const at = (i: number, j: number): number => longest[i * width + j] ?? 0;
  for (let i = x.length - 1; i >= 0; i--) {
    for (let j = y.length - 1; j >= 0; j--) longest[i * width + j] = x[i] === y[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  }
  const out: Marked[] = [];
  let i = 0;
  let j = 0;
  while (i < x.length || j < y.length) {
    if (i < x.length && j < y.length && x[i] === y[j]) {
      out.push({ mark: ' ', text: x[i] ?? '' });
      i++;
      j++;
    } else if (i < x.length && (j >= y.length || at(i + 1, j) >= at(i, j + 1))) out.push({ mark: '-', text: x[i++] ?? '' });
    else out.push({ mark: '+', text: y[j++] ?? '' });
  }
  return out;
}
