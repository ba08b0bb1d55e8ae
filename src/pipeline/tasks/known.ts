// Tasks of agents that are known here: for their lists, for a kill that must end them, and for what only memory can hold (results
// that came at once, questions of legacy backends). Bounded over all and per principal; a task that is not known here still lives
// at its backend, and its sealed id leads there.
import type { Target } from '../../core/call.ts';
import type { Timestamp } from '../../core/ids.ts';
import type { RawJson } from '../../core/json/scan.ts';
import type { Permit } from '../../core/permit.ts';
import type { Clock } from '../../core/ports.ts';
import { principalKey, type Principal } from '../../core/principal.ts';
import type { BoundsSettings } from '../../core/settings.ts';
import { isOver, type TaskStatus } from '../../relay/tasks.ts';
import type { Collector } from './collector.ts';

export interface KnownTask {
  /** As the agent knows it. */
  readonly id: string;
  readonly principal: Principal;
  readonly target: Target;
  /** The backend's own id. */
  readonly task: string;
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
  #hostedBytes = 0;

  constructor(deps: { readonly clock: Clock }) {
    this.#clock = deps.clock;
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
    return fresh;
  }

  /** One that is asked after: known already, or of before a restart. Where there is no room it is served, and not listed. */
  recall(id: string, principal: Principal, bounds: TaskBounds, make: () => NewTask): KnownTask {
    const known = this.get(id);
    if (known !== undefined) return known;
    const task = make();
    return this.#hasRoom(principalKey(principal), bounds) ? this.enter(task) : this.#fresh(task, false);
  }

  /** Keeps a result, a copy of its own; false when it is too much for all of them. */
  host(task: KnownTask, result: RawJson, bounds: TaskBounds): boolean {
    const was = task.hosted?.length ?? 0;
    if (this.#hostedBytes - was + result.length > bounds.taskBytes) {
      this.hits.task_results += 1;
      return false;
    }
    this.#hostedBytes += result.length - was;
    task.hosted = result;
    return true;
  }

  get(id: string): KnownTask | undefined {
    const task = this.#tasks.get(id)?.task;
    return task !== undefined && task.until > this.#clock.wall() ? task : undefined;
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
    this.#hostedBytes -= task.hosted?.length ?? 0;
    task.collector?.end();
  }

  /** Nobody asks any more. */
  close(): void {
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

  #forgetPast(): void {
    const now = this.#clock.wall();
    for (const [id, { task: { until } }] of this.#tasks) if (until <= now) this.forget(id);
  }
}
