// Reads what a record kept, for who may read the folder of the keys. Says why when it cannot be read.
import { objectOf, toRaw } from '../../core/json/compose.ts';
import { BACKEND_LIMITS } from '../../core/json/raw.ts';
import { scan, type RawJson } from '../../core/json/scan.ts';
import { memberOf, members } from '../../core/json/slice.ts';
import { messageIn } from '../../core/thrown.ts';
import { destroyedIn, type Destroyed } from './forget.ts';
import { findKey, type KeyFolder } from './keys.ts';
import type { RuleTag } from './plan.ts';
import { keyNamed, readCaptured, runKey, type Sealed, unseal, type Place } from './seal.ts';

/** Pointer → value, as it was masked and cut. */
export type Values = ReadonlyMap<string, RawJson>;

export interface Opened {
  readonly arguments: Values;
  readonly result: Values;
  /** More was named than was kept. */
  readonly incomplete: boolean;
}

/** What stands in place of the values. */
export type Unopened =
  /** A record of this form that this program does not know. */
  | { readonly state: 'unreadable' }
  /** No key could be had when it was written. */
  | { readonly state: 'not_kept'; readonly day: string }
  | { readonly state: 'destroyed'; readonly day: string; readonly by: Destroyed }
  /** Not here, and not destroyed by this node as far as it knows. */
  | { readonly state: 'no_key'; readonly day: string }
  | { readonly state: 'key_refused'; readonly day: string; readonly detail: string }
  /** Altered, or moved here from another record. */
  | { readonly state: 'refused'; readonly day: string };

export interface Reading {
  readonly rules: readonly RuleTag[];
  readonly content: ({ readonly state: 'open'; readonly day: string } & Opened) | Unopened;
}

export interface OpenDeps {
  /** Where keys of this node may be. */
  readonly folders: readonly KeyFolder[];
  readonly stateDir: string;
}

/** `captured`: the member as it stands in the record. */
export function openCaptured(captured: string, place: Place, deps: OpenDeps): Reading {
  const read = readCaptured(captured);
  if (read === undefined) return { rules: [], content: { state: 'unreadable' } };
  return { rules: read.rules, content: 'fault' in read ? { state: 'not_kept', day: read.day } : openSealed(read, place, deps) };
}

function openSealed(sealed: Sealed, place: Place, { folders, stateDir }: OpenDeps): Reading['content'] {
  const { day } = sealed;
  const named = keyNamed(sealed.kid);
  if (named === undefined) return { state: 'refused', day };
  // Said to be destroyed is destroyed, even while a crash has left the file: from then on nothing is shown any more.
  const destroyed = listed(stateDir);
  if (typeof destroyed === 'string') return { state: 'key_refused', day, detail: destroyed };
  const by = destroyed.findLast((one) => one.id === named.id);
  if (by !== undefined) return { state: 'destroyed', day, by };
  const looked = folders.map((folder) => findKey(folder, day, named.id));
  const key = looked.map((one) => (one.ok ? one.value : undefined)).find((one) => one !== undefined);
  const fault = looked.find((one) => !one.ok);
  if (key === undefined) return fault === undefined ? { state: 'no_key', day } : { state: 'key_refused', day, detail: fault.error.detail };
  const text = unseal(sealed, place, runKey(key.key, named.salt));
  const opened = text === undefined ? undefined : valuesIn(text);
  return opened === undefined ? { state: 'refused', day } : { state: 'open', day, ...opened };
}

function listed(stateDir: string): readonly Destroyed[] | string {
  try {
    return destroyedIn(stateDir);
  } catch (thrown) {
    return messageIn(thrown);
  }
}

/** A masked copy stands two levels deeper than what it is a copy of, and its key is a whole path. */
const LIMITS = { ...BACKEND_LIMITS, maxDepth: BACKEND_LIMITS.maxDepth + 2, maxKeyLength: 65_536 };

function valuesIn(text: string): Opened | undefined {
  const raw = scanned(text);
  if (raw === undefined) return undefined;
  const values = (name: string): Values => members(memberOf(raw, name)) ?? new Map<string, RawJson>();
  return { arguments: values('arguments'), result: values('result'), incomplete: memberOf(raw, 'incomplete') === 'true' };
}

/** Two secrets that were keys are one key once they are masked, which no scan lets through: then one of them is shown. */
function scanned(text: string): RawJson | undefined {
  const whole = scan(text, LIMITS);
  if (whole.ok) return whole.value;
  if (whole.error.code !== 'duplicate_key') return undefined;
  const parsed: unknown = JSON.parse(text);
  return typeof parsed === 'object' && parsed !== null ? objectOf(Object.entries(parsed).map(([name, value]) => [name, toRaw(value)])) : undefined;
}
