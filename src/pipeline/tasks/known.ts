// Tasks of agents that are known here: for their lists, for a kill that must end them, and for what only memory can hold (results
// that came at once, questions of legacy backends). Bounded over all and per principal; a task that is not known here still lives
// at its backend, and its sealed id leads there.
import type { Target } from '../../core/call.ts';
import type { Timestamp } from '../../core/ids.ts';
import type { RawJson } from '../../core/json/scan.ts';
import type { Permit } from '../../core/permit.ts';
import type { Clock, Timers } from '../../core/ports.ts';
import { principalKey, type Principal } from '../../core/principal.ts';
import type { BoundsSettings } from '../../core/settings.ts';
import { isOver, type TaskStatus } from '../../relay/tasks.ts';
import type { Collector } from './collector.ts';

export interface KnownTask {
  /** As the agent knows it. */
  readonly id: string;
  readonly principal: Principal;
  readonly target: Target;
  /** The backend's own id, and when it says the task began. */
  readonly task: string;
  readonly born: string;
  /** What the task may be asked about with, and be ended with. About no other, and without what its call said. */
  readonly permit: Permit;
  /** False: there was no room for it. Nothing that outlives the request may hang on it, for nobody would end that. */
  readonly listed: boolean;
  /** When the gateway heard of it first. */
  readonly began: Timestamp;
  readonly until: Timestamp;
  /** As last seen. */
  status: TaskStatus;
  /** In words of 2025-11-25, for lists; a copy of its own. */
  item: RawJson | undefined;
  /** An agent of 2025-11-25 was told so, and then it MUST stay so, whatever its backend says later. */
  cancelled: boolean;
  /** Raw result that the gateway keeps for an agent that wanted a task. */
  hosted: RawJson | undefined;
  collector: Collector | undefined;
}

type NewTask = Omit<KnownTask, 'listed' | 'began' | 'status' | 'item' | 'cancelled' | 'hosted' | 'collector'>;
type TaskBounds = Pick<BoundsSettings, 'tasks' | 'tasksPerPrincipal' | 'taskBytes'>;
type Bound = 'tasks' | 'tasks_per_principal' | 'task_results';

export class KnownTasks {
  /** Tasks that were not begun or not listed, and results that were not kept, by the bound. */
  readonly hits: Record<Bound, number> = { tasks: 0, tasks_per_principal: 0, task_results: 0 };
  readonly #tasks = new Map<string, { readonly task: KnownTask; readonly owner: string }>();
  /** Of calls that may still become tasks. */
  readonly #reserved = new Map<symbol, string>();
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #past: (task: KnownTask) => void;
  #undo: (() => void) | undefined;

  /** `past`: the time of a task is over while it works; nobody can ask for it, or end it, any more. */
  constructor(deps: { readonly clock: Clock; readonly timers: Timers; readonly past: (task: KnownTask) => void }) {
    this.#clock = deps.clock;
    this.#timers = deps.timers;
    this.#past = deps.past;
  }

  get size(): number {
    this.#forgetPast();
    return this.#tasks.size;
  }

