// Builds the catalogue from what the backends last said. Pure: the same listings give the same names in every process, and with bare names
// the same first lists do, in whatever order they came.
import type { TargetKind } from '../call.ts';
import type { BackendCatalog, Catalog, CatalogProblem, Entry, TaskSupport, ToolEntry, ToolHints } from '../catalog.ts';
import type { BackendId } from '../ids.ts';
import { quote, withMembers } from '../json/compose.ts';
import type { RawJson } from '../json/scan.ts';
import { kindOf, members, stringOf } from '../json/slice.ts';
import { readMirrors } from '../mirrors.ts';
import type { BackendListing, Digest } from '../ports.ts';
import { ok } from '../result.ts';
import { hasControl } from '../text.ts';
import { matches, type Pattern } from './globs.ts';
import { bareName, prefixedName } from './names.ts';
import { aliasHolders, keptOwners, OPEN_HEARING, uniquelyNamed, type Hearing, type Owner, type Owners } from './owners.ts';
import { canonicalTemplate, canonicalUri, exposedUri, uriPrefix } from './uris.ts';

/** What the configuration says of one backend's names. */
export interface BackendNames {
  readonly id: BackendId;
  /** Original tool name → exposed name. */
  readonly aliases: Readonly<Record<string, string>>;
  /** What exists for nobody. */
  readonly hide: readonly Pattern[];
}

export interface CatalogInput {
  /** Configured order; a backend without a listing yet is left out. */
  readonly order: readonly BackendNames[];
  readonly listings: ReadonlyMap<BackendId, BackendListing>;
  readonly names: 'prefixed' | 'bare';
  /** For bare names: which are given, and who is still to be heard. */
  readonly hearing: Hearing;
}

export interface Built {
  readonly catalog: Catalog;
  /** For the next catalogue. */
  readonly owners: Owners;
}

const ORIGINAL_NAME_MAX = 1024;

export const EMPTY_CATALOG: Catalog = {
  tools: [], prompts: [], resources: [], templates: [], byExposed: new Map(), promptsByExposed: new Map(), byUriPrefix: new Map(), byBackend: new Map(), problems: [],
};

/** One backend's share of the work. */
interface Source {
  readonly names: BackendNames;
  readonly prefix: string;
  readonly input: CatalogInput;
  readonly digest: Digest;
  readonly problems: CatalogProblem[];
  /** Patterns of `hide` that hit something. */
  readonly used: Set<string>;
}

export function buildCatalog(input: CatalogInput, digest: Digest): Built {
  const problems: CatalogProblem[] = [];
  const byBackend = new Map<BackendId, BackendCatalog>();
  for (const names of input.order) {
    const listing = input.listings.get(names.id);
    if (listing === undefined) continue;
    byBackend.set(names.id, sectionOf({ names, prefix: uriPrefix(names.id, digest), input, digest, problems, used: new Set() }, listing));
  }
  const all = [...byBackend.values()];
  const hearing = input.names === 'bare' ? input.hearing : OPEN_HEARING;
  const given = new Map<string, Owner>();
  const byExposed = uniquelyNamed(all.flatMap((one) => [...one.tools.values()]), { hearing, given, problems, aliases: aliasHolders(input.order) });
  const promptsByExposed = uniquelyNamed(all.flatMap((one) => [...one.prompts.values()]), { hearing, given, problems, aliases: new Map() });
  const catalog: Catalog = {
    tools: [...byExposed.values()],
    prompts: [...promptsByExposed.values()],
    resources: all.flatMap((one) => [...one.resources.values()]),
    templates: all.flatMap((one) => [...one.templates.values()]),
    byExposed,
    promptsByExposed,
    byUriPrefix: new Map(all.map((one) => [one.uriPrefix, one.backend])),
    byBackend,
    problems,
  };
  return { catalog, owners: input.names === 'bare' ? keptOwners(given, hearing) : new Map() };
}

function sectionOf(source: Source, listing: BackendListing): BackendCatalog {
  const section: BackendCatalog = {
    backend: source.names.id,
    uriPrefix: source.prefix,
    tools: named(source, 'tool', listing.tools, withTool),
    prompts: named(source, 'prompt', listing.prompts, (entry) => entry),
    resources: located(source, listing.resources, 'uri', canonicalUri),
    templates: located(source, listing.templates, 'uriTemplate', canonicalTemplate),
    hide: source.names.hide,
    offers: listing.offers,
    era: listing.era,
    version: listing.version,
    instructions: listing.instructions,
  };
  tellUnused(source, section);
  return section;
}

