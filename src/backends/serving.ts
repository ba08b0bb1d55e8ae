// One agent's call while a backend serves it: who may be asked because of it, and what it may still be told. Ends with the call.
import { principalKey } from '../core/principal.ts';
import type { CallIo } from '../core/ports.ts';
import type { Errand } from './admitted.ts';
import type { Deadline } from './deadline.ts';

export interface Serving {
  /** Of whom: two calls of one principal do not endanger each other. */
  readonly owner: string;
  /** The backend's id of the task whose end is waited for: its questions name it (2025-11-25). */
  readonly task: string | undefined;
  /** Its answer may be a task. */
  readonly begins: boolean;
  readonly ask: CallIo['ask'];
  readonly log: CallIo['onLog'];
}

/** A call in flight, as the desk of questions sees it. */
export interface Served extends Serving {
  readonly deadline: Deadline;
  /** Fires when the call has ended, however it did. */
  readonly ended: AbortSignal;
}

/** Undefined: nothing can be asked because of it. */
export function servingOf({ call, step }: Errand, io: CallIo): Serving | undefined {
  if (step !== undefined && step.verb !== 'result') return undefined;
  // Completion has no place for questions (2026-07-28 MRTR; SEP-2260).
  const ask = call.kind === 'completion' ? undefined : io.ask;
  return { owner: principalKey(call.principal), task: step?.task, begins: step === undefined && call.kind === 'tool' && call.task !== undefined, ask, log: io.onLog };
}