  /**
   * A place for the task that a call may become, until that call is over: what began at a backend must be known here, or a kill could
   * not end it. Undefined when there is none. The undo may be called twice.
   */
  reserve(principal: Principal, bounds: TaskBounds): (() => void) | undefined {
    const owner = principalKey(principal);
    if (!this.#hasRoom(owner, bounds)) return undefined;
    const place = Symbol('task');
    this.#reserved.set(place, owner);
    return () => void this.#reserved.delete(place);
  }

  /** Known from now on. For calls with a place. */
  enter(task: NewTask): KnownTask {
    const fresh = this.#fresh(task, true);
    this.#tasks.set(task.id, { task: fresh, owner: principalKey(task.principal) });
    this.#wake();
    return fresh;
  }

  /** One that is asked after: known already, or of before a restart. Where there is no room it is served, and not listed. */
  recall(task: NewTask, bounds: TaskBounds): KnownTask {
    const known = this.get(task.id);
    if (known !== undefined) return known;
    return this.#hasRoom(principalKey(task.principal), bounds) ? this.enter(task) : this.#fresh(task, false);
  }

  /** Whether a result of this principal may still be kept: each has its share, so that one cannot leave the others without. */
  mayHost(principal: Principal, bounds: TaskBounds): boolean {
    return this.#hostedBytes(principalKey(principal)) < bounds.taskBytes / SHARES;
  }

  /** Keeps a result, a copy of its own; false when it is too much, for its principal or for all. */
  host(task: KnownTask, result: RawJson, bounds: TaskBounds): boolean {
    const more = result.length - (task.hosted?.length ?? 0);
    const own = this.#hostedBytes(principalKey(task.principal)) + more;
    if (own > bounds.taskBytes / SHARES || this.#hostedBytes(undefined) + more > bounds.taskBytes) {
      this.hits.task_results += 1;
      return false;
    }
    task.hosted = result;
    return true;
  }

  get(id: string): KnownTask | undefined {
    const task = this.#tasks.get(id)?.task;
    return task !== undefined && task.until > this.#clock.wall() ? task : undefined;
  }

  /** Whether this very task is under way there for somebody else. */
  isOfAnother({ task, born }: Pick<KnownTask, 'task' | 'born'>, { target, principal }: Pick<KnownTask, 'target' | 'principal'>): boolean {
    const mine = principalKey(principal);
    return this.list().some((known) => known.task === task && known.born === born && known.target.backend === target.backend && !isOver(known.status) && principalKey(known.principal) !== mine);
  }

  /** In the order they began. */
  of(principal: Principal): readonly KnownTask[] {
    this.#forgetPast();
    const mine = principalKey(principal);
    return [...this.#tasks.values()].flatMap(({ task, owner }) => (owner === mine ? [task] : []));
  }

  list(): readonly KnownTask[] {
    this.#forgetPast();
    return [...this.#tasks.values()].map(({ task }) => task);
  }

  forget(id: string): void {
    const task = this.#tasks.get(id)?.task;
    if (task === undefined) return;
    this.#tasks.delete(id);
    task.collector?.end();
  }

  /** Nobody asks any more. */
  close(): void {
    this.#undo?.();
    for (const id of [...this.#tasks.keys()]) this.forget(id);
  }

  #fresh(task: NewTask, listed: boolean): KnownTask {
    return { ...task, listed, began: this.#clock.wall(), status: 'working', item: undefined, cancelled: false, hosted: undefined, collector: undefined };
  }

  /** What is over makes room, the oldest first: it stays at its backend, and its id leads there. A result that nobody else has stays. */
  #hasRoom(owner: string, bounds: TaskBounds): boolean {
    this.#forgetPast();
    const mine = (known: string): boolean => known === owner;
    const all = (): boolean => true;
    if (this.#count(mine) >= bounds.tasksPerPrincipal && !this.#drop(mine)) return this.#full('tasks_per_principal');
    return this.#count(all) < bounds.tasks || this.#drop(all) || this.#full('tasks');
  }

  #count(whose: (owner: string) => boolean): number {
    let count = 0;
    for (const { owner } of this.#tasks.values()) if (whose(owner)) count += 1;
    for (const owner of this.#reserved.values()) if (whose(owner)) count += 1;
    return count;
  }

  #drop(whose: (owner: string) => boolean): boolean {
    for (const [id, { task, owner }] of this.#tasks) {
      if (!whose(owner) || !isOver(task.status) || task.hosted !== undefined) continue;
      this.forget(id);
      return true;
    }
    return false;
  }

  #full(bound: Bound): false {
    this.hits[bound] += 1;
    return false;
  }

  /** Of one owner, or of all. */
  #hostedBytes(whose: string | undefined): number {
    let bytes = 0;
    for (const { task, owner } of this.#tasks.values()) if (whose === undefined || owner === whose) bytes += task.hosted?.length ?? 0;
    return bytes;
  }

  #forgetPast(): void {
    const now = this.#clock.wall();
    for (const [id, { task }] of this.#tasks) {
      if (task.until > now) continue;
      this.forget(id);
      if (!isOver(task.status) && task.hosted === undefined) this.#past(task);
    }
  }

  /** One timer for all of them, so that what works on unheard is ended although nobody looks. */
  #wake(): void {
    if (this.#undo !== undefined || this.#tasks.size === 0) return;
    this.#undo = this.#timers.after(SWEEP_MS, () => {
      this.#undo = undefined;
      this.#forgetPast();
      this.#wake();
    });
  }
}

/** Principals that results are kept for at the least. */
const SHARES = 4;
const SWEEP_MS = 5_000;
