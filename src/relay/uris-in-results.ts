// Where results name resources, and how they are named there to an agent. Nothing else in a result is touched, and each character of the
// list in question is passed once. Source: protocol reference 5.3 (T134); SEC46 for the icons of links.
import { cut, type Member, objectOf, quote, type Spot, valueOf, withCut, withValues } from '../core/json/compose.ts';
import { CLOSE_OBJECT, OPEN_ARRAY, OPEN_OBJECT, QUOTE } from '../core/json/lex.ts';
import type { RawJson } from '../core/json/scan.ts';
import { skipValue, stringOf, valueAt, walkElements, walkMembers } from '../core/json/slice.ts';
import { safeIcons } from './icons.ts';

/** The backend's own URI → as agents of this endpoint know it. */
export type Expose = (uri: string) => string;

/** What was asked: a tool's result, a prompt's messages (those of a sampling request are alike), or the contents of a resource. */
export type HeldIn = 'tool' | 'prompt' | 'resource';

export interface ContentRewriting {
  /** Undefined: URIs are left as they are. */
  readonly expose: Expose | undefined;
  /** Agents before 2025-06-18 know no links: text instead. */
  readonly linksAsText: boolean;
}

const LISTS: Readonly<Record<HeldIn, string>> = { tool: 'content', prompt: 'messages', resource: 'contents' };

/** The whole result with its URIs exposed: the same slice where nothing changes. */
export function exposeUris(kind: HeldIn, raw: RawJson, expose: Expose): RawJson {
  const members = cut(raw);
  return members === undefined ? raw : withCut(raw, members, { set: rewrittenMembers(kind, members, { expose, linksAsText: false }) });
}

/** The members that change, for a result that is cut already; none where nothing changes. */
export function rewrittenMembers(kind: HeldIn, members: readonly Member[], how: ContentRewriting): ReadonlyMap<string, RawJson> {
  const name = LISTS[kind];
  const list = valueOf(members, name);
  if (list === undefined || !mayHoldUri(list)) return new Map();
  const next = rewrittenList(kind, list, how);
  return next === list ? new Map() : new Map([[name, next]]);
}

/** A key that reads `uri` is written so, or with an escape: a fast look over megabytes that spares most results the walk. */
function mayHoldUri(raw: RawJson): boolean {
  return raw.includes('"uri"') || raw.includes('\\u');
}

interface Walk {
  readonly text: RawJson;
  readonly how: ContentRewriting;
}

function rewrittenList(kind: HeldIn, list: RawJson, how: ContentRewriting): RawJson {
  const walk: Walk = { text: list, how };
  const spots: Spot[] = [];
  walkElements(list, 0, (at) => {
    switch (kind) {
      case 'tool': return block(walk, at, spots);
      case 'prompt': return walkMembers(list, at, (key, from) => (key === 'content' ? blocks(walk, from, spots) : skipValue(list, from)));
      case 'resource': return resource(walk, at, spots);
    }
  });
  return withValues(list, spots);
}

/** One block, or a list of them. */
function blocks(walk: Walk, at: number, spots: Spot[]): number {
  return walk.text.charCodeAt(at) === OPEN_ARRAY ? walkElements(walk.text, at, (from) => block(walk, from, spots)) : block(walk, at, spots);
}

function resource(walk: Walk, at: number, spots: Spot[]): number {
  return walkMembers(walk.text, at, (key, from) => {
    if (key === 'uri') exposeAt(walk, from, spots);
    return skipValue(walk.text, from);
  });
}

interface Block {
  type?: string | undefined;
  /** Where the values of a link begin, by key. */
  places?: Map<string, number>;
  /** Of the resource embedded in it. */
  inside?: Spot[];
  /** Of the blocks of a tool's result. */
  nested?: Spot[];
}

const LINK_MEMBERS: ReadonlySet<string> = new Set(['uri', 'name', 'title', 'description', 'icons']);

/** What it is may be said last, so all that could change is noted until then. Millions of elements without members must cost nothing. */
function block(walk: Walk, at: number, spots: Spot[]): number {
  const { text } = walk;
  if (text.charCodeAt(at) !== OPEN_OBJECT || text.charCodeAt(at + 1) === CLOSE_OBJECT) return skipValue(text, at);
  const found: Block = {};
  const end = walkMembers(text, at, (key, from) => {
    if (key === 'resource') return resource(walk, from, (found.inside ??= []));
    if (key === 'content') return blocks(walk, from, (found.nested ??= []));
    if (key === 'type') found.type = textAt(text, from);
    else if (LINK_MEMBERS.has(key)) (found.places ??= new Map()).set(key, from);
    return skipValue(text, from);
  });
  if (found.type === 'resource_link') linkSpots(walk, at, end, found.places ?? new Map(), spots);
  else if (found.type === 'resource') addAll(spots, found.inside);
  else if (found.type === 'tool_result') addAll(spots, found.nested);
  return end;
}

/** One by one: a spread of a million would not fit on the stack. */
function addAll(spots: Spot[], more: readonly Spot[] | undefined): void {
  for (const spot of more ?? []) spots.push(spot);
}

function linkSpots(walk: Walk, at: number, end: number, places: ReadonlyMap<string, number>, spots: Spot[]): void {
  const { text, how } = walk;
  const part = (key: string): string | undefined => textAt(text, places.get(key));
  if (how.linksAsText) {
    spots.push({ from: at, to: end, value: linkText(how, part) });
    return;
  }
  // In the order written, as all spots.
  for (const [key, from] of places) {
    if (key === 'icons') keepSafe(walk, from, spots);
    // The web's own are for agents to fetch themselves (MCP server/resources, common schemes).
    else if (key === 'uri' && !isWeb(part('uri'))) exposeAt(walk, from, spots);
  }
}

function keepSafe({ text }: Walk, from: number, spots: Spot[]): void {
  const icons = valueAt(text, from);
  const value = safeIcons(icons);
  if (value !== icons) spots.push({ from, to: from + icons.length, value });
}

function linkText({ expose }: ContentRewriting, part: (key: string) => string | undefined): RawJson {
  const uri = part('uri') ?? '';
  const shown = expose === undefined || isWeb(uri) ? uri : expose(uri);
  const words = [part('title') ?? part('name'), shown, part('description')].filter((word) => word !== undefined && word !== '');
  return objectOf([['type', quote('text')], ['text', quote(words.join('\n'))]]);
}

function isWeb(uri: string | undefined): boolean {
  return uri !== undefined && /^https:\/\//i.test(uri);
}

function exposeAt({ text, how }: Walk, from: number, spots: Spot[]): void {
  const uri = textAt(text, from);
  if (uri === undefined || how.expose === undefined) return;
  const next = how.expose(uri);
  if (next !== uri) spots.push({ from, to: skipValue(text, from), value: quote(next) });
}

/** Undefined when no string begins there. */
function textAt(text: RawJson, from: number | undefined): string | undefined {
  return from === undefined || text.charCodeAt(from) !== QUOTE ? undefined : stringOf(valueAt(text, from));
}
