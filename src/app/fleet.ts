// The backends that run now. A reload replaces exactly those whose settings changed; the others do not notice.
import type { BackendId } from '../core/ids.ts';
import type { Backend, BackendStatus, Digest } from '../core/ports.ts';
import { Secret } from '../core/secret.ts';
import type { BackendSettings } from '../core/settings.ts';

interface Member {
  readonly backend: Backend;
  readonly fingerprint: string;
}

export interface FleetDeps {
  create(settings: BackendSettings): Backend;
  readonly digest: Digest;
  /** A backend that could not be made (`start`), or not be stopped cleanly, when another may serve its id already; the others are not held up. */
  readonly onFault: (id: BackendId, error: unknown, part: 'start' | 'stop') => void;
}

export class Fleet {
  readonly #deps: FleetDeps;
  readonly #members = new Map<BackendId, Member>();
  /** Replaced or removed ones, while the calls decided for them end. */
  readonly #draining = new Set<Member>();
  /** The same, until they are gone. */
  readonly #leaving = new Set<Promise<void>>();
  /** Each call asks, and the settings of one revision do not change. */
  readonly #fingerprints = new WeakMap<BackendSettings, string>();
  #stopped = false;

  constructor(deps: FleetDeps) {
    this.#deps = deps;
  }

  /** Starts what is new or changed and lets go of the rest. Returns at once: a slow backend delays nobody. */
  apply(wanted: readonly BackendSettings[], drained: (backend: Backend) => Promise<void>): void {
    // A reload that was under way when the end came would start processes that nobody ends.
    if (this.#stopped) return;
    const ids = new Set(wanted.map((settings) => settings.id));
    for (const [id, member] of this.#members) if (!ids.has(id)) this.#leave(id, member, drained);
    for (const settings of wanted) {
      const fingerprint = this.#fingerprintOf(settings);
      const running = this.#members.get(settings.id);
      if (running?.fingerprint === fingerprint) continue;
      if (running !== undefined) this.#leave(settings.id, running, drained);
      const backend = this.#create(settings);
      if (backend === undefined) continue;
      this.#members.set(settings.id, { backend, fingerprint });
      backend.start();
    }
  }

  /**
   * The one made from just these settings. A call decided by an older revision meets the backend it was decided for, while
   * that drains, or none: never what has taken its name since.
   */
  find(settings: BackendSettings): Backend | undefined {
    const fingerprint = this.#fingerprintOf(settings);
    const running = this.#members.get(settings.id);
    if (running?.fingerprint === fingerprint) return running.backend;
    for (const { backend, fingerprint: other } of this.#draining) if (backend.id === settings.id && other === fingerprint) return backend;
    return undefined;
  }

  /** Whether this very backend serves its id: one that was replaced goes on talking while its calls end. */
  runs(backend: Backend): boolean {
    return this.#members.get(backend.id)?.backend === backend;
  }

  statuses(): readonly BackendStatus[] {
    return [...this.#members.values()].map((member) => member.backend.status());
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    const members = [...this.#members];
    this.#members.clear();
    await Promise.all(members.map(([id, member]) => this.#stop(id, member.backend)));
    await Promise.all(this.#leaving);
  }

  /** After the swap of a reload a throw would leave it half applied: this one is absent, the rest go on. */
  #create(settings: BackendSettings): Backend | undefined {
    try {
      return this.#deps.create(settings);
    } catch (error) {
      this.#deps.onFault(settings.id, error, 'start');
      return undefined;
    }
  }

  #leave(id: BackendId, member: Member, drained: (backend: Backend) => Promise<void>): void {
    this.#members.delete(id);
    this.#draining.add(member);
    const gone = drained(member.backend).then(() => {
      this.#draining.delete(member);
      return this.#stop(id, member.backend);
    }).finally(() => this.#leaving.delete(gone));
    this.#leaving.add(gone);
  }

  #fingerprintOf(settings: BackendSettings): string {
    const known = this.#fingerprints.get(settings) ?? fingerprintOf(settings, this.#deps.digest);
    this.#fingerprints.set(settings, known);
    return known;
  }

  async #stop(id: BackendId, backend: Backend): Promise<void> {
    try {
      await backend.stop();
    } catch (error) {
      this.#deps.onFault(id, error, 'stop');
    }
  }
}

/** Equal settings, equal text; a changed secret changes it without appearing in it. What only the pipeline and the catalogue read is left out. */
export function fingerprintOf(settings: BackendSettings, digest: Digest): string {
  const { breaker, concurrency, idempotent, retries, aliases, hide, ...own } = settings;
  void [breaker, concurrency, idempotent, retries, aliases, hide];
  return digest(JSON.stringify(plain(own, digest)));
}

function plain(value: unknown, digest: Digest): unknown {
  if (value instanceof Secret) return { secret: digest(value.reveal()) };
  if (Array.isArray(value)) return value.map((item) => plain(item, digest));
  if (typeof value === 'object' && value !== null) return Object.entries(value).map(([key, item]) => [key, plain(item, digest)]);
  return value;
}
