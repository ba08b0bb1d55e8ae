// Which arguments of a tool a modern HTTP request repeats as headers: read from its input schema, which is the backend's text
// (SEP-2243, T71). The rules of the schema only; how a value stands in a header is relay/mirrored.ts.
import { decodeString, skipValue, walkElements, walkMembers } from './json/slice.ts';
import type { RawJson } from './json/scan.ts';
import { err, ok, type Result } from './result.ts';

const ANNOTATION = 'x-mcp-header';
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const TYPES = ['string', 'integer', 'boolean'] as const;

export interface Mirror {
  /** Keys from the arguments object down to the value. */
  readonly path: readonly string[];
  /** `mcp-param-…`, lower-case. */
  readonly header: string;
  readonly type: (typeof TYPES)[number];
}

/** Keywords whose value is one schema or a list of schemas, and those whose value is a map of schemas. */
const NESTED: ReadonlySet<string> = new Set(['items', 'prefixItems', 'contains', 'additionalProperties', 'additionalItems', 'unevaluatedProperties', 'unevaluatedItems', 'propertyNames', 'oneOf', 'anyOf', 'allOf', 'not', 'if', 'then', 'else', 'contentSchema']);
const MAPS: ReadonlySet<string> = new Set(['patternProperties', 'dependentSchemas', 'dependencies', '$defs', 'definitions']);
/** However the keyword is written, it stands there plainly or by an escape. Most schemas end here. */
const SUSPECT = /x-mcp-header|\\u/;

interface Reading {
  readonly text: RawJson;
  readonly mirrors: Mirror[];
  readonly names: Set<string>;
  problem: string | undefined;
}

/** Undefined: no plain chain of `properties` leads here, so no annotation may stand here. */
type Path = readonly string[] | undefined;

/** The mirrors of a tool's input schema; an error makes the tool unusable over HTTP. One pass over the text. */
export function readMirrors(schema: RawJson): Result<readonly Mirror[], string> {
  const reading: Reading = { text: schema, mirrors: [], names: new Set(), problem: undefined };
  if (SUSPECT.test(schema)) readSchema(reading, 0, []);
  return reading.problem === undefined ? ok(reading.mirrors) : err(reading.problem);
}

/** Answers the index behind the schema. Depth is bounded by the scanner's limit. */
function readSchema(reading: Reading, pos: number, path: Path): number {
  const { text } = reading;
  const words = new Map<string, string | undefined>();
  const end = walkMembers(text, pos, (key, at) => {
    if (key === 'properties') return walkMembers(text, at, (name, child) => readSchema(reading, child, path === undefined ? undefined : [...path, name]));
    if (MAPS.has(key)) return walkMembers(text, at, (_, child) => readSchema(reading, child, undefined));
    if (NESTED.has(key)) return text.startsWith('[', at) ? walkElements(text, at, (child) => readSchema(reading, child, undefined)) : readSchema(reading, at, undefined);
    const behind = skipValue(text, at);
    if (key === ANNOTATION || key === 'type') words.set(key, text.startsWith('"', at) ? decodeString(text.slice(at, behind)) : undefined);
    return behind;
  });
  if (words.has(ANNOTATION)) addMirror(reading, words.get(ANNOTATION), words.get('type'), path);
  return end;
}

function addMirror(reading: Reading, name: string | undefined, typeText: string | undefined, path: Path): void {
  const type = TYPES.find((known) => known === typeText);
  if (name === undefined || !TOKEN.test(name)) reading.problem ??= `${ANNOTATION} is not a header name`;
  else if (path === undefined || path.length === 0) reading.problem ??= `${ANNOTATION} ${name} is not on a plain property`;
  else if (type === undefined) reading.problem ??= `${ANNOTATION} ${name} is on a property that is no string, integer or boolean`;
  else if (reading.names.has(name.toLowerCase())) reading.problem ??= `${ANNOTATION} ${name} is used twice`;
  else {
    reading.names.add(name.toLowerCase());
    reading.mirrors.push({ path, header: `mcp-param-${name.toLowerCase()}`, type });
  }
}
