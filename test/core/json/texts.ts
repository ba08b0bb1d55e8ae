// Arbitraries for JSON texts, and an oracle written without the scanner: JSON.parse plus a token regex.
import fc from 'fast-check';
import { type JsonLimits, type RawJson, scan } from '../../../src/core/json/scan.ts';

export const WIDE: JsonLimits = { maxDepth: 500, maxKeys: 1e6, maxItems: 1e6, maxKeyLength: 10_000, maxNumberLength: 1000, loneSurrogates: 'reject' };

export function raw(text: string, limits: JsonLimits = WIDE): RawJson {
  const scanned = scan(text, limits);
  if (!scanned.ok) throw new Error(`${scanned.error.code} at ${scanned.error.offset}`);
  return scanned.value;
}

/** Texts that JSON.stringify makes of random values, minus the one key the scanner refuses. */
export const jsonText: fc.Arbitrary<string> = fc
  .jsonValue({ maxDepth: 6 })
  .map((value) => JSON.stringify(value))
  .filter((text) => !text.includes('"__proto__"'));

const NOISE = ['{', '}', '[', ']', ',', ':', '"', '\\', '\\u0061', '\\ud83d', '\\ude00', '\ud83d', '\ude00', '0', '-', '.', 'e', '1E+3', 'true', 'null', 'nul', 'NaN',
  'Infinity', ' ', '\n', '\t', '\u00a0', '\ufeff', '\u0000', '\u001f', '\u007f', '\u2028', '/', '//', '"a"', '"\\u0061"', '"a":', '"__proto__":1', '"\\u005f_proto__":', '"constructor":', '\'', '+1', '01', '1.', '.5', '0x1', '\\x41', '1_000', 'é', '😀'];

/** A valid text with a few pieces put in, taken out or doubled: near misses are where scanners disagree. */
export const mutatedText: fc.Arbitrary<string> = fc
  .tuple(jsonText, fc.array(fc.tuple(fc.nat(), fc.nat({ max: 3 }), fc.constantFrom(...NOISE)), { maxLength: 3 }))
  .map(([text, edits]) => edits.reduce((now, [place, cut, piece]) => {
    const at = place % (now.length + 1);
    return now.slice(0, at) + piece + now.slice(at + cut);
  }, text));

export const tokenSoup: fc.Arbitrary<string> = fc.array(fc.constantFrom(...NOISE), { maxLength: 12 }).map((pieces) => pieces.join(''));

/** Any UTF-16 units at all: fast-check's own units leave lone surrogates out. */
export const anyUnits: fc.Arbitrary<string> = fc
  .array(fc.oneof(fc.nat({ max: 0x7f }), fc.integer({ min: 0xd7f0, max: 0xe010 }), fc.nat({ max: 0xffff })), { maxLength: 40 })
  .map((units) => String.fromCharCode(...units));

/** One object with keys from a tiny alphabet, so that repeats (plain and escaped) are common. */
export const crowdedObject: fc.Arbitrary<string> = fc
  .array(fc.tuple(fc.constantFrom('a', 'b', '\\u0061', '\\u0062', 'A', '', '__proto__', '\\u005f_proto__', 'constructor', '\\ud800', '😀', '\\ud83d\\ude00'), fc.constantFrom('1', '{"a":1}', '{"a":1,"\\u0061":2}', '[]')), { maxLength: 12 })
  .map((pairs) => `{${pairs.map(([key, value]) => `"${key}":${value}`).join(',')}}`);

export interface Verdict {
  readonly grammar: boolean;
  readonly duplicate: boolean;
  readonly forbidden: boolean;
  readonly surrogate: boolean;
}

export function judge(text: string): Verdict {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { grammar: false, duplicate: false, forbidden: false, surrogate: false };
  }
  let keys = 0;
  let forbidden = false;
  let surrogate = !text.isWellFormed();
  for (const [, literal, colon] of text.matchAll(/("(?:[^"\\]|\\.)*")[ \t\r\n]*(:?)/gs)) {
    const decoded = String(JSON.parse(literal ?? '""'));
    if (!decoded.isWellFormed()) surrogate = true;
    if (colon !== ':') continue;
    keys += 1;
    if (decoded === '__proto__') forbidden = true;
  }
  return { grammar: true, duplicate: keys !== countKeys(value), forbidden, surrogate };
}

function countKeys(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const inside = Object.values(value).reduce<number>((sum, child) => sum + countKeys(child), 0);
  return Array.isArray(value) ? inside : inside + Object.keys(value).length;
}
