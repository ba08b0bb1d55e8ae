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
import type { TaskStatus } from '../../relay/tasks.ts';
import type { Collector } from './collector.ts';

export interface KnownTask {
  /** As the agent knows it. */
  readonly id: string;
  readonly principal: Principal;
  readonly target: Target;
  /** The backend's own id. */
  readonly task: string;
  /** What the task may be asked about with, and be ended with. */
  readonly permit: Permit;
  /** When the gateway heard of it first. */
  readonly began: Timestamp;
  readonly until: Timestamp;
  status: TaskStatus;
  /** In words of 2025-11-25, for lists; a copy of its own. */
  item: RawJson | undefined;
  /** An agent of 2025-11-25 was told so, and then it MUST stay so, whatever its backend says later. */
  cancelled: boolean;
  /** Raw result that the gateway keeps for an agent that wanted a task. */
  hosted: RawJson | undefined;
  collector: Collector | undefined;
  /** Questions of one task never share a key, however often they are collected anew. */
  collections: number;
}

type TaskBounds = Pick<BoundsSettings, 'tasks' | 'tasksPerPrincipal' | 'taskBytes'>;

export class KnownTasks {
  readonly #tasks = new Map<string, KnownTask>();
  readonly #clock: Clock;
  #hostedBytes = 0;
  #refused = 0;

  constructor(deps: { readonly clock: Clock }) {
    this.#clock = deps.clock;
  }

  get size(): number {
    this.#forgetPast();
    return this.#tasks.size;
  }

  /** Tasks that were not begun, or results that were not kept, for lack of room. */
  get refused(): number {
    return this.#refused;
  }

  /** Whether one more of this principal may be begun. */
  hasRoom(principal: Principal, bounds: TaskBounds): boolean {
    this.#forgetPast();
    const room = this.#tasks.size < bounds.tasks && this.of(principal).length < bounds.tasksPerPrincipal;
    if (!room) this.#refused += 1;
    return room;
  }

  /** Remembered from now on; the one that is known already wins. Undefined when there is no room: it is served, and not listed. */
  add(task: Omit<KnownTask, 'began' | 'status' | 'item' | 'cancelled' | 'hosted' | 'collector' | 'collections'>, bounds: TaskBounds): KnownTask {
    const known = this.#tasks.get(task.id);
    if (known !== undefined) return known;
    const fresh: KnownTask = { ...task, began: this.#clock.wall(), status: 'working', item: undefined, cancelled: false, hosted: undefined, collector: undefined, collections: 0 };
    if (this.hasRoom(task.principal, bounds)) this.#tasks.set(task.id, fresh);
    return fresh;
  }

  /** Keeps a result; false when it is too much for all of them. */
  host(task: KnownTask, result: RawJson, bounds: TaskBounds): boolean {
    if (this.#hostedBytes + result.length > bounds.taskBytes) {
      this.#refused += 1;
      return false;
    }
    this.#hostedBytes += result.length;
    task.hosted = result;
    return true;
  }

  get(id: string): KnownTask | undefined {
    const task = this.#tasks.get(id);
    return task !== undefined && task.until > this.#clock.wall() ? task : undefined;
  }

  /** In the order they began. */
  of(principal: Principal): readonly KnownTask[] {
    const owner = principalKey(principal);
    return this.list().filter((task) => principalKey(task.principal) === owner);
  }

  list(): readonly KnownTask[] {
    this.#forgetPast();
    return [...this.#tasks.values()];
  }

  forget(id: string): void {
    const task = this.#tasks.get(id);
    if (task === undefined) return;
    this.#tasks.delete(id);
    this.#hostedBytes -= task.hosted?.length ?? 0;
    task.collector?.end();
  }

  /** Nobody asks any more. */
  close(): void {
    for (const id of [...this.#tasks.keys()]) this.forget(id);
  }

  #forgetPast(): void {
    const now = this.#clock.wall();
    for (const [id, { until }] of this.#tasks) if (until <= now) this.forget(id);
  }
}
