// To whom an exposed name belongs. Whoever is first up must not take the name of one that starts more slowly, and whoever lists late must
// not take one that is given (tool shadowing): a name is given when every backend has listed or failed, and stays given. An alias is the operator's word and goes before both. Pure.
import type { Target } from '../call.ts';
import type { CatalogProblem, Entry } from '../catalog.ts';
import type { BackendId } from '../ids.ts';

/** Under which an exposed name is kept: tools and prompts do not share theirs. */
export function ownedName({ target, exposed }: Pick<Entry, 'target' | 'exposed'>): string {
  return target.kind === 'tool' ? exposed : `${target.kind}\u0000${exposed}`;
}

export interface Owner {
  /** Undefined: of nobody, since more than one claimed it in their first lists. */
  readonly backend: BackendId | undefined;
  /** Backends that had not listed when the name was given. Their first list may still contest it, as it would have then. */
  readonly unheard: ReadonlySet<BackendId>;
}

export type Owners = ReadonlyMap<string, Owner>;

/** What is known when a catalogue is built. */
export interface Hearing {
  readonly owners: Owners;
  /** Configured backends without a list. */
  readonly unheard: ReadonlySet<BackendId>;
  /** Some of them have not failed either: their first list may be under way. */
  readonly waiting: boolean;
}

/** For names that carry their backend: nobody can claim another's, so nothing is waited for and nothing is kept. */
export const OPEN_HEARING: Hearing = { owners: new Map(), unheard: new Set(), waiting: false };

/** Given names that are kept for one backend; beyond that, the oldest that it no longer lists are free again. */
const KEPT_MAX = 10_000;

/** Undefined: not given yet. `claimants` has one entry for each tool. */
export function ownerOf(claimants: readonly BackendId[], name: string, { owners, unheard, waiting }: Hearing): Owner | undefined {
  const known = owners.get(name);
  if (known === undefined) {
    if (claimants.length !== 1) return { backend: undefined, unheard };
    return waiting ? undefined : { backend: claimants[0], unheard };
  }
  const own = claimants.filter((backend) => backend === known.backend).length;
  const contested = own > 1 || claimants.some((backend) => backend !== known.backend && known.unheard.has(backend));
  return contested ? { backend: undefined, unheard } : known;
}

/** The names to keep: those given now, and those given before whose tools are gone at the moment. */
export function keptOwners(given: Owners, { owners, unheard }: Hearing): Owners {
  const kept = new Map<string, Owner>();
  for (const [name, owner] of [...owners, ...given]) kept.set(name, { backend: owner.backend, unheard: owner.unheard.intersection(unheard) });
  const room = new Map<BackendId | undefined, number>();
  for (const [, { backend }] of kept) room.set(backend, (room.get(backend) ?? KEPT_MAX) - 1);
  for (const [name, { backend }] of kept) {
    const left = room.get(backend) ?? 0;
    if (left >= 0 || given.has(name)) continue;
    kept.delete(name);
    room.set(backend, left + 1);
  }
  return kept;
}

/** After a reload: what an owner still lists stays its own, everything else is asked for anew, also by what was added. */
export function ownersAfterReload(owners: Owners, listed: (backend: BackendId, name: string) => boolean, unheard: ReadonlySet<BackendId>): Owners {
  const kept = new Map<string, Owner>();
  for (const [name, { backend }] of owners) if (backend !== undefined && listed(backend, name)) kept.set(name, { backend, unheard });
  return kept;
}

interface Naming {
  readonly hearing: Hearing;
  /** Filled with who has which name. */
  readonly given: Map<string, Owner>;
  readonly problems: CatalogProblem[];
  readonly aliases: ReadonlyMap<string, Pick<Target, 'backend' | 'name'>>;
}

/** Alias → its tool, whether that is listed or not: nobody else gets the name meanwhile. */
export function aliasHolders(order: readonly { readonly id: BackendId; readonly aliases: Readonly<Record<string, string>> }[]): Naming['aliases'] {
  return new Map(order.flatMap(({ id, aliases }) => Object.entries(aliases).map(([name, alias]) => [alias, { backend: id, name }] as const)));
}

/** Two entries under one exposed name: neither is callable there. First-wins would let one backend capture another's name (C07). */
export function uniquelyNamed<E extends Entry>(entries: readonly E[], naming: Naming): ReadonlyMap<string, E> {
  const found = new Map<string, E>();
  for (const [key, claimants] of Map.groupBy(entries, ownedName)) {
    const alias = naming.aliases.get(claimants[0]?.exposed ?? '');
    const owner = alias === undefined ? ownerOf(claimants.map((entry) => entry.target.backend), key, naming.hearing) : undefined;
    if (alias === undefined && owner === undefined) continue;
    if (owner !== undefined) naming.given.set(key, owner);
    for (const entry of claimants) {
      const { backend, name } = entry.target;
      const isIts = alias === undefined ? owner?.backend === backend && !found.has(entry.exposed) : alias.backend === backend && alias.name === name;
      if (isIts) found.set(entry.exposed, entry);
      else naming.problems.push({ code: 'collision', backend, name: entry.exposed, note: whyNot(entry, alias?.backend, owner?.backend) });
    }
  }
  return found;
}

function whyNot({ target }: Entry, alias: BackendId | undefined, owner: BackendId | undefined): string {
  if (alias !== undefined) return `the name is an alias of a tool of backend ${alias}`;
  return owner === undefined ? `more than one ${target.kind} claims this name; none of them is exposed` : `the name belongs to backend ${owner} until a reload`;
}
