// Where in a TOML text a key or its value stands: the parser forgets places. Reads text that has already been parsed, so it never judges it.
import { parse } from 'smol-toml';

export type Path = readonly (string | number)[];

export interface Place {
  /** 1-based, in UTF-16 units, as editors count. */
  readonly line: number;
  readonly column: number;
}

interface Node {
  key: number | undefined;
  value: number | undefined;
  readonly children: Map<string, Node>;
  readonly items: Node[];
}

interface Cursor {
  readonly text: string;
  at: number;
}

/** The places of one document. Build it once, ask often. */
export interface Places {
  find(path: Path, what: 'key' | 'value'): Place | undefined;
}

export function placesOf(text: string): Places {
  const root = emptyNode();
  scan({ text, at: text.charCodeAt(0) === 0xfeff ? 1 : 0 }, root);
  return {
    find(path, what) {
      const offset = offsetOf(root, path, what);
      return offset === undefined ? undefined : placeAt(text, offset);
    },
  };
}

/** The nearest ancestor that has a place stands in for a path that has none (a missing key). */
function offsetOf(root: Node, path: Path, what: 'key' | 'value'): number | undefined {
  let node = root;
  let offset: number | undefined;
  for (const [depth, step] of path.entries()) {
    const next = typeof step === 'number' ? node.items[step] : node.children.get(step);
    if (next === undefined) return offset;
    const last = depth === path.length - 1;
    offset = (last && what === 'value' ? next.value ?? next.key : next.key ?? next.value) ?? offset;
    node = next;
  }
  return offset;
}

function placeAt(text: string, offset: number): Place {
  let line = 1;
  let start = 0;
  for (let next = text.indexOf('\n'); next >= 0 && next < offset; next = text.indexOf('\n', start)) {
    line += 1;
    start = next + 1;
  }
  return { line, column: offset - start + 1 };
}

function emptyNode(): Node {
  return { key: undefined, value: undefined, children: new Map(), items: [] };
}

function scan(cursor: Cursor, root: Node): void {
  let table = root;
  for (skipBlank(cursor); cursor.at < cursor.text.length; skipBlank(cursor)) {
    const before = cursor.at;
    if (cursor.text[cursor.at] === '[') table = header(cursor, root);
    else assignment(cursor, table);
    // Text that is not TOML must not hold the loop.
    if (cursor.at === before) cursor.at += 1;
  }
}

/** `[a.b]` or `[[a.b]]`; a path through a list of tables means its last one. */
function header(cursor: Cursor, root: Node): Node {
  const list = cursor.text.startsWith('[[', cursor.at);
  cursor.at += list ? 2 : 1;
  const steps = keyPath(cursor, ']');
  cursor.at += list ? 2 : 1;
  let node = root;
  for (const [depth, step] of steps.entries()) {
    node = child(node, step);
    if (depth === steps.length - 1 && list) node.items.push({ ...emptyNode(), key: step.at });
    node = node.items.at(-1) ?? node;
  }
  return node;
}

function assignment(cursor: Cursor, table: Node): void {
  const node = keyPath(cursor, '=').reduce(child, table);
  cursor.at += 1;
  skipBlank(cursor);
  value(cursor, node);
}

interface Step {
  readonly name: string;
  readonly at: number;
}

function child(node: Node, step: Step): Node {
  const known = node.children.get(step.name);
  if (known !== undefined) return known;
  const made = { ...emptyNode(), key: step.at };
  node.children.set(step.name, made);
  return made;
}

/** Stops in front of `end`. */
function keyPath(cursor: Cursor, end: ']' | '='): readonly Step[] {
  const steps: Step[] = [];
  const { text } = cursor;
  while (cursor.at < text.length && text[cursor.at] !== end && text[cursor.at] !== '\n') {
    const at = cursor.at;
    const sign = text[at];
    if (sign === '"' || sign === "'") {
      skipString(cursor);
      steps.push({ name: unquoted(text.slice(at, cursor.at)), at });
    } else if (sign === '.' || sign === ' ' || sign === '\t') cursor.at += 1;
    else {
      while (cursor.at < text.length && !/[.=\]\s]/.test(text[cursor.at] ?? ' ')) cursor.at += 1;
      if (cursor.at === at) cursor.at += 1;
      steps.push({ name: text.slice(at, cursor.at), at });
    }
  }
  return steps;
}

/** The parser knows the escapes; asking it keeps them in one place. */
function unquoted(raw: string): string {
  try {
    return Object.keys(parse(`${raw} = 0`))[0] ?? raw;
  } catch {
    return raw;
  }
}

function value(cursor: Cursor, node: Node): void {
  node.value ??= cursor.at;
  switch (cursor.text[cursor.at]) {
    case '"':
    case "'": return skipString(cursor);
    case '[': return list(cursor, node);
    case '{': return inlineTable(cursor, node);
    default:
      while (cursor.at < cursor.text.length && !/[,\]}#\n]/.test(cursor.text[cursor.at] ?? '\n')) cursor.at += 1;
  }
}

function list(cursor: Cursor, node: Node): void {
  cursor.at += 1;
  for (skipBlank(cursor); cursor.at < cursor.text.length && cursor.text[cursor.at] !== ']'; skipBlank(cursor)) {
    if (cursor.text[cursor.at] === ',') {
      cursor.at += 1;
      continue;
    }
    const before = cursor.at;
    const item = { ...emptyNode(), key: before };
    node.items.push(item);
    value(cursor, item);
    if (cursor.at === before) cursor.at += 1;
  }
  cursor.at += 1;
}

function inlineTable(cursor: Cursor, node: Node): void {
  cursor.at += 1;
  for (skipBlank(cursor); cursor.at < cursor.text.length && cursor.text[cursor.at] !== '}'; skipBlank(cursor)) {
    const before = cursor.at;
    if (cursor.text[cursor.at] === ',') cursor.at += 1;
    else assignment(cursor, node);
    if (cursor.at === before) cursor.at += 1;
  }
  cursor.at += 1;
}

function skipString(cursor: Cursor): void {
  const { text, at } = cursor;
  const quote = text[at] ?? '"';
  const long = text.startsWith(quote.repeat(3), at);
  cursor.at += long ? 3 : 1;
  const end = long ? quote.repeat(3) : quote;
  while (cursor.at < text.length && !text.startsWith(end, cursor.at)) {
    if (!long && text[cursor.at] === '\n') return;
    cursor.at += quote === '"' && text[cursor.at] === '\\' ? 2 : 1;
  }
  cursor.at += end.length;
  // Up to two more quotes may belong to the end of a long string.
  while (long && text[cursor.at] === quote) cursor.at += 1;
}

/** White space, line ends and comments. */
function skipBlank(cursor: Cursor): void {
  const { text } = cursor;
  for (;;) {
    while (cursor.at < text.length && /\s/.test(text[cursor.at] ?? '')) cursor.at += 1;
    if (text[cursor.at] !== '#') return;
    const end = text.indexOf('\n', cursor.at);
    cursor.at = end < 0 ? text.length : end;
  }
}
