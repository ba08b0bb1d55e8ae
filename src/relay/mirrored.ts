// Values that HTTP headers repeat from the body (SEP-2243): how a text stands in a header and is read back, the `Mcp-Param-*`
// headers of a call to a backend, and whether those of an agent say what its arguments say. Nothing is decided by a header.
import type { HeaderProblem } from '../core/decision.ts';
import type { ParamHeaders } from '../core/inbound.ts';
import type { RawJson } from '../core/json/scan.ts';
import { kindOf, members, stringOf } from '../core/json/slice.ts';
import type { Mirror } from '../core/mirrors.ts';

const VISIBLE = /^[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?$/;
/** Also where the two markers share a character: some readers take that for an encoded value, none takes an encoded one for plain. */
const LOOKS_ENCODED = /^=\?base64\?(?:.*\?)?=$/;

/** A value that cannot split a header whatever it holds (A23): printable as it is, else Base64 between markers. */
export function headerValue(text: string): string {
  if (VISIBLE.test(text) && !LOOKS_ENCODED.test(text)) return text;
  return `=?base64?${Buffer.from(text, 'utf8').toString('base64')}?=`;
}

const SENTINEL = /^=\?base64\?(.*)\?=$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const PLAIN = /^[\t\x20-\x7e]*$/;
const STRICT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text behind a header value: plain visible ASCII, or the Base64 form. Undefined when it is neither (T13–T15, A20). */
export function decodeMirrored(value: string): string | undefined {
  const encoded = SENTINEL.exec(value)?.[1];
  if (encoded === undefined) return PLAIN.test(value) ? value : undefined;
  if (!BASE64.test(encoded)) return undefined;
  try {
    return STRICT.decode(Buffer.from(encoded, 'base64'));
  } catch {
    return undefined;
  }
}

/** Name, value, name, value. An absent, null or ill-typed value has no header; the backend judges the body itself. */
export function mirrorHeaders(mirrors: readonly Mirror[], args: RawJson | undefined): readonly string[] {
  if (mirrors.length === 0 || args === undefined) return [];
  const find = finder(args);
  return mirrors.flatMap(({ path, header, type }) => {
    const text = textOf(find(path), type);
    return text === undefined ? [] : [header, headerValue(text)];
  });
}

function textOf(value: RawJson | undefined, type: Mirror['type']): string | undefined {
  if (value === undefined) return undefined;
  switch (type) {
    case 'string': return stringOf(value);
    case 'boolean': return value === 'true' || value === 'false' ? value : undefined;
    case 'integer': return kindOf(value) === 'number' ? integerOf(value)?.toString() : undefined;
  }
}

/** JSON Schema takes 42.0 for an integer; what a double cannot hold exactly is none that a header may carry. */
function integerOf(number: string): number | undefined {
  const value = Number(number);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** What stands at a path of the arguments. Each object is cut once, however many paths lead through it. */
function finder(args: RawJson | undefined): (path: readonly string[]) => RawJson | undefined {
  const cut = new Map<RawJson, ReadonlyMap<string, RawJson> | undefined>();
  const inside = (raw: RawJson): ReadonlyMap<string, RawJson> | undefined => {
    if (!cut.has(raw)) cut.set(raw, members(raw));
    return cut.get(raw);
  };
  return (path) => path.reduce<RawJson | undefined>((at, key) => (at === undefined ? undefined : inside(at)?.get(key)), args);
}

export interface MirrorFault {
  /** Lower-case. */
  readonly header: string;
  readonly problem: HeaderProblem;
}

/**
 * The first recognised header that does not say what the arguments say (SH9). Headers that no mirror asks for are ignored, as
 * a server between others must.
 */
export function mirrorFault(mirrors: readonly Mirror[], args: RawJson | undefined, headers: ParamHeaders): MirrorFault | undefined {
  const find = finder(args);
  for (const { path, header } of mirrors) {
    const problem = problemOf(find(path), headers.get(header));
    if (problem !== undefined) return { header, problem };
  }
  return undefined;
}

function problemOf(value: RawJson | undefined, header: string | undefined): HeaderProblem | undefined {
  if (value === undefined || value === 'null') return header === undefined ? undefined : 'unexpected';
  const kind = kindOf(value);
  const scalar = kind !== 'object' && kind !== 'array';
  // No client can put an object into a header; that it stands where a text should is the schema's to say.
  if (header === undefined) return scalar ? 'missing' : undefined;
  const said = decodeMirrored(header);
  if (said === undefined) return 'unreadable';
  return scalar && says(said, value) ? undefined : 'different';
}

function says(said: string, value: RawJson): boolean {
  const text = stringOf(value);
  if (text !== undefined) return said === text;
  return said === value || (kindOf(value) === 'number' && isSameInteger(said, value));
}

const INTEGER = /^-?(?:0|[1-9][0-9]{0,15})(?:\.0+)?$/;

/** 42 and 42.0 are one integer (SEP-2243: compared as numbers); beyond 2^53 only the same text is the same. */
function isSameInteger(said: string, value: RawJson): boolean {
  const number = integerOf(value);
  return number !== undefined && INTEGER.test(said) && Number(said) === number;
}
