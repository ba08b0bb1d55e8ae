// What one principal sees at one endpoint: each list, the digest that tells whether it changed, and what the backends behind it offer.
import type { BackendCatalog, Catalog, Entry } from '../core/catalog.ts';
import { type Endpoint, isAt, type TargetKind } from '../core/call.ts';
import type { BackendId, Timestamp } from '../core/ids.ts';
import type { Viewer } from '../core/inbound.ts';
import type { RawJson } from '../core/json/scan.ts';
import { hits, isVisible, mayKnow } from '../core/policy/decide.ts';
import type { Digest } from '../core/ports.ts';
import type { Snapshot } from '../core/snapshot.ts';
import { definitionFor, type ListedIn } from '../relay/definitions.ts';
import type { OfferedCapabilities } from '../relay/hello.ts';
import type { Spoken } from '../relay/versions.ts';
import { exposeFor } from './expose.ts';

export const LISTS: readonly ListedIn[] = ['tools', 'prompts', 'resources', 'templates'];

/** In the order of the catalogue. A template is visible when its own text passes; what is read by it is decided when it is read. */
export function visible(list: ListedIn, snapshot: Snapshot, { principal, endpoint }: Viewer, now: Timestamp): readonly Entry[] {
  const left = snapshot.settings.whenDown === 'omit' ? snapshot.down : NONE;
  return entriesAt(list, snapshot.catalog, endpoint).filter(({ target }) => !left.has(target.backend) && isVisible(snapshot.policy, principal, target, now));
}

const NONE: ReadonlySet<BackendId> = new Set();
const KIND: Readonly<Record<ListedIn, TargetKind>> = { tools: 'tool', prompts: 'prompt', resources: 'resource', templates: 'resource' };

/**
 * Whether an error stands for this list (`[catalog] when_down`, T136). Only backends count of which this viewer's roles could show it
 * something of the kind: for others must not even an error tell that they are there. What is switched off is not missed.
 */
export function isWithheld(list: ListedIn, { settings, catalog, policy, down }: Snapshot, { principal, endpoint }: Viewer, now: Timestamp): boolean {
  if (settings.whenDown === 'known') return false;
  const kind = KIND[list];
  const killed = (backend: BackendId): boolean => policy.kills.some((rule) => rule.scope.kind !== 'tool' && hits(rule, principal, { backend, kind, name: '' }, now));
  const own = settings.backends.map(({ id }) => id).filter((id) => isAt(endpoint, id)
    && catalog.byBackend.get(id)?.offers[OFFER[kind]] !== false && mayKnow(policy, principal, id, [kind]) && !killed(id));
  const missing = own.filter((id) => down.has(id) || !catalog.byBackend.has(id));
  return missing.length > 0 && (settings.whenDown === 'fail' || missing.length === own.length);
}

const OFFER = { tool: 'tools', prompt: 'prompts', resource: 'resources' } as const satisfies Record<TargetKind, keyof BackendCatalog['offers']>;

/** Changes when what this viewer is answered does. */
export function listDigest(list: ListedIn, snapshot: Snapshot, viewer: Viewer, now: Timestamp, digest: Digest): string {
  return isWithheld(list, snapshot, viewer, now) ? '' : viewDigest(visible(list, snapshot, viewer, now), digest);
}

function entriesAt(list: ListedIn, catalog: Catalog, endpoint: Endpoint): readonly Entry[] {
  return endpoint.kind === 'merged' ? catalog[list] : [...(catalog.byBackend.get(endpoint.backend)?.[list].values() ?? [])];
}

/** Under the name or URI of this endpoint, in words of the agent's revision. */
export function definitionAt(list: ListedIn, entry: Entry, { catalog }: Snapshot, endpoint: Endpoint, to: Spoken): RawJson {
  const named = endpoint.kind === 'single' ? entry.definition : entry.exposedDefinition;
  const view = catalog.byBackend.get(entry.target.backend);
  return definitionFor(list, named, to, exposeFor(catalog, endpoint, entry.target.backend), view?.era === 'modern' && view.offers.tasks);
}

export function viewDigest(entries: readonly Entry[], digest: Digest): string {
  return digest(entries.map((entry) => `${entry.target.backend}/${entry.exposed}\u0000${entry.digest}`).join('\n'));
}

/** Instructions of backends of which this principal sees at least one thing. */
export function visibleSections(snapshot: Snapshot, viewer: Viewer, now: Timestamp): readonly { backend: string; text: string | undefined }[] {
  const seen = new Set(LISTS.flatMap((list) => visible(list, snapshot, viewer, now).map(({ target }) => target.backend)));
  return [...snapshot.catalog.byBackend.values()].filter((view) => seen.has(view.backend)).map((view) => ({ backend: view.backend, text: view.instructions }));
}

/** What the backends offer of which its roles could show this principal something, whether or not they list anything at the moment. */
export function offeredTo({ catalog, policy }: Snapshot, { principal, endpoint }: Viewer): OfferedCapabilities {
  const views = [...catalog.byBackend.values()].filter(({ backend }) => isAt(endpoint, backend));
  const one = (offers: (of: BackendCatalog['offers']) => boolean, kinds?: readonly TargetKind[]): boolean => views.some((view) => offers(view.offers) && mayKnow(policy, principal, view.backend, kinds));
  return {
    prompts: one((of) => of.prompts, ['prompt']),
    resources: one((of) => of.resources, ['resource']),
    subscribe: one((of) => of.resources && of.subscribe, ['resource']),
    completions: one((of) => of.completions, ['prompt', 'resource']),
    logging: one((of) => of.logging),
    tasks: one((of) => of.tasks, ['tool']),
    // Pages of many servers in one host would share one place: only where there is one server (T139).
    apps: endpoint.kind === 'single' && one((of) => of.apps, ['tool']),
  };
}
