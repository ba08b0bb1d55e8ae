// TOML text to plain values, within bounds. Says what is wrong and where, never with the text itself: it may hold a secret.
import { parse, TomlError } from 'smol-toml';
import { err, ok, type Result } from '../core/result.ts';
import type { ProblemKind } from './codes.ts';

export type Document = Readonly<Record<string, unknown>>;

export interface ParseFault {
  readonly kind: ProblemKind;
  readonly message: string;
  /** 1-based; undefined when the fault is the file as a whole. */
  readonly line: number | undefined;
  readonly column: number | undefined;
}

/** H07: a configuration is a few kilobytes; more is a mistake or an attack. */
const MAX_TEXT_BYTES: number = 1024 * 1024;
/** The deepest legal value is a table in a list in a table. */
const MAX_DEPTH = 8;
const NESTED = /nested/;
const UNSAFE = /unsafe property/;

export function parseText(text: string): Result<Document, ParseFault> {
  if (Buffer.byteLength(text) > MAX_TEXT_BYTES) return err(whole('too_large', `the file is larger than ${MAX_TEXT_BYTES} bytes`));
  if (!text.isWellFormed()) return err(whole('encoding', 'the file is not valid UTF-8'));
  try {
    return ok(parse(text, { unsafeKeyBehaviour: 'throw', maxDepth: MAX_DEPTH }));
  } catch (error) {
    return err(fault(error));
  }
}

function whole(kind: ProblemKind, message: string): ParseFault {
  return { kind, message, line: undefined, column: undefined };
}

/** The library's own sentences hold no text of the document (its code block does, and is left out). */
function fault(error: unknown): ParseFault {
  if (!(error instanceof TomlError)) return whole('syntax', 'the file could not be read as TOML');
  const sentence = error.message.split('\n', 1)[0]?.replace('Invalid TOML document: ', '') ?? '';
  const at = { line: error.line, column: error.column };
  if (UNSAFE.test(sentence)) return { kind: 'unsafe_key', message: 'a key named `__proto__` or `constructor` is never allowed', ...at };
  if (NESTED.test(sentence)) return { kind: 'syntax', message: `lists and tables are nested more than ${MAX_DEPTH} deep`, ...at };
  return { kind: 'syntax', message: sentence, ...at };
}
