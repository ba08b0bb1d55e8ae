// Canaries, and every way in which one could be written down.
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** High in entropy, without the shape of any known secret, and with signs that each way of writing escapes in its own way. */
export function canary(name: string): string {
  return `Q${name}é ${randomBytes(15).toString('base64url')}"&${randomBytes(6).toString('hex')}`;
}

/** The same for where only letters and digits may stand. */
export function plainCanary(name: string): string {
  return `Q${name}${randomBytes(21).toString('hex')}`;
}

/** So much of a canary is enough to know it by: a piece that was cut out is a leak too. */
const PIECE = 16;

function piecesOf(secret: string): readonly string[] {
  const pieces = [secret];
  for (let at = 0; at + PIECE <= secret.length; at += PIECE / 2) pieces.push(secret.slice(at, at + PIECE));
  return pieces;
}

/** In base64 the same bytes look different at each of three places; what its neighbours decide is left out. */
function inBase64(secret: string): readonly string[] {
  return [0, 1, 2].flatMap((before) => {
    const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(secret)]);
    const whole = Math.floor(bytes.length / 3) * 4;
    const sure = (text: string): string => text.slice(before === 0 ? 0 : 4, whole);
    return [sure(bytes.toString('base64')), sure(bytes.toString('base64url'))];
  });
}

function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  const hex = bytes.toString('hex');
  const percent = [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
  const quoted = JSON.stringify(secret).slice(1, -1);
  const escaped = Array.from({ length: secret.length }, (_, at) => `\\u${secret.charCodeAt(at).toString(16).padStart(4, '0')}`).join('');
  return [
    ...piecesOf(secret), ...inBase64(secret), hex, hex.toUpperCase(), percent, percent.toUpperCase(), encodeURIComponent(secret), new URLSearchParams({ s: secret }).toString().slice(2),
    quoted, JSON.stringify(quoted).slice(1, -1), escaped, [...secret].join('\0'),
  ];
}

/** Low in entropy: whole, and in base64 as a value of its own; shorter forms would be found by chance. `bounded`: not within another word. */
interface Weak {
  readonly name: string;
  readonly pattern: RegExp;
}

function weak(name: string, secret: string): Weak {
  const plain = secret.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return { name, pattern: new RegExp(`(?<![\\w+/=-])${plain}(?![\\w+/=-])|"${Buffer.from(secret).toString('base64').replaceAll('+', '\\+')}"`) };
}

interface Form {
  readonly name: string;
  readonly text: string;
}

/** So much of each form's beginning is looked up. */
const KEY = 12;
const BITS = 20;

/** Thousands of forms in one walk through a text: most places are passed by four letters, nearly all others by twelve. */
class Forms {
  readonly #byKey = new Map<string, Form[]>();
  readonly #mayBegin = new Uint8Array(1 << BITS);

  constructor(forms: readonly Form[]) {
    for (const form of forms) {
      assert.ok(form.text.length >= KEY, `${form.name} as ${form.text} is too short`);
      const key = form.text.slice(0, KEY);
      this.#byKey.set(key, [...this.#byKey.get(key) ?? [], form]);
      this.#mayBegin[Forms.#hash(form.text, 0)] = 1;
    }
  }

  static #hash(text: string, at: number): number {
    return (Math.imul((text.charCodeAt(at) << 24) ^ (text.charCodeAt(at + 1) << 16) ^ (text.charCodeAt(at + 2) << 8) ^ text.charCodeAt(at + 3), 0x9e3779b1) >>> (32 - BITS));
  }

  find(text: string, but: readonly string[]): Form | undefined {
    for (let at = 0; at + KEY <= text.length; at += 1) {
      if (this.#mayBegin[Forms.#hash(text, at)] !== 1) continue;
      const found = this.#byKey.get(text.slice(at, at + KEY))?.find((form) => !but.includes(form.name) && text.startsWith(form.text, at));
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

export interface Flock {
  /** Fails where any of them is in `text`, in whatever form; `but`: names of those that may be. */
  absent(where: string, text: string | Buffer, but?: readonly string[]): void;
  readonly seen: ReadonlyMap<string, number>;
}

/** Of each canary its forms; of the weak ones a pattern. A flock that could not find anything would prove nothing, so it is tried first. */
export function flockOf(canaries: Readonly<Record<string, string>>, weakOnes: Readonly<Record<string, string>>): Flock {
  const strong = new Forms(Object.entries(canaries).flatMap(([name, secret]) => [...new Set(formsOf(secret))].map((text) => ({ name, text }))));
  const patterns = Object.entries(weakOnes).map(([name, secret]) => weak(name, secret));
  const find = (text: string, but: readonly string[] = []): string | undefined => {
    const form = strong.find(text, but);
    if (form !== undefined) return `${form.name} as ${form.text}`;
    return patterns.find(({ pattern }) => pattern.test(text))?.name;
  };
  for (const [name, secret] of Object.entries(canaries)) {
    for (const form of [secret, `x${Buffer.from(`ab${secret}cd`).toString('base64')}`, Buffer.from(`a${secret}`).toString('base64url'), encodeURIComponent(secret), Buffer.from(secret).toString('hex'), JSON.stringify({ secret }), secret.slice(3, 30)]) {
      assert.ok(find(`{"x":"${form}"}`) !== undefined, `${name} would not be found as ${form}`);
    }
  }
  for (const [name, secret] of Object.entries(weakOnes)) assert.ok(find(`{"x":"${secret}"}`) !== undefined, name);
  const seen = new Map<string, number>();
  return {
    seen,
    absent: (where, text, but) => {
      // Bytes one by one, and as the text they may be.
      const looks = typeof text === 'string' ? [text] : [text.toString('utf8'), text.toString('latin1')];
      seen.set(where, (seen.get(where) ?? 0) + (looks[0]?.length ?? 0));
      for (const look of looks) {
        const found = find(look, but);
        assert.equal(found, undefined, `${where} holds the canary ${found}: …${found === undefined ? '' : around(look, found)}…`);
      }
    },
  };
}

function around(text: string, found: string): string {
  const at = text.indexOf(found.slice(found.indexOf(' as ') + 4));
  return JSON.stringify(text.slice(Math.max(0, at - 300), at + 60));
}

/** Every file below, by its bytes. */
export function filesBelow(folder: string): readonly { readonly path: string; readonly bytes: Buffer }[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    .flatMap((entry) => {
      const path = join(entry.parentPath, entry.name);
      try {
        return [{ path, bytes: readFileSync(path) }];
      } catch {
        // Its owner has put another one into its place.
        return [];
      }
    });
}
