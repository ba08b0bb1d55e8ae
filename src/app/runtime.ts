// The one mutable cell: the current Snapshot. Settings, overrides and listings go in; a new numbered snapshot comes out.
import type { BackendId } from '../core/ids.ts';
import type { Override } from '../core/override.ts';
import { buildCatalog, EMPTY_CATALOG, type BackendNames } from '../core/policy/catalog.ts';
import { ownedName, ownersAfterReload, type Owners } from '../core/policy/owners.ts';
import type { BackendListing, Digest } from '../core/ports.ts';
import type { Settings } from '../core/settings.ts';
import type { Policy, Runtime, Snapshot } from '../core/snapshot.ts';
import type { Catalog } from '../core/catalog.ts';

export interface RuntimeDeps {
  readonly digest: Digest;
  /** Settings and overrides to what decisions read. */
  compile(settings: Settings, overrides: readonly Override[]): Policy;
  /** What the settings say of names: aliases, and what is hidden. */
  names(settings: Settings): readonly BackendNames[];
  readonly onListenerFault: (error: unknown) => void;
}

export interface Configured {
  readonly settings: Settings;
  readonly configHash: string;
}

export class RuntimeCell implements Runtime {
  readonly #deps: RuntimeDeps;
  readonly #listeners = new Set<(next: Snapshot, previous: Snapshot) => void>();
  readonly #listings = new Map<BackendId, BackendListing>();
  /** That failed before they listed anything: bare names wait for them no longer. */
  readonly #failed = new Set<BackendId>();
  readonly #down = new Set<BackendId>();
  #owners: Owners = new Map();
  #overrides: readonly Override[];
  #current: Snapshot;

  constructor(configured: Configured, overrides: readonly Override[], deps: RuntimeDeps) {
    this.#deps = deps;
    this.#overrides = overrides;
    this.#current = { revision: 1, ...configured, policy: deps.compile(configured.settings, overrides), catalog: EMPTY_CATALOG, down: new Set() };
  }

  current(): Snapshot {
    return this.#current;
  }

  overrides(): readonly Override[] {
    return this.#overrides;
  }

  subscribe(listener: (next: Snapshot, previous: Snapshot) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A whole new configuration; listings of backends that stay are kept. */
  configure(configured: Configured): Snapshot {
    const ids = new Set(configured.settings.backends.map((backend) => backend.id));
    for (const id of this.#listings.keys()) if (!ids.has(id)) this.#listings.delete(id);
    for (const known of [this.#failed, this.#down]) for (const id of known) if (!ids.has(id)) known.delete(id);
    const exposed = exposedNames(this.#current.catalog);
    this.#owners = ownersAfterReload(this.#owners, (id, name) => ids.has(id) && exposed.get(id)?.has(name) === true, this.#unheard(configured.settings));
    return this.#swap(configured, this.#deps.compile(configured.settings, this.#overrides), this.#catalog(configured.settings));
  }

  override(overrides: readonly Override[]): Snapshot {
    this.#overrides = overrides;
    const { settings, configHash, catalog } = this.#current;
    return this.#swap({ settings, configHash }, this.#deps.compile(settings, overrides), catalog);
  }

  listed(id: BackendId, listing: BackendListing): Snapshot {
    const { settings, configHash, policy } = this.#current;
    // A backend that was removed meanwhile may still have had its list under way.
    if (!settings.backends.some((backend) => backend.id === id)) return this.#current;
    this.#listings.set(id, listing);
    return this.#swap({ settings, configHash }, policy, this.#catalog(settings));
  }

  /** A backend that cannot be reached now: lists may have to do without, and names that were held back for it may be given. */
  unavailable(id: BackendId): Snapshot {
    const { settings, configHash, policy, catalog } = this.#current;
    if (!settings.backends.some((backend) => backend.id === id)) return this.#current;
    const fresh = !this.#down.has(id);
    this.#down.add(id);
    const held = settings.names === 'bare' && this.#unheard(settings).has(id) && !this.#failed.has(id);
    if (held) this.#failed.add(id);
    if (!held && !(fresh && settings.whenDown !== 'known')) return this.#current;
    return this.#swap({ settings, configHash }, policy, held ? this.#catalog(settings) : catalog);
  }

  /** It is there, or there again. */
  available(id: BackendId): Snapshot {
    const { settings, configHash, policy, catalog } = this.#current;
    const told = this.#down.delete(id) && settings.whenDown !== 'known';
    return told ? this.#swap({ settings, configHash }, policy, catalog) : this.#current;
  }

  #unheard(settings: Settings): ReadonlySet<BackendId> {
    return new Set(settings.backends.map((backend) => backend.id).filter((id) => !this.#listings.has(id)));
  }

  #catalog(settings: Settings): Catalog {
    const unheard = this.#unheard(settings);
    const hearing = { owners: this.#owners, unheard, waiting: [...unheard].some((id) => !this.#failed.has(id)) };
    const { catalog, owners } = buildCatalog({ order: this.#deps.names(settings), listings: this.#listings, names: settings.names, hearing }, this.#deps.digest);
    this.#owners = owners;
    return catalog;
  }

  #swap(configured: Configured, policy: Policy, catalog: Catalog): Snapshot {
    const previous = this.#current;
    const next: Snapshot = { revision: previous.revision + 1, ...configured, policy, catalog, down: new Set(this.#down) };
    this.#current = next;
    for (const listener of [...this.#listeners]) {
      try {
        listener(next, previous);
      } catch (error) {
        this.#deps.onListenerFault(error);
      }
    }
    return next;
  }
}

/** Once for all names: to walk the tools for each of ten thousand takes a second, in which nobody's call moves. */
function exposedNames({ byBackend }: Catalog): ReadonlyMap<BackendId, ReadonlySet<string>> {
  return new Map([...byBackend].map(([id, { tools, prompts }]) => [id, new Set([...tools.values(), ...prompts.values()].map(ownedName))]));
}
