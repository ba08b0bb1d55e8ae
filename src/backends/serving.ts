// One agent's call while a backend serves it: who may be asked because of it, and what it may still be told. Ends with the call.
import type { RequestCall } from '../core/call.ts';
import { principalKey } from '../core/principal.ts';
import type { CallIo } from '../core/ports.ts';
import type { Deadline } from './deadline.ts';

export interface Serving {
  /** Of whom: two calls of one principal do not endanger each other. */
  readonly owner: string;
  readonly ask: CallIo['ask'];
  readonly log: CallIo['onLog'];
}

/** A call in flight, as the desk of questions sees it. */
export interface Served extends Serving {
  readonly deadline: Deadline;
  /** Fires when the call has ended, however it did. */
  readonly ended: AbortSignal;
}

export function servingOf(call: RequestCall, io: CallIo): Serving {
  // Completion has no place for questions (2026-07-28 MRTR; SEP-2260).
  const ask = call.kind === 'completion' ? undefined : io.ask;
  return { owner: principalKey(call.principal), ask, log: io.onLog };
}
