// Pages that agents were shown for backends (URL elicitation): whose they are and by which id, so that a backend's word that a visit is over
// reaches whoever was shown that page, and nobody else. Outlives the call: after a -32042 its agent waits for that word, and then tries again.
// Source: MCP 2025-11-25 client/elicitation. Decides nothing about what may be shown.
import type { ServedCall } from '../../core/call.ts';
import type { SessionIo } from '../../core/inbound.ts';
import { mayUse } from '../../core/policy/decide.ts';
import { matches } from '../../core/policy/globs.ts';
import type { Backend, Clock } from '../../core/ports.ts';
import { principalKey } from '../../core/principal.ts';
import { detached } from '../../core/text.ts';
import { completedParams, type ElicitationIds } from '../../relay/elicitation.ts';
import { notificationMessage } from '../../relay/rpc.ts';
import type { PipelineDeps } from '../deps.ts';

/** To sign in elsewhere takes minutes, with a letter of confirmation more; who is not done after an hour tries again. No setting: longer helps nobody, and costs memory. */
const LASTS_MS = 3_600_000;
/** Of one principal, by one backend: nobody has more pages open; of more, the oldest are forgotten, so that no backend crowds out another's. */
const MOST_OF_ONE = 64;
const MOST = 8_192;
/** UTF-16 units. A backend with longer ids is not waited for. */
const ID_MOST = 256;

export type Shown = Pick<ServedCall, 'principal' | 'target'> & { readonly session: SessionIo | undefined };

interface Page extends Shown {
  readonly ids: ElicitationIds;
  readonly owner: string;
  readonly shelf: Shelf;
  /** On the monotonic clock. */
  readonly until: number;
  readonly forget: () => void;
}

/** Of one backend, as it runs: what takes its name after a reload completes nothing of it. */
interface Shelf {
  readonly byId: Map<string, Set<Page>>;
  readonly byOwner: Map<string, Set<Page>>;
}

export class Elicitations {
  readonly #clock: Clock;
  readonly #shelves = new WeakMap<Backend, Shelf>();
  /** Oldest first. */
  readonly #pages = new Set<Page>();
  #hits = 0;

  constructor(deps: { readonly clock: Clock }) {
    this.#clock = deps.clock;
  }

  /** Pages whose end may still be told. */
  get size(): number {
    return this.#pages.size;
  }

  /** Times that one was forgotten for want of room. */
  get hits(): number {
    return this.#hits;
  }

  /** The same id may be shown twice: a backend names the page again when its call is tried again too early. */
  add(backend: Backend, ids: ElicitationIds, shown: Shown): void {
    this.#expire();
    if (ids.theirs.length > ID_MOST || shown.session?.ended.aborted === true) return;
    const shelf = this.#shelves.get(backend) ?? { byId: new Map<string, Set<Page>>(), byOwner: new Map<string, Set<Page>>() };
    this.#shelves.set(backend, shelf);
    const owner = principalKey(shown.principal);
    // A task that waits is asked about again and again: one that nobody is told of takes no more room by that.
    if (ids.ours === undefined && [...shelf.byId.get(ids.theirs) ?? []].some((page) => page.ids.ours === undefined && page.owner === owner)) return;
    this.#crowded(shelf.byOwner.get(owner), MOST_OF_ONE);
    this.#crowded(this.#pages, MOST);
    const forget = (): void => this.#forget(page);
    const page: Page = {
      principal: shown.principal, target: shown.target, session: shown.session,
      ids: { theirs: detached(ids.theirs), ours: ids.ours === undefined ? undefined : detached(ids.ours) }, owner, shelf, until: this.#clock.mono() + LASTS_MS, forget,
    };
    this.#pages.add(page);
    into(shelf.byId, page.ids.theirs, page);
    into(shelf.byOwner, owner, page);
    shown.session?.ended.addEventListener('abort', forget, { once: true });
  }

  /** What was shown by this id of the backend, once: a visit is over once. Empty: nothing was. */
  take(backend: Backend, theirs: string): readonly Page[] {
    this.#expire();
    const found = [...this.#shelves.get(backend)?.byId.get(theirs) ?? []];
    for (const page of found) this.#forget(page);
    return found;
  }

  #expire(): void {
    const now = this.#clock.mono();
    for (const page of this.#pages) {
      if (page.until > now) return;
      this.#forget(page);
    }
  }

  #crowded(pages: ReadonlySet<Page> | undefined, most: number): void {
    const [oldest] = pages ?? [];
    if (pages === undefined || oldest === undefined || pages.size < most) return;
    this.#hits += 1;
    this.#forget(oldest);
  }

  #forget(page: Page): void {
    const { shelf, ids, owner, session, forget } = page;
    if (!this.#pages.delete(page)) return;
    outOf(shelf.byId, ids.theirs, page);
    outOf(shelf.byOwner, owner, page);
    session?.ended.removeEventListener('abort', forget);
  }
}

function into(map: Map<string, Set<Page>>, key: string, page: Page): void {
  map.set(key, (map.get(key) ?? new Set()).add(page));
}

function outOf(map: Map<string, Set<Page>>, key: string, page: Page): void {
  const pages = map.get(key);
  pages?.delete(page);
  if (pages?.size === 0) map.delete(key);
}

export type CompletedDeps = Pick<PipelineDeps, 'elicitations' | 'runtime' | 'clock' | 'subscriptions'>;

/** A backend says that a visit is over. False: nobody was shown such a page of it. Told by the newest policy, like updates. */
export function elicitationCompleted(backend: Backend, theirs: string, { elicitations, runtime, clock, subscriptions }: CompletedDeps): boolean {
  const pages = elicitations.take(backend, theirs);
  const { policy, catalog } = runtime.current();
  for (const { session, principal, target, ids: { ours } } of pages) {
    const view = catalog.byBackend.get(target.backend);
    if (session === undefined || ours === undefined || view === undefined || view.hide.some((pattern) => matches(pattern, target))) continue;
    if (!mayUse(policy, subscriptions.viewer(session) ?? principal, target, clock.wall())) continue;
    session.notify(notificationMessage('notifications/elicitation/complete', completedParams(ours)));
  }
  return pages.length > 0;
}
