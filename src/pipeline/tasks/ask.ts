// One question to a backend about a task of its own, and its answer, read. What an agent is told is not known here.
import type { Era } from '../../core/call.ts';
import type { RawJson } from '../../core/json/scan.ts';
import { members, safeIntegerOf, stringOf } from '../../core/json/slice.ts';
import type { Permit } from '../../core/permit.ts';
import type { Backend, BackendAnswer, BackendFault, CallIo, TaskStep } from '../../core/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { CODE } from '../../relay/rpc.ts';
import { readTold, type Told } from '../../relay/tasks.ts';
import { failedClient } from '../attempt.ts';
import type { DispatchDeps } from '../dispatch.ts';

export interface TaskPeer {
  readonly backend: Backend;
  readonly permit: Permit;
  readonly era: Era;
  /** The backend's own id. */
  readonly task: string;
  /** Its `createdAt`. */
  readonly born: string;
  /** For the request of an agent that all this is for: what the gateway asks of its own accord is none of it. */
  readonly sent?: CallIo['sent'];
}

export type AskDeps = Pick<DispatchDeps, 'clock' | 'timers' | 'runtime'>;
export type Refused = Extract<BackendAnswer, { kind: 'error' }>;
export type Answered = Result<BackendAnswer, BackendFault>;

const QUIET = { onProgress: undefined, onLog: undefined, ask: undefined } as const;

/** A throw is a bug of ours, and ends on record like any fault. */
export async function step({ backend, permit, sent }: Pick<TaskPeer, 'backend' | 'permit' | 'sent'>, what: TaskStep, signal: AbortSignal): Promise<Answered> {
  try {
    return await backend.task(permit, what, { signal, ...QUIET, sent });
  } catch (error) {
    return failedClient(error);
  }
}

/** Its agent does not wait for that, and it must outlive the request. */
export function endAtBackend(peer: Pick<TaskPeer, 'backend' | 'permit' | 'task'>): void {
  void step(peer, { verb: 'cancel', task: peer.task }, new AbortController().signal);
}

/** `tasks/get`: what the backend tells, or the error it says instead. */
export async function lookAt(peer: TaskPeer, signal: AbortSignal): Promise<Result<Told | Refused, BackendFault>> {
  return toldIn(await step(peer, { verb: 'get', task: peer.task }, signal), peer);
}

/** A task in the answer to `tasks/get`, or to `tasks/cancel` of 2025-11-25. */
export function toldIn(answered: Answered, { era, task, born }: TaskPeer): Result<Told | Refused, BackendFault> {
  if (!answered.ok) return answered;
  if (answered.value.kind === 'error') return ok(answered.value);
  const told = readTold(answered.value.raw, era);
  // An answer about another task must not be shown under this one's name.
  if (told?.task !== task) return err({ code: 'protocol', detail: 'an answer that is not about this task' });
  // The same id, begun at another time: its backend has forgotten the one and given the id to another, whoever's that is.
  return ok(told.born === born ? told : FORGOTTEN);
}

const FORGOTTEN: Refused = { kind: 'error', code: CODE.invalidParams, message: 'Unknown task', data: undefined };

export function isRefused(value: Told | Refused): value is Refused {
  return 'kind' in value;
}

/** -32602 by both forms; what does not know the method has no tasks any more. All else may pass, and must not be told as the end of a task. */
const UNKNOWN_CODES: readonly number[] = [CODE.invalidParams, CODE.methodNotFound];

export function isUnknown({ code }: Refused): boolean {
  return UNKNOWN_CODES.includes(code);
}

/** The result of a task that is over, in one shape whatever form its backend speaks. */
export async function endOf(peer: TaskPeer, told: Told, io: Pick<CallIo, 'signal'>): Promise<Answered> {
  if (told.status === 'cancelled') return ok(CANCELLED);
  if (peer.era === 'legacy') return step(peer, { verb: 'result', task: peer.task }, io.signal);
  if (told.result !== undefined) return ok({ kind: 'result', raw: told.result });
  return told.error === undefined ? err({ code: 'protocol', detail: 'a task that is over, and says neither result nor error' }) : ok(errorIn(told.error));
}

export const CANCELLED: Refused = { kind: 'error', code: CODE.internal, message: 'The task was cancelled', data: undefined };

function errorIn(raw: RawJson): Refused {
  const all = members(raw);
  return { kind: 'error', code: safeIntegerOf(all?.get('code')) ?? CODE.internal, message: stringOf(all?.get('message')) ?? '', data: all?.get('data') };
}