/** A typo in `hide` hides nothing, and one in `aliases` names nothing. Patterns for resources are not judged: a template has more than are listed. */
function tellUnused(source: Source, { tools }: BackendCatalog): void {
  const { aliases, hide } = source.names;
  for (const tool of Object.keys(aliases)) if (!tools.has(tool)) told(source, 'unused', tool, 'an alias is set for it, and the backend does not list it');
  const idle = new Set(hide.filter(({ kind, text }) => kind !== 'resource' && !source.used.has(text)).map(({ text }) => text));
  for (const text of idle) told(source, 'unused', text, '`hide` names it, and the backend lists nothing that this hits');
}

function named<E extends Entry>(source: Source, kind: 'tool' | 'prompt', definitions: readonly RawJson[], finish: (entry: Entry, all: ReadonlyMap<string, RawJson>) => E): ReadonlyMap<string, E> {
  const found = new Map<string, E>();
  for (const definition of definitions) {
    const all = members(definition);
    const name = stringOf(all?.get('name'));
    if (all === undefined || name === undefined || name === '' || name.length > ORIGINAL_NAME_MAX || hasControl(name)) {
      told(source, 'invalid_name', name ?? '', 'the name is missing, too long or holds control characters');
    } else if (found.has(name)) {
      told(source, 'duplicate_name', name, 'the backend lists this name twice; the first is kept');
    } else if (!isHidden(source, kind, name)) {
      const exposed = exposedName(source, kind, name);
      found.set(name, finish(entryOf(source, kind, name, exposed, definition, 'name'), all));
    }
  }
  return found;
}

function located(source: Source, definitions: readonly RawJson[], member: 'uri' | 'uriTemplate', canonical: (text: string) => string | undefined): ReadonlyMap<string, Entry> {
  const found = new Map<string, Entry>();
  for (const definition of definitions) {
    const text = stringOf(members(definition)?.get(member)) ?? '';
    const name = canonical(text);
    if (name === undefined) told(source, 'invalid_name', text, `the ${member} is missing or not one that a policy can judge`);
    else if (found.has(text)) told(source, 'duplicate_name', text, `the backend lists this ${member} twice; the first is kept`);
    else if (!isHidden(source, 'resource', name)) found.set(text, entryOf(source, 'resource', name, exposedUri(source.prefix, text), definition, member));
  }
  return found;
}

function entryOf({ names, digest }: Source, kind: TargetKind, name: string, exposed: string, definition: RawJson, member: string): Entry {
  return {
    target: { kind, backend: names.id, name },
    exposed,
    definition,
    exposedDefinition: withMembers(definition, { set: new Map([[member, quote(exposed)]]) }),
    digest: digest(definition),
  };
}

const NO_MIRRORS = ok([]);

function withTool(entry: Entry, all: ReadonlyMap<string, RawJson>): ToolEntry {
  const schema = all.get('inputSchema');
  const inputSchema = schema !== undefined && kindOf(schema) === 'object' ? schema : undefined;
  const mirrors = inputSchema === undefined ? NO_MIRRORS : readMirrors(inputSchema);
  return { ...entry, inputSchema, mirrors: mirrors.ok ? mirrors.value : [], hints: hintsOf(all.get('annotations')), taskSupport: taskSupportOf(all.get('execution')) };
}

/** Absent, and anything else: forbidden (2025-11-25, tasks). */
function taskSupportOf(execution: RawJson | undefined): TaskSupport {
  const text = stringOf(members(execution)?.get('taskSupport'));
  return text === 'optional' || text === 'required' ? text : 'forbidden';
}

function hintsOf(annotations: RawJson | undefined): ToolHints {
  const all = members(annotations);
  return { readOnly: all?.get('readOnlyHint') === 'true', idempotent: all?.get('idempotentHint') === 'true' };
}

/** An alias is the operator's word and needs no prefix; aliases are for tools, whose names models see most. */
function exposedName({ names, input, digest }: Source, kind: 'tool' | 'prompt', name: string): string {
  const alias = kind === 'tool' && Object.hasOwn(names.aliases, name) ? names.aliases[name] : undefined;
  if (alias !== undefined) return alias;
  return (input.names === 'bare' ? bareName : prefixedName)(names.id, name, digest);
}

function isHidden({ names, used }: Source, kind: TargetKind, name: string): boolean {
  const hits = names.hide.filter((pattern) => matches(pattern, { kind, backend: names.id, name }));
  for (const { text } of hits) used.add(text);
  return hits.length > 0;
}

function told({ names, problems }: Source, code: CatalogProblem['code'], name: string, note: string): void {
  problems.push({ code, backend: names.id, name: name.slice(0, 64), note });
}
