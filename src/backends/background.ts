// Tasks that go on at a backend after the call that began them was answered: as long as one works, what the backend says without naming
// anybody may be about it, and is nobody else's (T91, T101). Knows no agent and cancels nothing.
import type { BackendReply, Clock, TaskStep } from '../core/ports.ts';
import type { RawJson } from '../core/json/scan.ts';
import { kindOf, members, safeIntegerOf, stringOf } from '../core/json/slice.ts';
import { detached } from '../core/text.ts';

/** What was given up, or is not heard of, may still be worked at, and asked about. An SDK stops at once; so long nobody else is asked instead. */
export const DOUBT_MS = 600_000;
/** A task that nobody looks at is in doubt no longer, however long it is kept: most are over long before. */
const WORKS_MS = 3_600_000;
const MOST_TASKS = 1024;
const TASK_ID_MOST = 1024;
/** Of tasks for which there was no room: anybody's. */
const UNNAMED = '';
const ENDS: ReadonlySet<string | undefined> = new Set(['completed', 'failed', 'cancelled']);

interface Working {
  /** Undefined: of anybody. */
  readonly owner: string | undefined;
  readonly until: number;
}

export class BackgroundTasks {
  readonly #clock: Clock;
  /** By the backend's own id. */
  readonly #working = new Map<string, Working>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A call of this principal was answered so: the task it became, if it did. */
  begun(raw: RawJson, owner: string): string | undefined {
    const all = members(raw);
    const flat = stringOf(all?.get('resultType')) === 'task' ? raw : all?.get('task');
    if (flat === undefined || kindOf(flat) !== 'object' || all?.has('content') === true) return undefined;
    const { task, isOver, lastsMs } = read(flat);
    if (task === undefined || isOver) return undefined;
    const known = this.#working.get(task);
    const isFull = known === undefined && this.#working.size >= MOST_TASKS;
    const isOwn = !isFull && (known === undefined || known.owner === owner);
    this.#working.set(isFull ? UNNAMED : detached(task), { owner: isOwn ? owner : undefined, until: this.#clock.mono() + lastsMs });
    return task;
  }

  /** What its backend says of a task, asked or not: it is over, or works on. */
  told(raw: RawJson | undefined): void {
    if (raw === undefined) return;
    const { task, isOver, lastsMs } = read(raw);
    const known = task === undefined ? undefined : this.#working.get(task);
    if (task === undefined || known === undefined) return;
    if (isOver) this.over(task);
    else this.#working.set(task, { ...known, until: this.#clock.mono() + lastsMs });
  }

  /** What came back from a step about one. The extension acknowledges a cancel, and promises nothing. */
  answered({ verb, task }: TaskStep, reply: BackendReply): void {
    const known = this.#working.get(task);
    if (known === undefined || reply.kind !== 'result') return;
    if (verb === 'cancel') this.#working.set(task, { ...known, until: Math.min(known.until, this.#clock.mono() + DOUBT_MS) });
    this.told(reply.raw);
  }

  /** `tasks/result` was answered. */
  over(task: string): void {
    this.#working.delete(task);
  }

  /** Whether anybody else has one that works, as far as is known. */
  hasOther(owner: string): boolean {
    const now = this.#clock.mono();
    for (const [task, working] of this.#working) {
      if (working.until <= now) this.#working.delete(task);
      else if (working.owner !== owner) return true;
    }
    return false;
  }
}

interface Read {
  readonly task: string | undefined;
  readonly isOver: boolean;
  readonly lastsMs: number;
}

/** In the words of either form. */
function read(raw: RawJson): Read {
  const all = members(raw);
  const id = stringOf(all?.get('taskId'));
  const ttl = all?.get('ttl') ?? all?.get('ttlMs');
  const saidMs = safeIntegerOf(ttl);
  return {
    task: id === undefined || id === UNNAMED || id.length > TASK_ID_MOST ? undefined : id,
    isOver: ENDS.has(stringOf(all?.get('status'))),
    lastsMs: Math.min(Math.max(saidMs ?? WORKS_MS, DOUBT_MS), WORKS_MS),
  };
}
