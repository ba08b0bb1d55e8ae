// The names of arguments that an object's own definition knows, for the audit: only they stand in a record in the clear.
import type { Entry, ToolEntry } from '../core/catalog.ts';
import type { RawJson } from '../core/json/scan.ts';
import { elements, memberOf, members, stringOf } from '../core/json/slice.ts';

export const NOTHING_DECLARED: ReadonlySet<string> = new Set();

/** Of a larger schema nothing is known: it is read on the main thread. */
const SCHEMA_UNITS = 262_144;
const PARTS_MOST = 20_000;

const known = new WeakMap<Entry, ReadonlySet<string>>();

/** Found once per definition: a list that is read again makes new ones. */
export function declaredNames(entry: Entry | ToolEntry | undefined): ReadonlySet<string> {
  if (entry === undefined) return NOTHING_DECLARED;
  const found = known.get(entry) ?? namesOf(entry);
  known.set(entry, found);
  return found;
}

function namesOf(entry: Entry | ToolEntry): ReadonlySet<string> {
  if (entry.target.kind === 'prompt') return promptNames(entry.definition);
  return 'inputSchema' in entry && entry.inputSchema !== undefined ? schemaNames(entry.inputSchema) : NOTHING_DECLARED;
}

function promptNames(definition: RawJson): ReadonlySet<string> {
  return new Set((elements(memberOf(definition, 'arguments')) ?? []).flatMap((one) => stringOf(members(one)?.get('name')) ?? []));
}

/** Property names, wherever in the schema they stand. A list, not the call stack. */
function schemaNames(schema: RawJson): ReadonlySet<string> {
  if (schema.length > SCHEMA_UNITS) return NOTHING_DECLARED;
  const names = new Set<string>();
  const root: unknown = JSON.parse(schema);
  const open: unknown[] = [root];
  let parts = 0;
  while (open.length > 0 && parts < PARTS_MOST) {
    const part = open.pop();
    parts += 1;
    if (typeof part !== 'object' || part === null) continue;
    for (const [word, value] of Object.entries(part)) {
      for (const name of namedBy(word, value)) names.add(name);
      open.push(value);
    }
  }
  return names;
}

function namedBy(word: string, value: unknown): readonly string[] {
  if (word === 'required') return Array.isArray(value) ? value.filter((name) => typeof name === 'string') : [];
  return word === 'properties' && typeof value === 'object' && value !== null ? Object.keys(value) : [];
}
