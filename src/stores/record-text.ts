// The texts of a record: escaped, masked and bounded, so that no input can make a row unstorable, unreadable or large.
import ipaddr from 'ipaddr.js';
import { Buffer } from 'node:buffer';
import type { Trail } from '../core/decision.ts';
import type { RawJson } from '../core/json/scan.ts';
import type { Segment } from '../core/json/segment.ts';
import { shapeOf } from '../core/json/shape.ts';
import { cut, storable } from '../core/text.ts';
import type { Node } from './node.ts';
import { LONGEST_SECRET, maskSecrets, maySecret } from '../core/masking.ts';

/** An index entry of PostgreSQL holds 2704 bytes: three of these at three bytes each fit, so no name can make a row unstorable. */
const NAME_UNITS = 256;
const NOTE_UNITS = 1024;
const ROLES = 32;
const ROLE_UNITS = 64;
const SHAPE_PATHS = 64;
const SHAPE_BYTES = 4096;
const TRAIL_BYTES = 8192;
/** What an agent wrote may stand in a note as a path: it must not push out what other stages said. */
const TRAIL_NOTE_UNITS = 256;
const DETAIL_BYTES = 8192;

/** Paths are dropped from the end until they fit. */
export function shapeText(raw: RawJson, segment: Segment): string {
  const { paths: found, truncated } = shapeOf(raw, SHAPE_PATHS, segment);
  const paths = found.map(({ path, ...rest }) => ({ path: maskPath(path), ...rest }));
  for (let count = paths.length; count > 0; count = Math.floor(count / 2)) {
    const text = jsonText({ paths: paths.slice(0, count), truncated: truncated || count < paths.length });
    if (Buffer.byteLength(text) <= SHAPE_BYTES) return text;
  }
  return JSON.stringify({ paths: [], truncated: true });
}

/** A key may be a secret too; its shape shows only without the pointer's escapes. */
function maskPath(path: string): string {
  return path.split('/').map((segment) => {
    const key = segment.replaceAll('~1', '/').replaceAll('~0', '~');
    const masked = maskSecrets(key);
    return masked === key ? segment : masked;
  }).join('/');
}

/** Most stages let most calls pass, enforced and without weight: that is said by leaving it out. */
export function trailText(trail: Trail): string {
  const rows = trail.map(({ stage, rule, decision, mode, severity, note }) => ({
    stage, rule, decision, ...(mode === 'enforce' ? {} : { mode }), ...(severity === 'info' ? {} : { severity }), ...(note === undefined ? {} : { note: cut(note, TRAIL_NOTE_UNITS) }),
  }));
  const whole = jsonText(rows);
  if (Buffer.byteLength(whole) <= TRAIL_BYTES) return whole;
  // What was refused, or would have been, comes before what passed.
  return jsonText(fitting(rows, ({ decision }) => decision !== 'pass', TRAIL_BYTES));
}

/** As many as fit into a list of so many bytes, in their order: of those that matter first, then of the others. */
function fitting<T>(items: readonly T[], matters: (item: T) => boolean, bytes: number): readonly T[] {
  const kept = new Set<T>();
  let left = bytes - '[]'.length;
  for (const item of [...items.filter(matters), ...items.filter((one) => !matters(one))]) {
    const cost = Buffer.byteLength(jsonText(item)) + 1;
    if (cost > left) continue;
    kept.add(item);
    left -= cost;
  }
  return items.filter((item) => kept.has(item));
}

export function detailText(rest: object): string {
  const text = jsonText(rest);
  if (Buffer.byteLength(text) <= DETAIL_BYTES) return text;
  if ('changes' in rest && Array.isArray(rest.changes)) return changesText(rest, rest.changes.filter((one) => typeof one === 'string'));
  return jsonText({ truncated: true, head: text.slice(0, DETAIL_BYTES / 4) });
}

