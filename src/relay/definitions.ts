// Definitions in lists as one agent may read them: what its revision does not know is taken away or put in words it knows, and what
// hosts would fetch blindly is taken away. Everything else byte for byte (T152).
// Sources: SEP-2106 (schemas of any root), protocol reference 4.3, 4.14, 4.16; SEC46.
import { cut, objectOf, quote, toRaw, valueOf, withCut, withMembers } from '../core/json/compose.ts';
import type { RawJson } from '../core/json/scan.ts';
import { kindOf, memberOf, members, stringOf } from '../core/json/slice.ts';
import { safeIcons } from './icons.ts';
import { ownless } from './meta.ts';
import { moved } from './references.ts';
import type { Expose } from './uris-in-results.ts';
import { isSince, type Spoken } from './versions.ts';

export type ListedIn = 'tools' | 'prompts' | 'resources' | 'templates';

/**
 * `definition` already bears the name or URI of this endpoint. `expose`: for the URIs inside it (`_meta.ui.resourceUri` of tools);
 * undefined on endpoints with original URIs. `tasks`: any call of this tool may become a task, by the backend's choice (SEP-2663), which
 * 2025-11-25 has no word for but a hint of each tool. The same slice where nothing changes.
 */
export function definitionFor(list: ListedIn, definition: RawJson, to: Spoken, expose: Expose | undefined, tasks: boolean = false): RawJson {
  const all = cut(definition);
  if (all === undefined) return definition;
  const set = new Map<string, RawJson>();
  const drop: string[] = [];
  const icons = valueOf(all, 'icons');
  if (icons !== undefined) set.set('icons', safeIcons(icons));
  const written = valueOf(all, '_meta');
  const meta = written === undefined ? undefined : ownless(written);
  if (meta === undefined) drop.push('_meta');
  else if (meta !== written) set.set('_meta', meta);
  if (list === 'tools') {
    if (to.era === 'modern') drop.push('execution');
    else if (tasks && isSince(to.version, '2025-11-25')) set.set('execution', TASKS_OPTIONAL);
    const schema = valueOf(all, 'outputSchema');
    const next = schema === undefined ? undefined : outputSchemaFor(schema, to);
    if (next !== undefined) set.set('outputSchema', next);
    else drop.push('outputSchema');
    if (meta !== undefined && expose !== undefined) set.set('_meta', appMeta(meta, expose));
  }
  return withCut(definition, all, { set, drop });
}

const TASKS_OPTIONAL = toRaw({ taskSupport: 'optional' });

/** Agents of 2025-06-18 and 2025-11-25 take objects only; earlier ones know no structured output. */
function outputSchemaFor(schema: RawJson, { era, version }: Spoken): RawJson | undefined {
  if (era === 'modern') return schema;
  if (!isSince(version, '2025-06-18')) return undefined;
  return isObjectSchema(schema) ? schema : wrapped(schema);
}

/** True when this agent reads the tool's output schema, and therefore every structured result of it, inside `{"result": …}`. */
export function wrapsStructured(definition: RawJson, { era, version }: Spoken): boolean {
  if (era === 'modern' || !isSince(version, '2025-06-18')) return false;
  const schema = memberOf(definition, 'outputSchema');
  return schema !== undefined && !isObjectSchema(schema) && wrapped(schema) !== undefined;
}

function isObjectSchema(schema: RawJson): boolean {
  return stringOf(memberOf(schema, 'type')) === 'object';
}

/** The root's references are moved with it, so that they still find what they named; undefined for what is no schema. */
function wrapped(schema: RawJson): RawJson | undefined {
  const inner = innerSchema(schema);
  if (inner === undefined) return undefined;
  const dialect = memberOf(schema, '$schema');
  return objectOf([
    ...(dialect === undefined ? [] : [['$schema', dialect] as const]),
    ['type', quote('object')],
    ['properties', objectOf([['result', inner]])],
    ['required', toRaw(['result'])],
  ]);
}

function innerSchema(schema: RawJson): RawJson | undefined {
  switch (kindOf(schema)) {
    case 'object': return moved(schema, '/properties/result');
    // The schemas of 2025 revisions know no booleans below `properties`.
    case 'true': return toRaw({});
    case 'false': return toRaw({ not: {} });
    default: return undefined;
  }
}

/** MCP Apps name their page by URI: nested, or flat as early hosts read it. */
function appMeta(meta: RawJson, expose: Expose): RawJson {
  const all = members(meta);
  const set = new Map<string, RawJson>();
  const ui = all?.get('ui');
  const nested = ui === undefined ? undefined : stringOf(memberOf(ui, 'resourceUri'));
  if (ui !== undefined && nested !== undefined) set.set('ui', withMembers(ui, { set: new Map([['resourceUri', quote(expose(nested))]]) }));
  const flat = stringOf(all?.get('ui/resourceUri'));
  if (flat !== undefined) set.set('ui/resourceUri', quote(expose(flat)));
  return set.size === 0 ? meta : withMembers(meta, { set });
}
