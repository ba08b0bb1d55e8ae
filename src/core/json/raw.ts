// The noun of the JSON room: text that has been scanned once and may be forwarded as it is.
// Only this room may call `mint`; everyone else gets a RawJson from `scan` or from the composers.

import { detached } from '../text.ts';

/**
 * Text of one valid RFC 8259 value without surrounding whitespace. No object in it repeats a key.
 * A slice keeps its whole message alive in V8: do not store one beyond the call, store `shapeOf` or a digest.
 */
export type RawJson = string & { readonly __brand: 'RawJson' };

export type JsonKind = 'object' | 'array' | 'string' | 'number' | 'true' | 'false' | 'null';

export interface JsonLimits {
  /** Containers inside one another. */
  readonly maxDepth: number;
  /** Members of all objects of the message together. */
  readonly maxKeys: number;
  /** Elements of all arrays of the message together. */
  readonly maxItems: number;
  /** UTF-16 units between the quotes, as written. Keep it below 16383: V8 hashes longer strings by length alone. */
  readonly maxKeyLength: number;
  /** Characters of one number as written. */
  readonly maxNumberLength: number;
  /** Escaped lone surrogates in string values. In keys, and raw ones anywhere, they are always refused. */
  readonly loneSurrogates: 'reject' | 'allow';
}

export interface JsonFault {
  readonly code:
    | 'utf8' | 'bom' | 'syntax' | 'depth' | 'keys' | 'items' | 'key_length'
    | 'duplicate_key' | 'forbidden_key' | 'surrogate' | 'number';
  /** Bytes for `utf8` and `bom`, UTF-16 units otherwise. The content itself is never repeated. */
  readonly offset: number;
}

/** Attack I04: what an agent may send. A batch of embeddings has 100,000 numbers; no float or decimal in use needs 256 digits. */
export const AGENT_LIMITS: JsonLimits = Object.freeze({
  maxDepth: 64, maxKeys: 10_000, maxItems: 200_000, maxKeyLength: 1024, maxNumberLength: 256, loneSurrogates: 'reject',
});

/**
 * Backends answer with tables: more keys, as many items as 16 MiB of digits hold (two bytes each), and text cut in the middle of an emoji is
 * theirs to send. Bytes are capped before.
 */
export const BACKEND_LIMITS: JsonLimits = Object.freeze({
  maxDepth: 64, maxKeys: 200_000, maxItems: 8 * 1024 * 1024, maxKeyLength: 4096, maxNumberLength: 256, loneSurrogates: 'allow',
});

/** The same, free of the message it was cut from: for what is kept longer than its call takes to read it. */
export function copyOf(raw: RawJson): RawJson {
  return mint(detached(raw));
}

export function mint(text: string): RawJson {
  return text as RawJson;
}