/** A list of many hosts in one change must not push out what matters more. */
const CHANGE_UNITS = 512;
/** What decides over the audit itself and over who may do what, by the words that a change begins with. */
const TELLING = /^(?:gateway\.audit|audit\b|capture \d|export |role |scope |scopes\.|kill_switch\.|rate_limits\.|concurrency\.|arguments\.|auth\b|issuer |backend [^:]*: (?:added|removed))/;

/** Of a reload that changed more than a record holds: the most telling changes first, and how many are not told in it. */
function changesText(rest: object, changes: readonly string[]): string {
  const isTelling = (change: string): boolean => TELLING.test(change);
  const ordered = [...changes.filter(isTelling), ...changes.filter((one) => !isTelling(one))].map((change) => cut(maskSecrets(change.slice(0, CHANGE_UNITS + LONGEST_SECRET)), CHANGE_UNITS));
  const room = DETAIL_BYTES - Buffer.byteLength(jsonText({ ...rest, changes: [], leftOut: changes.length }));
  const told = fitting(ordered, isTelling, room);
  return jsonText({ ...rest, changes: told, ...(told.length === changes.length ? {} : { leftOut: changes.length - told.length }) });
}

const ESCAPED_UNSTORABLE = /\\u(?:0000|d[89a-f])/;

/** JSON that any database and any cast accepts: what is unstorable is escaped inside the strings, before JSON escapes it again. */
function jsonText(value: unknown): string {
  const text = JSON.stringify(value);
  // Nearly all records are innocent, and going through each string costs ten times as much as looking at the whole.
  if (!ESCAPED_UNSTORABLE.test(text) && !maySecret(text)) return text;
  return JSON.stringify(value, (_key, member: unknown) => (typeof member === 'string' ? storable(maskSecrets(member)) : member));
}

export function rolesText(roles: readonly string[]): string {
  return jsonText(roles.slice(0, ROLES).map((role) => cut(role, ROLE_UNITS)));
}

/** Identities are never masked; over-long ones stay apart by a piece of their digest. */
export function identity(node: Node, text: string): string {
  const stored = storable(text);
  return stored.length <= NAME_UNITS ? stored : `${cut(stored, NAME_UNITS - 32)}#${node.hmac(text).slice(0, 12)}`;
}

export function name(text: string): string {
  return cut(storable(maskSecrets(text.slice(0, NAME_UNITS + LONGEST_SECRET))), NAME_UNITS);
}

export function nameOr(text: string | undefined): string | null {
  return text === undefined ? null : name(text);
}

export function note(text: string): string {
  return cut(storable(maskSecrets(text.slice(0, NOTE_UNITS + LONGEST_SECRET))), NOTE_UNITS);
}

export function noteOr(text: string | undefined): string | null {
  return text === undefined ? null : note(text);
}

/** W3C trace context: version-traceid-parentid-flags. */
export function traceId(traceparent: string | undefined): string | null {
  return /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/.exec(traceparent ?? '')?.[1] ?? null;
}

/** The network, not the person: /24 of IPv4, /48 of IPv6. Anything that is no address stays as it is (`local`). */
export function truncatePeer(peer: string): string {
  if (!ipaddr.isValid(peer)) return name(peer);
  const address = ipaddr.process(peer);
  return address.kind() === 'ipv4'
    ? `${ipaddr.IPv4.networkAddressFromCIDR(`${address.toString()}/24`).toString()}/24`
    : `${ipaddr.IPv6.networkAddressFromCIDR(`${address.toString()}/48`).toString()}/48`;
}

/** Remembers the last answers: the same few sessions, tokens and peers come again with every call. */
export function remembering(make: (text: string) => string, most: number): (text: string) => string {
  const known = new Map<string, string>();
  return (text) => {
    const found = known.get(text);
    if (found !== undefined) return found;
    if (known.size >= most) known.clear();
    const made = make(text);
    known.set(text, made);
    return made;
  };
}
