// What a message looked like, without what it said: paths, kinds, counts and lengths for the audit.
// No value leaves this file; the size of the answer is bounded by `maxPaths`, the time by the text.
import { CLOSE_ARRAY, CLOSE_OBJECT, COMMA, OPEN_ARRAY, OPEN_OBJECT, QUOTE, skipSpace } from './lex.ts';
import type { RawJson } from './raw.ts';
import type { Segment } from './segment.ts';
import { decodeString, skipColon, skipString, skipValue } from './slice.ts';

/** `true` and `false` would be values, so both are `boolean`. */
export type ShapeKind = 'object' | 'array' | 'string' | 'number' | 'boolean' | 'null';

export interface ShapePath {
  /** JSON Pointer (RFC 6901) of segments as the caller writes its keys; every element of an array is `*`. */
  readonly path: string;
  readonly kinds: readonly ShapeKind[];
  /** How many values were found under this path. */
  readonly count: number;
  /** Longest: UTF-16 units of a string as written, elements of an array, members of an object; 0 for the rest. */
  readonly maxLength: number;
}

export interface Shape {
  readonly paths: readonly ShapePath[];
  /** More paths existed than were asked for. */
  readonly truncated: boolean;
}

/** Stands for every element of an array. */
const EACH = Symbol('each');

interface Node {
  readonly path: string;
  readonly kinds: Set<ShapeKind>;
  /** By key, not by what is written for it: that may cost a digest, and most keys of a large object get no path. */
  readonly children: Map<string | typeof EACH, Node>;
  count: number;
  maxLength: number;
}

interface Frame {
  readonly node: Node;
  readonly array: boolean;
  length: number;
}

interface Survey {
  readonly text: string;
  readonly nodes: Node[];
  readonly maxPaths: number;
  readonly segment: Segment;
  readonly open: Frame[];
  truncated: boolean;
}

export function shapeOf(raw: RawJson, maxPaths: number, segment: Segment): Shape {
  const survey: Survey = { text: raw, nodes: [], maxPaths, segment, open: [], truncated: false };
  const root = addNode(survey, '');
  if (root !== undefined) walk(survey, root);
  const paths = survey.nodes.map(({ path, kinds, count, maxLength }) => ({ path, kinds: [...kinds].sort(), count, maxLength }));
  return { paths, truncated: survey.truncated };
}

function walk(survey: Survey, root: Node): void {
  const { text, open } = survey;
  let at = enter(survey, 0, root);
  for (let frame = open.at(-1); frame !== undefined && at < text.length; frame = open.at(-1)) {
    at = skipSpace(text, at);
    const code = text.charCodeAt(at);
    if (code === COMMA) {
      at += 1;
    } else if (code === CLOSE_ARRAY || code === CLOSE_OBJECT) {
      note(frame.node, frame.array ? 'array' : 'object', frame.length);
      open.pop();
      at += 1;
    } else {
      frame.length += 1;
      at = step(survey, frame, at);
    }
  }
}

/** One element or member: into it when its path is on the list, over it when the list is full. */
function step(survey: Survey, frame: Frame, pos: number): number {
  const { text } = survey;
  let at = pos;
  let key: string | typeof EACH = EACH;
  if (!frame.array) {
    const keyEnd = skipString(text, pos);
    key = decodeString(text.slice(pos, keyEnd));
    at = skipColon(text, keyEnd);
  }
  const child = frame.node.children.get(key) ?? addChild(survey, frame.node, key);
  return child === undefined ? skipValue(text, at) : enter(survey, at, child);
}

/** Opens a container, or notes a scalar and moves behind it. */
function enter(survey: Survey, pos: number, node: Node): number {
  const { text, open } = survey;
  const code = text.charCodeAt(pos);
  if (code === OPEN_ARRAY || code === OPEN_OBJECT) {
    open.push({ node, array: code === OPEN_ARRAY, length: 0 });
    return pos + 1;
  }
  const end = skipValue(text, pos);
  note(node, scalarKind(code), code === QUOTE ? end - pos - 2 : 0);
  return end;
}

function scalarKind(code: number): ShapeKind {
  switch (code) {
    case QUOTE: return 'string';
    case 0x74: case 0x66: return 'boolean';
    case 0x6e: return 'null';
    default: return 'number';
  }
}

function note(node: Node, kind: ShapeKind, length: number): void {
  node.kinds.add(kind);
  node.count += 1;
  node.maxLength = Math.max(node.maxLength, length);
}

function addChild(survey: Survey, parent: Node, key: string | typeof EACH): Node | undefined {
  if (isFull(survey)) return undefined;
  const child = addNode(survey, `${parent.path}/${key === EACH ? '*' : survey.segment(key)}`);
  if (child !== undefined) parent.children.set(key, child);
  return child;
}

function isFull(survey: Survey): boolean {
  if (survey.nodes.length < survey.maxPaths) return false;
  survey.truncated = true;
  return true;
}

function addNode(survey: Survey, path: string): Node | undefined {
  if (isFull(survey)) return undefined;
  const node: Node = { path, kinds: new Set(), children: new Map(), count: 0, maxLength: 0 };
  survey.nodes.push(node);
  return node;
}
