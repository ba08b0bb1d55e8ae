// Arguments that a modern backend wants repeated as headers: read from its own schema, refused where the schema breaks the rules (SEP-2243, T70, T71).
import { toRaw } from '../../core/json/compose.ts';
import type { RawJson } from '../../core/json/scan.ts';
import { elements, members, safeIntegerOf, stringOf } from '../../core/json/slice.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { type FlatHeaders, headerValue } from './headers.ts';

const NOTHING = toRaw({});
const ANNOTATION = 'x-mcp-header';
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const TYPES = ['string', 'integer', 'boolean'] as const;

export interface Mirror {
  /** Keys from the arguments object down to the value. */
  readonly path: readonly string[];
  readonly header: string;
  readonly type: (typeof TYPES)[number];
}

/** Keywords whose value is one schema or a list of schemas, and those whose value is a map of schemas. */
const NESTED = ['items', 'prefixItems', 'contains', 'additionalProperties', 'additionalItems', 'unevaluatedProperties', 'unevaluatedItems', 'propertyNames', 'oneOf', 'anyOf', 'allOf', 'not', 'if', 'then', 'else', 'contentSchema'];
const MAPS = ['patternProperties', 'dependentSchemas', 'dependencies', '$defs', 'definitions'];

/** The mirrors of a tool's input schema; an error makes the tool unusable over HTTP. */
export function readMirrors(schema: RawJson): Result<readonly Mirror[], string> {
  const mirrors: Mirror[] = [];
  const names = new Set<string>();
  const visit = (node: RawJson, path: readonly string[] | undefined): string | undefined => {
    const all = members(node);
    if (all === undefined) return undefined;
    const annotation = all.get(ANNOTATION);
    if (annotation !== undefined) {
      const mirror = readMirror(annotation, all.get('type'), path, names);
      if (!mirror.ok) return mirror.error;
      mirrors.push(mirror.value);
    }
    return eachChild(all, (child, key) => visit(child, key === undefined || path === undefined ? undefined : [...path, key]));
  };
  const problem = visit(schema, []);
  return problem === undefined ? ok(mirrors) : err(problem);
}

function readMirror(annotation: RawJson, typeRaw: RawJson | undefined, path: readonly string[] | undefined, names: Set<string>): Result<Mirror, string> {
  const name = stringOf(annotation);
  const typeText = stringOf(typeRaw);
  const type = TYPES.find((known) => known === typeText);
  if (name === undefined || !TOKEN.test(name)) return err(`${ANNOTATION} is not a header name`);
  if (path === undefined || path.length === 0) return err(`${ANNOTATION} ${name} is not on a plain property`);
  if (type === undefined) return err(`${ANNOTATION} ${name} is on a property that is no string, integer or boolean`);
  if (names.has(name.toLowerCase())) return err(`${ANNOTATION} ${name} is used twice`);
  names.add(name.toLowerCase());
  return ok({ path, header: `mcp-param-${name.toLowerCase()}`, type });
}

/** `key` is given for children reached through `properties`, the only chain that may carry annotations. */
function eachChild(all: ReadonlyMap<string, RawJson>, visit: (child: RawJson, key: string | undefined) => string | undefined): string | undefined {
  for (const [key, child] of members(all.get('properties') ?? NOTHING) ?? []) {
    const problem = visit(child, key);
    if (problem !== undefined) return problem;
  }
  for (const child of nested(all)) {
    const problem = visit(child, undefined);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function nested(all: ReadonlyMap<string, RawJson>): readonly RawJson[] {
  const single = NESTED.flatMap((keyword) => {
    const value = all.get(keyword);
    return value === undefined ? [] : (elements(value) ?? [value]);
  });
  return [...single, ...MAPS.flatMap((keyword) => [...(members(all.get(keyword) ?? NOTHING)?.values() ?? [])])];
}

/** An absent, null or ill-typed value has no header; the backend judges the body itself. */
export function mirrorHeaders(mirrors: readonly Mirror[], args: RawJson | undefined): FlatHeaders {
  if (mirrors.length === 0 || args === undefined) return [];
  return mirrors.flatMap((mirror) => {
    const text = textAt(mirror, args);
    return text === undefined ? [] : [mirror.header, headerValue(text)];
  });
}

function textAt(mirror: Mirror, args: RawJson): string | undefined {
  let value: RawJson | undefined = args;
  for (const key of mirror.path) value = members(value)?.get(key);
  if (value === undefined) return undefined;
  switch (mirror.type) {
    case 'string': return stringOf(value);
    case 'boolean': return value === 'true' || value === 'false' ? value : undefined;
    case 'integer': return safeIntegerOf(value)?.toString();
  }
}
