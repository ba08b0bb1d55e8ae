// Looks after one task for all who listen: quietly, with a place like any call, and only while each of them may still see its tool. What it
// finds it does not tell: each listener hears it by a `tasks/get` of its own agent (watch.ts).
import { valueOf } from '../../core/json/compose.ts';
import { mayUse } from '../../core/policy/decide.ts';
import type { Told } from '../../relay/tasks.ts';
import { faultHealth, pause } from '../attempt.ts';
import type { PipelineDeps } from '../deps.ts';
import { isRefused, isUnknown, lookAt } from './ask.ts';
import { pollMs } from './settle.ts';
import { openTask } from './ids.ts';
import type { Principal } from '../../core/principal.ts';

export interface Listener {
  viewer(): Principal;
  /** Something is new. */
  news(): Promise<'same' | 'told' | 'later' | 'over'>;
  /** This agent has no such task any more. */
  gone(): void;
  /** It listens no more, whatever the reason. */
  over(): void;
}

interface Listening {
  readonly listener: Listener;
  /** What the last quiet look found that it heard of. */
  seen: string | undefined;
  /** Times in a row that it could not be told. */
  later: number;
}

const LEAST_MS = 1000;
const MOST_MS = 10_000;
/** Of a task that does not change the looks grow rarer. */
const SLOWER = 1.5;
/** Times in a row that it could not be asked after. */
const FAILED_MOST = 6;

export class TaskWatcher {
  readonly #id: string;
  readonly #deps: PipelineDeps;
  readonly #all = new Set<Listening>();
  readonly #stop = new AbortController();
  #nap = new AbortController();
  #wait = LEAST_MS;
  #failed = 0;

  constructor(id: string, deps: PipelineDeps) {
    this.#id = id;
    this.#deps = deps;
  }

  /** Nobody listens any more, and it is of no use to anybody who comes now. */
  get isOver(): boolean {
    return this.#stop.signal.aborted;
  }

  /** The undo may be called twice. */
  add(listener: Listener): () => void {
    const one: Listening = { listener, seen: undefined, later: 0 };
    this.#all.add(one);
    this.#wait = LEAST_MS;
    this.#nap.abort();
    return () => this.#drop(one);
  }

  /** Until nobody listens. */
  async run(): Promise<void> {
    try {
      while (this.#all.size > 0) {
        this.#nap = new AbortController();
        await pause(this.#wait, this.#nap.signal, this.#deps.timers);
        // Somebody came or went: the time begins anew.
        if (!this.#nap.signal.aborted) await this.#round();
      }
    } finally {
      for (const one of [...this.#all]) this.#drop(one);
    }
  }

  async #round(): Promise<void> {
    // Before anything is asked: what an operator forbade is no request of its agent, and no refusal on record.
    for (const one of [...this.#all]) if (!this.#maySee(one)) this.#gone(one);
    if (this.#all.size === 0) return;
    const found = await this.#look();
    this.#wait = Math.min(Math.max(typeof found === 'object' ? pollMs(found) : 0, this.#wait * SLOWER), MOST_MS);
    if (found === 'busy') return;
    this.#failed = found === 'failed' ? this.#failed + 1 : 0;
    if (found === 'gone' || this.#failed >= FAILED_MOST) for (const one of [...this.#all]) this.#gone(one);
    if (found === 'gone' || found === 'failed') return;
    const mark = found === 'unlisted' ? undefined : this.#markOf(found);
    for (const one of [...this.#all]) await this.#tell(one, mark);
  }

  /** `mark`: of what was found; undefined: nothing could be looked for. */
  async #tell(one: Listening, mark: string | undefined): Promise<void> {
    // Asked again for each: the others took their time.
    if (!this.#all.has(one) || (mark !== undefined && one.seen === mark)) return;
    if (!this.#maySee(one)) return this.#gone(one);
    const heard = await one.listener.news();
    if (!this.#all.has(one)) return;
    one.seen = heard === 'later' ? undefined : mark;
    one.later = heard === 'later' ? one.later + 1 : 0;
    if (heard === 'told') this.#wait = LEAST_MS;
    if (heard === 'over') this.#drop(one);
    else if (one.later >= FAILED_MOST || (mark === undefined && this.#deps.tasks.get(this.#id)?.listed !== true)) this.#gone(one);
  }

  #maySee({ listener }: Listening): boolean {
    const { runtime, clock } = this.#deps;
    const viewer = listener.viewer();
    const place = openTask(this.#id, viewer, this.#deps);
    return place.ok && mayUse(runtime.current().policy, viewer, place.value.target, clock.wall());
  }

  /** On no record, and charged to nobody; but it takes a place, and without one it is for the next time. */
  async #look(): Promise<Told | 'busy' | 'failed' | 'gone' | 'unlisted'> {
    const { runtime, tasks, leases, clock, backend: find } = this.#deps;
    const snapshot = runtime.current();
    const known = tasks.get(this.#id);
    if (known === undefined || !known.listed) return 'unlisted';
    const { target, permit, task, born } = known;
    const row = snapshot.settings.backends.find((one) => one.id === target.backend);
    const backend = row === undefined ? undefined : find(row);
    const era = snapshot.catalog.byBackend.get(target.backend)?.era;
    if (row === undefined || backend === undefined || era === undefined) return 'failed';
    const lease = leases.take(permit.call, snapshot, row, clock.mono(), true);
    if (!lease.ok) return lease.error.code === 'busy' ? 'busy' : 'failed';
    try {
      const looked = await lookAt({ backend, permit, era, task, born }, this.#stop.signal);
      lease.value.report(looked.ok ? 'success' : faultHealth(looked.error));
      if (!looked.ok) return 'failed';
      if (!isRefused(looked.value)) return looked.value;
      if (!isUnknown(looked.value)) return 'failed';
      tasks.forget(this.#id);
      return 'gone';
    } finally {
      lease.value.release();
    }
  }

  /** What makes a difference; what a legacy backend asks is known to whoever listens for it. */
  #markOf({ status, members: all, requests }: Told): string {
    const asked = this.#deps.tasks.get(this.#id)?.collector?.list() ?? [];
    return this.#deps.digest([status, valueOf(all, 'statusMessage') ?? '', ...requests.keys(), ...asked.map(([key]) => key)].join('\n'));
  }

  #gone(one: Listening): void {
    this.#drop(one);
    one.listener.gone();
  }

  #drop(one: Listening): void {
    if (!this.#all.delete(one)) return;
    one.listener.over();
    if (this.#all.size > 0) return;
    this.#nap.abort();
    this.#stop.abort('agent');
  }
}
