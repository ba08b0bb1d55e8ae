// A JSON Schema that becomes part of another document: references to its own root must name its new place (RFC 6901, JSON Schema 2020-12 §8).
// Only where a schema may stand: what looks like a reference in an example or a constant is data.
import { quote, type Spot, withValues } from '../core/json/compose.ts';
import type { RawJson } from '../core/json/scan.ts';
import { decodeString, skipValue, walkElements, walkMembers } from '../core/json/slice.ts';

/** Name → schema. */
const MAPS: ReadonlySet<string> = new Set(['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas', 'dependencies']);
/** Never a schema, whatever it looks like. */
const DATA: ReadonlySet<string> = new Set(['const', 'enum', 'default', 'examples']);
const REFERENCES: ReadonlySet<string> = new Set(['$ref', '$dynamicRef', '$recursiveRef']);

/** The schema with its references `#` and `#/…` led through `pointer`. One that has its own `$id` keeps them: they start there. */
export function moved(schema: RawJson, pointer: string): RawJson {
  const spots: Spot[] = [];
  schemaAt(schema, 0, pointer, spots);
  return withValues(schema, spots);
}

function schemaAt(text: RawJson, at: number, pointer: string, spots: Spot[]): number {
  if (text[at] === '[') return walkElements(text, at, (from) => schemaAt(text, from, pointer, spots));
  const found: Spot[] = [];
  let anchored = false;
  const end = walkMembers(text, at, (key, from) => {
    if (key === '$id') anchored = true;
    if (REFERENCES.has(key)) return referenceAt(text, from, pointer, found);
    if (DATA.has(key)) return skipValue(text, from);
    return MAPS.has(key) ? walkMembers(text, from, (_, value) => schemaAt(text, value, pointer, found)) : schemaAt(text, from, pointer, found);
  });
  if (!anchored) spots.push(...found);
  return end;
}

function referenceAt(text: RawJson, from: number, pointer: string, found: Spot[]): number {
  const to = skipValue(text, from);
  const target = text[from] === '"' ? decodeString(text.slice(from, to)) : '';
  if (target === '#' || target.startsWith('#/')) found.push({ from, to, value: quote(`#${pointer}${target.slice(1)}`) });
  return to;
}
