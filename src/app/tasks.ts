// The tasks that the gateway knows, and how it ends them by itself; what came of that is on record.
import { targetKey } from '../core/call.ts';
import type { LifecycleEvent } from '../core/lifecycle.ts';
import { countTasks, type EndDeps, endTask, endTasks, type TasksEnd } from '../pipeline/tasks/end.ts';
import { type KnownTask, KnownTasks } from '../pipeline/tasks/known.ts';
import type { AppDeps } from './deps.ts';

export interface Tasks {
  readonly tasks: KnownTasks;
  /** Ends at their backends the tasks that are hit; how many are told. */
  endTasks(which: (task: KnownTask) => boolean): number;
  /** How many would be. */
  countTasks(which: (task: KnownTask) => boolean): number;
  close(): void;
}

type TasksDeps = Pick<AppDeps, 'clock' | 'timers' | 'random'> & Pick<EndDeps, 'runtime' | 'backend' | 'onListenerFault'> & {
  announce(event: LifecycleEvent): Promise<void>;
};

export function openTasks(deps: TasksDeps): Tasks {
  const stop = new AbortController();
  const tasks: KnownTasks = new KnownTasks({ ...deps, past: (task) => endTask(task, ends) });
  const ended = (end: TasksEnd): void => {
    const base = { id: deps.random.uuid(), wall: deps.clock.wall(), by: 'system', revision: deps.runtime.current().revision };
    deps.announce({ ...base, ...wordsOf(end) }).catch(deps.onListenerFault);
  };
  const ends: EndDeps = { ...deps, tasks, stop: stop.signal, ended };
  return {
    tasks,
    endTasks: (which) => endTasks(which, ends),
    countTasks: (which) => countTasks(which, ends),
    close: () => {
      stop.abort();
      tasks.close();
    },
  };
}

/** A record has room for these. */
const NAMED_TASKS = 64;
const NAMED_CHARS = 200;

function wordsOf({ why, ended, left }: TasksEnd): Pick<Extract<LifecycleEvent, { kind: 'tasks_ended' }>, 'kind' | 'why' | 'ended' | 'left' | 'tasks'> {
  const named = [...left, ...ended].slice(0, NAMED_TASKS).map(({ target, task }) => `${targetKey(target)} ${task}`.slice(0, NAMED_CHARS));
  return { kind: 'tasks_ended', why, ended: ended.length, left: left.length, tasks: named };
}
