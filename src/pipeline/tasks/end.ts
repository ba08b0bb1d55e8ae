// Ends tasks at their backends: a task goes on after its call was answered, and a kill must reach it there.
import type { PipelineDeps } from '../deps.ts';
import { isOver } from '../../relay/tasks.ts';
import { endAtBackend } from './ask.ts';
import type { KnownTask } from './known.ts';

export type EndDeps = Pick<PipelineDeps, 'tasks' | 'runtime' | 'backend'>;

/** As many as were told to stop. A backend may take its time, or refuse; what comes of it is asked for by nobody any more. */
export function endTasks(which: (task: KnownTask) => boolean, { tasks, runtime, backend }: EndDeps): number {
  const hit = tasks.list().filter((task) => !isOver(task.status) && task.hosted === undefined && which(task));
  for (const task of hit) {
    // What it is from now on only its backend knows, for whoever may ask again later.
    tasks.forget(task.id);
    endTask(task, { runtime, backend });
  }
  return hit.length;
}

/** One that works on although nobody can ask for it any more. */
export function endTask({ target, permit, task }: KnownTask, { runtime, backend }: Omit<EndDeps, 'tasks'>): void {
  const row = runtime.current().settings.backends.find(({ id }) => id === target.backend);
  const at = row === undefined ? undefined : backend(row);
  if (at !== undefined) endAtBackend({ backend: at, permit, task });
}
