// Finds the commands a document shows, and compares what they printed with what it promises. Runs nothing.

export type Command = {
  readonly line: number;
  readonly text: string;
  /** The lines shown below a `$ command`; undefined where the document promises no output. */
  readonly expected: readonly string[] | undefined;
  /** The exit status the document says; 0 unless `<!-- exits N -->` stands before the block. */
  readonly exits: number;
};

export type Block =
  | { readonly kind: 'run'; readonly commands: readonly Command[] }
  | { readonly kind: 'not-run'; readonly line: number; readonly reason: string }
  | { readonly kind: 'wrong'; readonly line: number; readonly why: string };

type Fence = { readonly line: number; readonly language: string; readonly before: string; readonly lines: readonly string[] };

const OPEN = /^(\s*)(`{3,}|~{3,})\s*([\w-]*)/;

function fences(text: string): readonly Fence[] {
  const found: Fence[] = [];
  const lines = text.split('\n');
  let before = '';
  for (let at = 0; at < lines.length; at += 1) {
    const current = lines[at] ?? '';
    const open = OPEN.exec(current);
    if (open === null) {
      if (current.trim() !== '') before = current.trim();
      continue;
    }
    const [, indent = '', ticks = '', language = ''] = open;
    const body: string[] = [];
    const line = at + 1;
    for (at += 1; at < lines.length && !(lines[at] ?? '').trim().startsWith(ticks); at += 1) {
      const inner = lines[at] ?? '';
      body.push(inner.startsWith(indent) ? inner.slice(indent.length) : inner);
    }
    found.push({ line, language, before, lines: body });
    before = '';
  }
  return found;
}

/** In a console block `$ ` begins a command, a trailing backslash continues it, and all else is what it prints. */
function consoleCommands(fence: Fence, exits: number): readonly Command[] {
  const commands: { line: number; text: string; expected: string[] }[] = [];
  let continued = false;
  for (const [index, shown] of fence.lines.entries()) {
    const last = commands.at(-1);
    if (shown.startsWith('$ ')) commands.push({ line: fence.line + index + 1, text: shown.slice(2), expected: [] });
    else if (last !== undefined && continued) last.text += `\n${shown.replace(/^> /, '')}`;
    else last?.expected.push(shown);
    continued = (shown.startsWith('$ ') || continued) && shown.endsWith('\\');
  }
  return commands.map(({ line, text, expected }) => ({ line, text, expected: expected.length === 0 ? undefined : expected, exits }));
}

function blockOf(fence: Fence): Block | undefined {
  if (['bash', 'shell', 'zsh', 'shell-session', 'sh-session'].includes(fence.language)) {
    return { kind: 'wrong', line: fence.line, why: `a ${fence.language} block is not run: write sh or console` };
  }
  if (fence.language !== 'sh' && fence.language !== 'console') return undefined;
  const reason = /^<!--\s*not run:\s*(.*?)\s*-->$/.exec(fence.before)?.[1];
  if (reason === '') return { kind: 'wrong', line: fence.line, why: 'not run, and no reason given' };
  if (reason !== undefined) return { kind: 'not-run', line: fence.line, reason };
  const exits = Number(/^<!--\s*exits (\d+)\s*-->$/.exec(fence.before)?.[1] ?? '0');
  if (fence.language === 'sh') {
    return { kind: 'run', commands: [{ line: fence.line + 1, text: fence.lines.join('\n'), expected: undefined, exits }] };
  }
  const commands = consoleCommands(fence, exits);
  return commands.length === 0 ? { kind: 'wrong', line: fence.line, why: 'a console block without a line that begins with "$ "' } : { kind: 'run', commands };
}

/** The command blocks of a document, in order. */
export function commandBlocks(text: string): readonly Block[] {
  return fences(text).flatMap((fence) => blockOf(fence) ?? []);
}

function lineMatches(shown: string, printed: string): boolean {
  const squeeze = (line: string): string => line.replaceAll(/\s+/g, ' ').trim();
  const parts = squeeze(shown).split('…').map((part) => RegExp.escape(part.trim()));
  return new RegExp(`^${parts.join('.*')}$`).test(squeeze(printed).replaceAll(/\s+(?=\s)/g, ''));
}

/** `…` within a line stands for any text, and alone on a line for any number of lines. Runs of spaces count as one. */
export function outputMatches(shown: readonly string[], printed: readonly string[]): boolean {
  const [expected, ...rest] = shown;
  if (expected === undefined) return printed.every((line) => line.trim() === '');
  if (expected.trim() === '…') return printed.some((_, at) => outputMatches(rest, printed.slice(at))) || outputMatches(rest, []);
  const [first, ...others] = printed;
  return first !== undefined && lineMatches(expected, first) && outputMatches(rest, others);
}
