// What is watched for agents now: one watcher per task, however many streams name it; and the limits of what the gateway asks for itself.
import { limitWindows } from '../../core/policy/limits.ts';
import type { WindowTable } from '../../core/policy/window.ts';
import type { TaskWatcher } from './watcher.ts';

const KEYS_MOST = 16_384;

export class TaskWatches {
  /** By the id that the agent knows. */
  readonly byTask: Map<string, TaskWatcher> = new Map();
  /** As strict as the agent's own, and apart from them: what the gateway does by itself must not use up what its agent may do. */
  readonly windows: WindowTable = limitWindows(KEYS_MOST);
  readonly probes: WindowTable = limitWindows(KEYS_MOST);
}
