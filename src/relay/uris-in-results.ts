// Where results name resources, and how they are named there to an agent. Nothing else in a result is touched, and each character of the
// list in question is passed once. Source: protocol reference 5.3 (T134); SEC46 for the icons of links.
import { cut, type Member, objectOf, quote, type Spot, withCut, withValues } from '../core/json/compose.ts';
import type { RawJson } from '../core/json/scan.ts';
import { decodeString, skipValue, valueAt, walkElements, walkMembers } from '../core/json/slice.ts';
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
  const list = members.find(({ key }) => key === name)?.value;
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
  readonly spots: Spot[];
}

function rewrittenList(kind: HeldIn, list: RawJson, how: ContentRewriting): RawJson {
  const walk: Walk = { text: list, how, spots: [] };
  walkElements(list, 0, (at) => {
    switch (kind) {
      case 'tool': return block(walk, at);
      case 'prompt': return message(walk, at);
      case 'resource': return resource(walk, at);
    }
  });
  return withValues(list, walk.spots);
}

function message(walk: Walk, at: number): number {
  return walkMembers(walk.text, at, (key, from) => (key === 'content' ? blocks(walk, from) : skipValue(walk.text, from)));
}

/** One block, or a list of them. */
function blocks(walk: Walk, at: number): number {
  return walk.text[at] === '[' ? walkElements(walk.text, at, (from) => block(walk, from)) : block(walk, at);
}

function resource(walk: Walk, at: number): number {
  const found: Spot[] = [];
  const end = walkMembers(walk.text, at, (key, from) => {
    const to = skipValue(walk.text, from);
    if (key === 'uri') found.push(...exposed(walk, from, to));
    return to;
  });
  walk.spots.push(...found);
  return end;
}

function block(walk: Walk, at: number): number {
  const { text } = walk;
  const inside: Walk = { ...walk, spots: [] };
  const nested: Walk = { ...walk, spots: [] };
  const link = new Map<string, { readonly from: number; readonly to: number }>();
  const end = walkMembers(text, at, (key, from) => {
    if (key === 'resource') return resource(inside, from);
    if (key === 'content') return blocks(nested, from);
    const to = skipValue(text, from);
    if (LINK_MEMBERS.has(key)) link.set(key, { from, to });
    return to;
  });
  const part = (key: string): string | undefined => textAt(text, link.get(key));
  switch (part('type')) {
    case 'resource_link': walk.spots.push(...linkSpots(walk, at, end, link, part)); break;
    case 'resource': walk.spots.push(...inside.spots); break;
    case 'tool_result': walk.spots.push(...nested.spots); break;
    default: break;
  }
  return end;
}

type Places = ReadonlyMap<string, { readonly from: number; readonly to: number }>;
const LINK_MEMBERS: ReadonlySet<string> = new Set(['type', 'uri', 'name', 'title', 'description', 'icons']);

function linkSpots(walk: Walk, at: number, end: number, link: Places, part: (key: string) => string | undefined): readonly Spot[] {
  if (walk.how.linksAsText) return [{ from: at, to: end, value: linkText(walk, part) }];
  const uri = link.get('uri');
  const icons = link.get('icons');
  const spots = [
    // The web's own are for agents to fetch themselves (MCP server/resources, common schemes).
    ...(uri === undefined || isWeb(part('uri')) ? [] : exposed(walk, uri.from, uri.to)),
    ...(icons === undefined ? [] : iconSpots(walk.text, icons)),
  ];
  return spots.toSorted((one, other) => one.from - other.from);
}

function iconSpots(text: RawJson, { from, to }: { readonly from: number; readonly to: number }): readonly Spot[] {
  const icons = valueAt(text, from);
  const value = safeIcons(icons);
  return value === icons ? [] : [{ from, to, value }];
}

function linkText({ how }: Walk, part: (key: string) => string | undefined): RawJson {
  const uri = part('uri') ?? '';
  const shown = how.expose === undefined || isWeb(uri) ? uri : how.expose(uri);
  const words = [part('title') ?? part('name'), shown, part('description')].filter((word) => word !== undefined && word !== '');
  return objectOf([['type', quote('text')], ['text', quote(words.join('\n'))]]);
}

function isWeb(uri: string | undefined): boolean {
  return uri !== undefined && /^https:\/\//i.test(uri);
}

function exposed({ text, how }: Walk, from: number, to: number): readonly Spot[] {
  const uri = textAt(text, { from, to });
  if (uri === undefined || how.expose === undefined) return [];
  const next = how.expose(uri);
  return next === uri ? [] : [{ from, to, value: quote(next) }];
}

function textAt(text: string, place: { readonly from: number; readonly to: number } | undefined): string | undefined {
  return place === undefined || text[place.from] !== '"' ? undefined : decodeString(text.slice(place.from, place.to));
}
