// The gateway's own Ed25519 keys as a value: which one signs, which still verify, and how that reads as a file. Pure.
import { type Timestamp, timestamp } from '../core/ids.ts';
import { elements, members, safeIntegerOf } from '../core/json/slice.ts';
import { type JsonLimits, type RawJson, scan } from '../core/json/scan.ts';
import { type Claims, textOf } from './token.ts';

export interface RingKey {
  /** RFC 7638 thumbprint of the public key. */
  readonly kid: string;
  readonly createdAt: Timestamp;
  /** Public point, base64url (RFC 8037). */
  readonly x: string;
  /** Private part, base64url: only the active key has one. */
  readonly d: string | undefined;
  /** Undefined for the active key; afterwards the end of its grace. */
  readonly graceUntil: Timestamp | undefined;
}

/** Newest first. At most one key is active: the first. */
export interface Ring { readonly keys: readonly RingKey[] }

export type KeyState = 'active' | 'retiring' | 'retired';

/** Retired keys are kept so that `keys list` can explain an old token. */
const KEPT = 16;
const LIMITS: JsonLimits = { maxDepth: 4, maxKeys: 512, maxItems: 512, maxKeyLength: 32, maxNumberLength: 20, loneSurrogates: 'reject' };

export function stateOf(key: RingKey, now: Timestamp): KeyState {
  if (key.graceUntil === undefined) return 'active';
  return now < key.graceUntil ? 'retiring' : 'retired';
}

export function activeKey(ring: Ring): RingKey | undefined {
  return ring.keys.find((key) => key.graceUntil === undefined);
}

/**
 * The new key signs from now on. The old one forgets its private part at once and verifies until its grace ends.
 * No grace at all is for emergencies: it also ends the grace of keys rotated before.
 */
export function rotated(ring: Ring, fresh: RingKey, now: Timestamp, graceMs: number): Ring {
  const until = timestamp(now + graceMs);
  const ends = (key: RingKey): Timestamp => (graceMs === 0 ? timestamp(Math.min(key.graceUntil ?? until, until)) : key.graceUntil ?? until);
  const older = ring.keys.map((key): RingKey => ({ ...key, d: undefined, graceUntil: ends(key) }));
  return { keys: [fresh, ...older].slice(0, KEPT) };
}

export function writeRing(ring: Ring): string {
  const keys = ring.keys.map(({ kid, createdAt, x, d, graceUntil }) => ({ kid, created_at: createdAt, grace_until: graceUntil ?? null, x, d: d ?? null }));
  return `${JSON.stringify({ version: 1, kty: 'OKP', crv: 'Ed25519', keys }, undefined, 2)}\n`;
}

/** Undefined when the text is not a ring exactly as `writeRing` writes one: a key file is never guessed at. */
export function parseRing(text: string): Ring | undefined {
  const raw = scan(text, LIMITS);
  const top = raw.ok ? members(raw.value) : undefined;
  if (top === undefined || !onlyKeys(top, ['version', 'kty', 'crv', 'keys'])) return undefined;
  if (top.get('version') !== '1' || textOf(top.get('kty')) !== 'OKP' || textOf(top.get('crv')) !== 'Ed25519') return undefined;
  const items = elements(top.get('keys'));
  if (items === undefined || items.length === 0 || items.length > KEPT) return undefined;
  const keys: RingKey[] = [];
  for (const item of items) {
    const key = parseKey(item);
    if (key === undefined) return undefined;
    keys.push(key);
  }
  const active = keys.filter((key) => key.graceUntil === undefined);
  if (active.length > 1 || new Set(keys.map((key) => key.kid)).size < keys.length) return undefined;
  return { keys };
}

// 32 bytes: 43 characters.
const POINT = /^[A-Za-z0-9_-]{43}$/;

function parseKey(raw: RawJson): RingKey | undefined {
  const found = members(raw);
  if (found === undefined || !onlyKeys(found, ['kid', 'created_at', 'grace_until', 'x', 'd'])) return undefined;
  const kid = textOf(found.get('kid'));
  const x = textOf(found.get('x'));
  const d = found.get('d') === 'null' ? undefined : textOf(found.get('d'));
  const createdAt = timeOf(found.get('created_at'));
  const graceUntil = found.get('grace_until') === 'null' ? undefined : timeOf(found.get('grace_until'));
  if (kid === undefined || x === undefined || createdAt === undefined || !POINT.test(kid) || !POINT.test(x)) return undefined;
  if (found.get('d') !== 'null' && (d === undefined || !POINT.test(d))) return undefined;
  if (found.get('grace_until') !== 'null' && graceUntil === undefined) return undefined;
  // Active means: can sign. Anything else is a file that somebody edited.
  return (graceUntil === undefined) === (d !== undefined) ? { kid, createdAt, x, d, graceUntil } : undefined;
}

function onlyKeys(found: Claims, names: readonly string[]): boolean {
  return found.size === names.length && names.every((name) => found.has(name));
}

function timeOf(raw: RawJson | undefined): Timestamp | undefined {
  const ms = safeIntegerOf(raw);
  return ms === undefined ? undefined : timestamp(ms);
}
