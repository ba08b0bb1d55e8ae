// The named values of one JSON text as copies that may be kept: masked like all else that is written down, and bounded. What is forwarded is not touched.
import { eachNamed, pointerText, type PointerTree, type Step } from '../../core/json/pointer.ts';
import type { RawJson } from '../../core/json/scan.ts';
import { keyMatcher, MASK, maskSecrets } from '../../core/masking.ts';
import { cut, storable } from '../../core/text.ts';
import { redactJson } from '../redact.ts';
import { pairNamesSecret, VALUE_KEYS } from './pairs.ts';

/** What still fits into one record. */
export interface Room {
  bytes: number;
  values: number;
  /** Something that was named did not fit. */
  incomplete: boolean;
  /** So much more may be looked at that does not fit: whoever sends a million values too large for the rest must not have each of them copied. */
  misses: number;
}

/** Pointer → JSON text. */
export type Kept = Map<string, string>;

const KEY_UNITS = 256;
/** The mark of a copy that was cut, alone. */
const LEAST_BYTES = 27;
/** Quotes, colon and comma around a pointer and its value. */
const AROUND = 4;

/** Adds what the pointers name to `kept`. A path that is not there is nothing. */
export function extract(raw: RawJson, tree: PointerTree, redactKeys: readonly string[], room: Room, kept: Kept): void {
  const hides = hider(raw, redactKeys);
  eachNamed(raw, tree, (path, value) => {
    const pointer = pointerText(path.map(({ name }) => (typeof name === 'number' ? name : shownKey(name))));
    // Named by another rule as well; or two keys whose masked forms are one.
    if (kept.has(pointer)) {
      room.incomplete ||= path.some(({ name }) => typeof name === 'string' && shownKey(name) !== name);
      room.misses -= 1;
      room.incomplete ||= room.misses <= 0;
      return room.misses > 0;
    }
    const left = room.bytes - Buffer.byteLength(JSON.stringify(pointer)) - AROUND;
    const text = left <= 0 ? undefined : hides(path) ? masked(value) : redactJson(value, { bytes: Math.max(left, LEAST_BYTES), keys: redactKeys });
    if (text === undefined || Buffer.byteLength(text) > left || room.values === 0) {
      room.incomplete = true;
      room.misses -= 1;
      return room.values > 0 && room.bytes > AROUND && room.misses > 0;
    }
    kept.set(pointer, text);
    room.bytes = left - Buffer.byteLength(text);
    room.values -= 1;
    return true;
  });
}

/** A key may be a secret too. */
function shownKey(key: string): string {
  return storable(cut(maskSecrets(key), KEY_UNITS));
}

/** As redaction leaves them: that nothing was there is no secret. */
function masked(value: RawJson): string {
  return value === 'null' || value === '""' ? value : JSON.stringify(MASK);
}

/** Whether a key on the way names a secret: then its value is one, whatever its shape. */
function hider(raw: RawJson, redactKeys: readonly string[]): (path: readonly Step[]) => boolean {
  const isSecretKey = keyMatcher(redactKeys);
  const pairs = new Map<number, boolean>();
  const namesSecret = (at: number): boolean => {
    const known = pairs.get(at) ?? pairNamesSecret(raw, at, isSecretKey);
    pairs.set(at, known);
    return known;
  };
  return (path) => path.some(({ at, name }) => typeof name === 'string' && (isSecretKey(name) || (VALUE_KEYS.has(name.toLowerCase()) && namesSecret(at))));
}
