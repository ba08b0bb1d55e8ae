// Who follows which resource of one backend. Each URI is asked for once, however many follow it, and again after every new link; knows no transport.
// Sources: MCP 2025-11-25 server/resources (subscribe); 2026-07-28 basic/patterns/subscriptions. Cases T115, T116, T118.
import type { BackendFault } from '../core/ports.ts';
import { err, ok, type Result } from '../core/result.ts';
import { concerns } from '../relay/updates.ts';
import type { BackendDeps } from './deps.ts';

/** How one link asks to be told. `add` resolves when the backend has taken the URI; `sent` is called when it is asked. */
export interface UpdateLine {
  add(uri: string, sent?: () => void): Promise<Result<void, BackendFault>>;
  drop(uri: string): void;
}

export type Updated = (uri: string) => void;

interface Entry {
  readonly followers: Set<Updated>;
  /** The last question about it, whose answer everybody waits for. */
  asked: Promise<Result<void, BackendFault>>;
}

/** Different URIs told of within the quiet time; above it everybody is told once instead. */
const MOST_NEWS = 256;
const GONE: BackendFault = { code: 'not_ready', detail: 'there is no link to the backend' };

export class Follows {
  readonly #deps: Pick<BackendDeps, 'timers' | 'limits'>;
  readonly #entries = new Map<string, Entry>();
  readonly #news = new Set<string>();
  #line: UpdateLine | undefined;
  #followers = 0;
  #undo: (() => void) | undefined;
  #missed = false;

  constructor(deps: Pick<BackendDeps, 'timers' | 'limits'>) {
    this.#deps = deps;
  }

  /** Resolves when the backend has agreed. The undo is idempotent; the last one takes the URI back from the backend. */
  async follow(uri: string, updated: Updated, sent?: () => void): Promise<Result<() => void, BackendFault>> {
    const { followedUris, followers } = this.#deps.limits;
    const known = this.#entries.get(uri);
    if (this.#line === undefined) return err(GONE);
    if (known === undefined && this.#entries.size >= followedUris) return err({ code: 'queue_full', limit: followedUris });
    if (this.#followers >= followers) return err({ code: 'queue_full', limit: followers });
    const entry = known ?? { followers: new Set(), asked: this.#line.add(uri, sent) };
    this.#entries.set(uri, entry);
    // One function may follow twice: each undo ends its own.
    const own: Updated = (changed) => updated(changed);
    entry.followers.add(own);
    this.#followers += 1;
    const undo = (): void => this.#leave(uri, entry, own);
    const asked = await entry.asked;
    if (asked.ok) return ok(undo);
    undo();
    return asked;
  }

  #leave(uri: string, entry: Entry, own: Updated): void {
    if (!entry.followers.delete(own)) return;
    this.#followers -= 1;
    if (entry.followers.size > 0 || this.#entries.get(uri) !== entry) return;
    this.#entries.delete(uri);
    this.#line?.drop(uri);
  }

  /** A new link, or none. What was followed is asked for again, and everybody is told once: nobody knows what was missed. */
  attach(line: UpdateLine | undefined): void {
    this.#line = line;
    if (line === undefined || this.#entries.size === 0) return;
    for (const [uri, entry] of this.#entries) entry.asked = line.add(uri);
    void Promise.allSettled([...this.#entries.values()].map(async ({ asked }) => asked)).then(() => {
      if (this.#line === line) this.missed();
    });
  }

  /** `notifications/resources/updated`: of a followed resource, or a part of one. */
  updated(uri: string): void {
    if (this.#entries.size === 0) return;
    if (this.#news.size >= MOST_NEWS) this.#missed = true;
    else this.#news.add(uri);
    this.#soon();
  }

  /** Updates may have been lost. */
  missed(): void {
    if (this.#entries.size === 0) return;
    this.#missed = true;
    this.#soon();
  }

  #soon(): void {
    this.#undo ??= this.#deps.timers.after(this.#deps.limits.relistMs, () => this.#tell());
  }

  #tell(): void {
    this.#undo = undefined;
    const news = [...this.#news];
    const missed = this.#missed;
    this.#news.clear();
    this.#missed = false;
    for (const [uri, { followers }] of [...this.#entries]) {
      const own = news.filter((changed) => concerns(uri, changed));
      // Told of itself it will read all of it again: its parts need not be named.
      const told = missed || own.includes(uri) ? [uri] : own;
      for (const changed of told) {
        for (const follower of [...followers]) if (followers.has(follower)) follower(changed);
      }
    }
  }

  close(): void {
    this.#line = undefined;
    this.#undo?.();
    this.#undo = undefined;
    this.#entries.clear();
    this.#news.clear();
    this.#followers = 0;
  }
}
