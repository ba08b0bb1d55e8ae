// Builds the catalogue from what the backends last said. Pure: the same listings give the same names in every process, and with bare names
// the same first lists do, in whatever order they came.
import type { BackendCatalog, Catalog, CatalogProblem, ToolEntry, ToolHints } from '../catalog.ts';
import type { BackendId } from '../ids.ts';
import { quote, withMembers } from '../json/compose.ts';
import type { RawJson } from '../json/scan.ts';
import { kindOf, members, stringOf } from '../json/slice.ts';
import { readMirrors } from '../mirrors.ts';
import type { BackendListing, Digest } from '../ports.ts';
import { ok } from '../result.ts';
import { hasControl } from '../text.ts';
import { bareName, prefixedName } from './names.ts';
import { keptOwners, OPEN_HEARING, ownerOf, type Hearing, type Owner, type Owners } from './owners.ts';

export interface CatalogInput {
  /** Configured order; a backend without a listing yet is left out. */
  readonly order: readonly BackendId[];
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
// C0, DEL and C1 controls: a name with them is an attack on whoever prints it.

export const EMPTY_CATALOG: Catalog = { tools: [], byExposed: new Map(), byBackend: new Map(), problems: [] };

export function buildCatalog(input: CatalogInput, digest: Digest): Built {
  const problems: CatalogProblem[] = [];
  const byBackend = new Map<BackendId, BackendCatalog>();
  for (const backend of input.order) {
    const listing = input.listings.get(backend);
    if (listing === undefined) continue;
    byBackend.set(backend, { backend, tools: entriesOf(backend, listing, input.names, digest, problems), instructions: listing.instructions });
  }
  const hearing = input.names === 'bare' ? input.hearing : OPEN_HEARING;
  const { byExposed, given } = exposed(byBackend, hearing, problems);
  return { catalog: { tools: [...byExposed.values()], byExposed, byBackend, problems }, owners: input.names === 'bare' ? keptOwners(given, hearing) : new Map() };
}

function entriesOf(backend: BackendId, listing: BackendListing, names: CatalogInput['names'], digest: Digest, problems: CatalogProblem[]): ReadonlyMap<string, ToolEntry> {
  const found = new Map<string, ToolEntry>();
  for (const definition of listing.tools) {
    const all = members(definition);
    const name = stringOf(all?.get('name'));
    if (all === undefined || name === undefined || name === '' || name.length > ORIGINAL_NAME_MAX || hasControl(name)) {
      problems.push({ code: 'invalid_name', backend, name: (name ?? '').slice(0, 64), note: 'the name is missing, too long or holds control characters' });
    } else if (found.has(name)) {
      problems.push({ code: 'duplicate_name', backend, name, note: 'the backend lists this name twice; the first is kept' });
    } else {
      const make = names === 'bare' ? bareName : prefixedName;
      found.set(name, entryOf(backend, name, make(backend, name, digest), definition, all, digest));
    }
  }
  return found;
}

const NO_MIRRORS = ok([]);

function entryOf(backend: BackendId, name: string, exposedName: string, definition: RawJson, all: ReadonlyMap<string, RawJson>, digest: Digest): ToolEntry {
  const schema = all.get('inputSchema');
  const inputSchema = schema !== undefined && kindOf(schema) === 'object' ? schema : undefined;
  const mirrors = inputSchema === undefined ? NO_MIRRORS : readMirrors(inputSchema);
  return {
    target: { backend, name },
    exposed: exposedName,
    definition,
    exposedDefinition: withMembers(definition, { set: new Map([['name', quote(exposedName)]]) }),
    inputSchema,
    mirrors: mirrors.ok ? mirrors.value : [],
    digest: digest(definition),
    hints: hintsOf(all.get('annotations')),
  };
}

function hintsOf(annotations: RawJson | undefined): ToolHints {
  const all = members(annotations);
  return { readOnly: all?.get('readOnlyHint') === 'true', idempotent: all?.get('idempotentHint') === 'true' };
}

/** Two entries under one exposed name: neither is callable there. First-wins would let one backend capture another's name (C07). */
function exposed(byBackend: ReadonlyMap<BackendId, BackendCatalog>, hearing: Hearing, problems: CatalogProblem[]): { readonly byExposed: ReadonlyMap<string, ToolEntry>; readonly given: Owners } {
  const byExposed = new Map<string, ToolEntry>();
  const given = new Map<string, Owner>();
  for (const [name, claimants] of claimsIn(byBackend)) {
    const owner = ownerOf(claimants.map((entry) => entry.target.backend), name, hearing);
    if (owner === undefined) continue;
    given.set(name, owner);
    for (const entry of claimants) {
      const { backend } = entry.target;
      if (owner.backend === backend) byExposed.set(name, entry);
      else problems.push({ code: 'collision', backend, name, note: owner.backend === undefined ? 'more than one tool claims this name; none of them is exposed' : `the name belongs to backend ${owner.backend} until a reload` });
    }
  }
  return { byExposed, given };
}

function claimsIn(byBackend: ReadonlyMap<BackendId, BackendCatalog>): ReadonlyMap<string, readonly ToolEntry[]> {
  const claims = new Map<string, ToolEntry[]>();
  for (const { tools } of byBackend.values()) {
    for (const entry of tools.values()) {
      const claimants = claims.get(entry.exposed);
      if (claimants === undefined) claims.set(entry.exposed, [entry]);
      else claimants.push(entry);
    }
  }
  return claims;
}
