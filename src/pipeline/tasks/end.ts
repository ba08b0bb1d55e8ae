// Ends tasks at their backends: a task goes on after its call was answered, and a kill must reach it there. Takes no place among calls: agents
// that fill theirs must not hold a kill up.
import type { PipelineDeps } from '../deps.ts';
import { killOf } from '../dispatch.ts';
import { isOver } from '../../relay/tasks.ts';
import { pause } from '../attempt.ts';
import { isRefused, isUnknown, lookAt, step, type TaskPeer } from './ask.ts';
import type { KnownTask } from './known.ts';

export interface EndDeps extends Pick<PipelineDeps, 'tasks' | 'runtime' | 'backend' | 'timers' | 'clock' | 'onListenerFault'> {
  /** From now on nothing is tried again. */
  readonly stop?: AbortSignal;
  /** What came of it; not said of nothing. */
  readonly ended?: (end: TasksEnd) => void;
}

export interface TasksEnd {
  readonly why: 'kill' | 'expired';
  /** Their backends took the cancellation, or said that they were over. */
  readonly ended: readonly KnownTask[];
  /** Backends that were away, or refused, each time. */
  readonly left: readonly KnownTask[];
}

type Which = (task: KnownTask) => boolean;

/** Before each try. A backend that restarts is back within seconds. */
const PAUSES_MS: readonly number[] = [0, 1000, 5000, 30_000];
/** At one backend at once. */
const LANES = 8;
/** Whoever kills twice does not ask twice. */
const ENDING = new WeakSet<KnownTask>();

/** As many as are told to stop now. Those whose backend is away, or does not take it, are told again while the kill stands; until then they stay known. */
export function endTasks(which: Which, deps: EndDeps): number {
  const hit = working(which, deps);
  for (const { collector } of hit) collector?.end();
  const told = hit.filter((task) => peerOf(task, deps) !== undefined).length;
  endAll('kill', hit.filter((task) => !ENDING.has(task)), deps);
  return told;
}

/** As many as a kill would tell. */
export function countTasks(which: Which, deps: EndDeps): number {
  return working(which, deps).filter((task) => peerOf(task, deps) !== undefined).length;
}

/** One that works on although nobody can ask for it any more: its time is over. */
export function endTask(task: KnownTask, deps: EndDeps): void {
  endAll('expired', [task], deps);
}

function working(which: Which, { tasks }: EndDeps): readonly KnownTask[] {
  return tasks.list().filter((task) => !isOver(task.status) && task.hosted === undefined && which(task));
}

function endAll(why: TasksEnd['why'], tasks: readonly KnownTask[], deps: EndDeps): void {
  if (tasks.length === 0) return;
  for (const task of tasks) ENDING.add(task);
  tryAll(why, tasks, deps).then((end) => {
    if (end.ended.length + end.left.length > 0) deps.ended?.(end);
  }).catch(deps.onListenerFault).finally(() => {
    for (const task of tasks) ENDING.delete(task);
  });
}

async function tryAll(why: TasksEnd['why'], tasks: readonly KnownTask[], deps: EndDeps): Promise<TasksEnd> {
  const stop = deps.stop ?? new AbortController().signal;
  const ended: KnownTask[] = [];
  let left = tasks;
  for (const ms of PAUSES_MS) {
    if (ms > 0 && left.length > 0) await pause(ms, stop, deps.timers);
    // Undone meanwhile: then they may go on.
    if (ms > 0 && why === 'kill') left = left.filter(({ permit }) => killOf(permit.call, deps) !== undefined);
    if (left.length === 0 || stop.aborted) break;
    const failed = new Set<KnownTask>();
    await Promise.all([...Map.groupBy(left, ({ target }) => target.backend).values()].map((group) => inLanes(group, async (task) => {
      if (await tryOne(task, stop, deps)) ended.push(task);
      else failed.add(task);
    })));
    left = left.filter((task) => failed.has(task));
  }
  return { why, ended, left };
}

async function inLanes(tasks: readonly KnownTask[], each: (task: KnownTask) => Promise<void>): Promise<void> {
  const rest = tasks.values();
  const lane = async (): Promise<void> => {
    for (const task of rest) await each(task);
  };
  await Promise.all(Array.from({ length: Math.min(LANES, tasks.length) }, lane));
}

/** Looked at first: after a restart of its backend the id may be another's, whom nobody wants to end. */
async function tryOne(task: KnownTask, stop: AbortSignal, deps: EndDeps): Promise<boolean> {
  const peer = peerOf(task, deps);
  if (peer === undefined) return false;
  const looked = await lookAt(peer, stop);
  if (!looked.ok) return false;
  if (isRefused(looked.value) ? !isUnknown(looked.value) : !isOver(looked.value.status) && !await cancelled(peer, stop)) return false;
  // What it is from now on only its backend knows, for whoever may ask again later.
  if (deps.tasks.get(task.id) === task) deps.tasks.forget(task.id);
  return true;
}

/** Unknown here: it came to its end between the two requests. */
async function cancelled(peer: TaskPeer, stop: AbortSignal): Promise<boolean> {
  const answered = await step(peer, { verb: 'cancel', task: peer.task }, stop);
  return answered.ok && (answered.value.kind !== 'error' || isUnknown(answered.value));
}

/** Undefined: its backend is away, or has not said yet how it speaks. */
function peerOf({ target, permit, task, born }: KnownTask, { runtime, backend: find }: EndDeps): TaskPeer | undefined {
  const { settings, catalog } = runtime.current();
  const row = settings.backends.find(({ id }) => id === target.backend);
  const backend = row === undefined ? undefined : find(row);
  const era = catalog.byBackend.get(target.backend)?.era;
  return backend === undefined || era === undefined ? undefined : { backend, permit, era, task, born };
}
