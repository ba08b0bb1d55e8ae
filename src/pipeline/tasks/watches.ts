// What is watched for agents now: one watcher per task, however many streams name it; and the limits of what the gateway asks for itself.
import { WINDOW_MS } from '../../core/policy/limits.ts';
import { WindowTable } from '../../core/policy/window.ts';
import type { TaskWatcher } from './watcher.ts';

const BUCKETS = 60;
const KEYS_MOST = 16_384;

export class TaskWatches {
  /** By the id that the agent knows. */
  readonly byTask: Map<string, TaskWatcher> = new Map();
  /** As strict as the agent's own, and apart from them: what the gateway does by itself must not use up what its agent may do. */
  readonly windows: WindowTable = table();
  readonly probes: WindowTable = table();
}

function table(): WindowTable {
  return new WindowTable({ windowMs: WINDOW_MS, buckets: BUCKETS, maxKeys: KEYS_MOST });
}
