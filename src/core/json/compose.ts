// Makes JSON text out of text: joins scanned slices and rewrites named members. It never parses or re-serialises a slice,
// so numbers, key order and unknown fields of others survive byte for byte (T151).
import { mint, type RawJson } from './raw.ts';
import { decodeString, eachMember } from './slice.ts';

export interface MemberChanges {
  /** Replaced where they stand, or appended in this order. Wins over `drop`. */
  readonly set?: ReadonlyMap<string, RawJson> | Readonly<Record<string, RawJson>>;
  readonly drop?: readonly string[];
}

/** One member of an object: its key as written, with quotes, and unescaped. */
export interface Member {
  readonly lexeme: string;
  readonly key: string;
  readonly value: RawJson;
}

/** The members in the order written, to be read and rewritten without another walk over the text; undefined when it is not an object. */
export function cut(raw: RawJson): readonly Member[] | undefined {
  const found: Member[] = [];
  const isObject = eachMember(raw, (lexeme, value) => {
    found.push({ lexeme, key: decodeString(lexeme), value });
  });
  return isObject ? found : undefined;
}

/** What the member of that name holds; undefined when there is none. */
export function valueOf(members: readonly Member[], name: string): RawJson | undefined {
  return members.find(({ key }) => key === name)?.value;
}

/** A JSON string literal; lone surrogates come out as escapes, so the text is always valid UTF-8. */
export function quote(text: string): RawJson {
  return mint(JSON.stringify(text));
}

/** A repeated key keeps its first place and its last value. */
export function objectOf(entries: Iterable<readonly [string, RawJson]>): RawJson {
  const parts: string[] = [];
  for (const [key, value] of new Map(entries)) parts.push(`${JSON.stringify(key)}:${value}`);
  return mint(`{${parts.join(',')}}`);
}

export function arrayOf(items: Iterable<RawJson>): RawJson {
  return mint(`[${[...items].join(',')}]`);
}

/**
 * The same object with some members set or dropped. Every other member keeps its bytes (key as written, value as
 * written) and its place. Throws when `raw` is not an object: an edit silently not made would be a hole.
 */
export function withMembers(raw: RawJson, changes: MemberChanges): RawJson {
  const members = cut(raw);
  if (members === undefined) throw new TypeError('withMembers needs a JSON object');
  return withCut(raw, members, changes);
}

/** The same for an object that is cut already. */
export function withCut(raw: RawJson, members: readonly Member[], changes: MemberChanges): RawJson {
  const set = entriesOf(changes.set);
  const drop = new Set(changes.drop);
  const parts: string[] = [];
  let changed = false;
  for (const { lexeme, key, value } of members) {
    const next = set.get(key);
    if (next !== undefined) {
      set.delete(key);
      changed ||= next !== value;
      parts.push(`${lexeme}:${next}`);
    } else if (drop.has(key)) {
      changed = true;
    } else {
      parts.push(`${lexeme}:${value}`);
    }
  }
  for (const [key, value] of set) parts.push(`${JSON.stringify(key)}:${value}`);
  return changed || set.size > 0 ? mint(`{${parts.join(',')}}`) : raw;
}

/** A value by where it begins and ends in a text, as `walkMembers` and `walkElements` find it, and the value that stands there instead. */
export interface Spot {
  readonly from: number;
  readonly to: number;
  readonly value: RawJson;
}

/** The same text with some whole values replaced; every other byte stays. Throws unless the spots come in order and apart: a slip of a reader must not become a message. */
export function withValues(raw: RawJson, spots: readonly Spot[]): RawJson {
  if (spots.length === 0) return raw;
  const parts: string[] = [];
  let at = 0;
  for (const { from, to, value } of spots) {
    if (from < at || to <= from || to > raw.length) throw new RangeError('withValues needs spots in order');
    parts.push(raw.slice(at, from), value);
    at = to;
  }
  parts.push(raw.slice(at));
  return mint(parts.join(''));
}

function entriesOf(set: MemberChanges['set']): Map<string, RawJson> {
  if (set === undefined) return new Map();
  return new Map(isMap(set) ? set : Object.entries(set));
}

function isMap(set: NonNullable<MemberChanges['set']>): set is ReadonlyMap<string, RawJson> {
  return set instanceof Map;
}

/**
 * For plain values of our own making. Throws on what JSON cannot say (undefined, functions, cycles, bigint).
 * Never for something a peer sent: that is a RawJson already, and would be quoted again.
 */
export function toRaw(value: unknown): RawJson {
  const text: string | undefined = JSON.stringify(value);
  if (text === undefined) throw new TypeError('this value has no JSON form');
  return mint(text);
}

/**
 * The same value on one line. JSON strings cannot hold raw line breaks, so any that is found stands between tokens and a
 * space means the same. Where a line is a message (stdio, SSE) this is a wall: `{"a":<LF>{"jsonrpc":…}<LF>}` would
 * otherwise hand the other side a second message that nobody decided on.
 */
export function oneLine(raw: RawJson): RawJson {
  return raw.includes('\n') || raw.includes('\r') ? mint(raw.replaceAll(/[\r\n]/g, ' ')) : raw;
}
