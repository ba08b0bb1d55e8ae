// JSON Pointers (RFC 6901) over scanned text, with `*` for any one segment: what several of them name is found in one walk, as slices.
// A key's own `*` is written `~2`, as shapes write it (segment.ts), so that a path of a shape is a pointer that finds what it was made of.
import { err, ok, type Result } from '../result.ts';
import { hasControl } from '../text.ts';
import { OPEN_ARRAY, OPEN_OBJECT } from './lex.ts';
import type { RawJson } from './raw.ts';
import { skipValue, valueAt, walkElements, walkMembers } from './slice.ts';

/** A segment that is any member and any element. */
const ANY: unique symbol = Symbol('any segment');

export type Pointer = readonly (string | typeof ANY)[];

/** `whole`: the empty pointer, which names the document itself. `at`: of the text, UTF-16 units. */
export interface PointerFault {
  readonly code: 'whole' | 'start' | 'escape' | 'star' | 'character' | 'long' | 'deep';
  readonly at: number;
}

/** The cost of a walk grows with what is named, so both are bounded. */
export const LONGEST_POINTER = 1024;
export const DEEPEST_POINTER = 32;

const WRONG_ESCAPE = /~(?![012])/;
const ESCAPES: Readonly<Record<string, string>> = { '~0': '~', '~1': '/', '~2': '*' };
const ESCAPED: Readonly<Record<string, string>> = { '~': '~0', '/': '~1', '*': '~2' };

export function compilePointer(text: string): Result<Pointer, PointerFault> {
  if (text === '') return err({ code: 'whole', at: 0 });
  if (!text.startsWith('/')) return err({ code: 'start', at: 0 });
  if (text.length > LONGEST_POINTER) return err({ code: 'long', at: LONGEST_POINTER });
  if (hasControl(text) || !text.isWellFormed()) return err({ code: 'character', at: 0 });
  const wrong = text.search(WRONG_ESCAPE);
  if (wrong >= 0) return err({ code: 'escape', at: wrong });
  // More than one character beside or after a star: perhaps meant as a glob, which no segment is.
  const star = text.search(/[^/]\*|\*[^/]/);
  if (star >= 0) return err({ code: 'star', at: text.indexOf('*', star) });
  const segments = text.slice(1).split('/');
  if (segments.length > DEEPEST_POINTER) return err({ code: 'deep', at: 0 });
  return ok(segments.map((segment) => (segment === '*' ? ANY : segment.replaceAll(/~[012]/g, (found) => ESCAPES[found] ?? found))));
}

/** The pointer that names one place: keys of objects, numbers of elements. */
export function pointerText(names: readonly (string | number)[]): string {
  return names.map((name) => `/${String(name).replaceAll(/[~/*]/g, (found) => ESCAPED[found] ?? found)}`).join('');
}

/** The keys that a pointer names; for who must know before anything is read. */
export function keysOf(pointer: Pointer): readonly string[] {
  return pointer.filter((segment) => segment !== ANY);
}

/** Several pointers as one: where they run together they are walked together. */
export interface PointerTree {
  readonly named: ReadonlyMap<string, PointerTree>;
  readonly any: PointerTree | undefined;
  /** A pointer ends here. */
  readonly ends: boolean;
}

export function pointerTree(pointers: readonly Pointer[]): PointerTree {
  const heads = Map.groupBy(pointers.filter((pointer) => pointer.length > 0), ([head]) => head);
  const named = new Map<string, PointerTree>();
  let any: PointerTree | undefined;
  for (const [head, group] of heads) {
    const below = pointerTree(group.map((pointer) => pointer.slice(1)));
    if (typeof head === 'string') named.set(head, below);
    else any = below;
  }
  return { named, any, ends: pointers.some((pointer) => pointer.length === 0) };
}

/** One step down: the container by where it begins in the text, and the key or number in it. */
export interface Step {
  readonly at: number;
  readonly name: string | number;
}

/** A path that is on its way is overwritten at the next step: `visit` copies what it keeps. False ends the walk. */
type Visit = (path: readonly Step[], value: RawJson) => boolean;

interface Walk {
  readonly raw: RawJson;
  readonly path: Step[];
  readonly visit: Visit;
}

/** Every value that is named, in the order of the text; one that is named twice is visited once, and so is one inside another. */
export function eachNamed(raw: RawJson, tree: PointerTree, visit: Visit): void {
  walk({ raw, path: [], visit }, 0, [tree]);
}

/** Answers the index behind the value, or behind the whole text: then every walk above ends at once. */
function walk(going: Walk, pos: number, trees: readonly PointerTree[]): number {
  const { raw, path, visit } = going;
  if (trees.some((tree) => tree.ends) && !visit(path, valueAt(raw, pos))) return raw.length;
  const deeper = trees.filter((tree) => tree.any !== undefined || tree.named.size > 0);
  const code = deeper.length === 0 ? undefined : raw.charCodeAt(pos);
  if (code === OPEN_OBJECT) return walkMembers(raw, pos, (key, at) => step(going, { at: pos, name: key }, at, below(deeper, key)));
  if (code !== OPEN_ARRAY) return skipValue(raw, pos);
  const numbered = deeper.some((tree) => tree.named.size > 0);
  let index = -1;
  return walkElements(raw, pos, (at) => {
    index += 1;
    // RFC 6901 §4: digits without leading zeros, as String makes them.
    return step(going, { at: pos, name: index }, at, numbered ? below(deeper, String(index)) : below(deeper, undefined));
  });
}

function step(going: Walk, to: Step, at: number, trees: readonly PointerTree[]): number {
  if (trees.length === 0) return skipValue(going.raw, at);
  going.path.push(to);
  const end = walk(going, at, trees);
  going.path.pop();
  return end;
}

function below(trees: readonly PointerTree[], name: string | undefined): readonly PointerTree[] {
  const found: PointerTree[] = [];
  for (const tree of trees) {
    const named = name === undefined ? undefined : tree.named.get(name);
    if (named !== undefined) found.push(named);
    if (tree.any !== undefined) found.push(tree.any);
  }
  return found;
}
