// Captured values as they stand in a record: AES-256-GCM under a key of the day, bound to the one record they belong to. docs/audit-capture.md
// says the form byte for byte.
import { createCipheriv, createDecipheriv, hkdfSync, type KeyObject } from 'node:crypto';
import type { RuleTag } from './plan.ts';

/** The record that holds it. `seq` is not known yet when a record is made; `id` names it as well. */
export interface Place {
  readonly node: string;
  readonly id: string;
  readonly kind: 'intent' | 'outcome';
  readonly call: string;
}

/** The member `captured`. With `fault`, no key could be had: nothing was kept, and the record says so. */
export type Captured =
  | { readonly day: string; readonly kid: string; readonly alg: typeof ALG; readonly iv: string; readonly data: string; readonly rules: readonly RuleTag[] }
  | { readonly day: string; readonly fault: string; readonly rules: readonly RuleTag[] };

export type Sealed = Extract<Captured, { readonly data: string }>;

export const ALG = 'A256GCM';
export const IV_BYTES = 12;
export const SALT_BYTES = 16;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
const PURPOSE = 'sentinel-audit-capture/1';
/** What is left when the key is gone tells no more of a short value than that it is short. */
const BLOCK = 64;

/**
 * A key of one run, from the key of the day and a salt that stands in each record: random nonces are good for 2^32 records of a key
 * (NIST SP 800-38D §8.3), and processes that share a day's file could not count together. RFC 5869.
 */
export function runKey(key: Uint8Array, salt: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, salt, PURPOSE, KEY_BYTES));
}

export function keyName(id: string, salt: Uint8Array): string {
  return `${id}.${Buffer.from(salt).toString('base64url')}`;
}

/** Undefined when it is no name of a key. */
export function keyNamed(kid: string): { readonly id: string; readonly salt: Uint8Array } | undefined {
  const [id = '', salt = '', ...more] = kid.split('.');
  const bytes = decoded(salt);
  return more.length === 0 && id !== '' && bytes?.length === SALT_BYTES ? { id, salt: bytes } : undefined;
}

export interface Sealing {
  readonly place: Place;
  readonly day: string;
  readonly kid: string;
  readonly rules: readonly RuleTag[];
}

/** What a ciphertext is good for: this record, this key, these rules, and nothing else. */
function boundTo({ place: { node, id, kind, call }, day, kid, rules }: Sealing): Buffer {
  return Buffer.from(JSON.stringify([PURPOSE, node, id, kind, call, day, kid, ALG, rules]), 'utf8');
}

/** The member `captured`, as JSON text. `key`: of the run. */
export function seal(text: string, sealing: Sealing, key: KeyObject | Uint8Array, iv: Uint8Array): string {
  const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES });
  cipher.setAAD(boundTo(sealing));
  const plain = Buffer.from(text, 'utf8');
  const body = Buffer.concat([plain, Buffer.alloc((BLOCK - (plain.length % BLOCK)) % BLOCK, ' ')]);
  const data = Buffer.concat([cipher.update(body), cipher.final(), cipher.getAuthTag()]);
  const { day, kid, rules } = sealing;
  return capturedText({ day, kid, alg: ALG, iv: Buffer.from(iv).toString('base64url'), data: data.toString('base64url'), rules });
}

export function capturedText(captured: Captured): string {
  return JSON.stringify(captured);
}

/** Undefined: it was altered, or belongs to another record or key. `key`: of the run. */
export function unseal(sealed: Sealed, place: Place, key: Uint8Array): string | undefined {
  const [iv, data] = [decoded(sealed.iv), decoded(sealed.data)];
  if (iv?.length !== IV_BYTES || data === undefined || data.length < TAG_BYTES) return undefined;
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES });
    decipher.setAAD(boundTo({ place, day: sealed.day, kid: sealed.kid, rules: sealed.rules }));
    decipher.setAuthTag(data.subarray(-TAG_BYTES));
    return Buffer.concat([decipher.update(data.subarray(0, -TAG_BYTES)), decipher.final()]).toString('utf8').trimEnd();
  } catch {
    return undefined;
  }
}

/** One text for one ciphertext: decoding alone is lenient about padding, stray characters and the last bits. */
function decoded(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
}

/** Undefined when it is not of this form. */
export function readCaptured(text: string): Captured | undefined {
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch {
    return undefined;
  }
  const rules = tagsIn(member(said, 'rules'));
  const [day, kid, alg, iv, data, fault] = ['day', 'kid', 'alg', 'iv', 'data', 'fault'].map((name) => textIn(said, name));
  if (day === undefined || rules === undefined) return undefined;
  if (fault !== undefined) return { day, fault, rules };
  return kid === undefined || alg !== ALG || iv === undefined || data === undefined ? undefined : { day, kid, alg, iv, data, rules };
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function textIn(value: unknown, name: string): string | undefined {
  const found = member(value, name);
  return typeof found === 'string' ? found : undefined;
}

function tagsIn(value: unknown): readonly RuleTag[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const tags = value.flatMap((tag: unknown): readonly RuleTag[] => {
    const [id, reason, owner] = [textIn(tag, 'id'), textIn(tag, 'reason'), textIn(tag, 'owner')];
    return id === undefined || reason === undefined ? [] : [{ id, reason, ...(owner === undefined ? {} : { owner }) }];
  });
  return tags.length === value.length ? tags : undefined;
}
