// The beginning of a task: a handle for the agent that takes one; or the waiting for its end, where the agent takes results only.
import type { ToolCall } from '../../core/call.ts';
import type { Permit } from '../../core/permit.ts';
import type { Backend, BackendFault, CallIo } from '../../core/ports.ts';
import { timestamp } from '../../core/ids.ts';
import { rfc3339 } from '../../core/rfc3339.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { copyOf } from '../../core/json/raw.ts';
import type { RawJson } from '../../core/json/scan.ts';
import { CODE } from '../../relay/rpc.ts';
import { readCreated, type Told } from '../../relay/tasks.ts';
import { taskPermit } from '../admit.ts';
import type { PipelineDeps } from '../deps.ts';
import type { Dialogue } from '../questions/dialogue.ts';
import { spokenBy } from '../questions/asking.ts';
import type { Screened } from '../screen.ts';
import { type Answered, type AskDeps, endAtBackend, type TaskPeer } from './ask.ts';
import { settled } from './settle.ts';
import { sealTask } from './ids.ts';
import type { KnownTask } from './known.ts';
import { hostedTold, remember, tellCreated, type Teller, ttlOf } from './tell.ts';

export interface Beginning extends Teller {
  readonly call: ToolCall;
  readonly permit: Permit;
}

type CreatedDeps = Pick<PipelineDeps, 'tasks' | 'taskSeal' | 'digest' | 'clock' | 'random'>;

/** How long a result is kept for who does not say how long. It is there already, and takes the room of others. */
const HOSTED_MS = 600_000;
const NO_TASK: BackendFault = { code: 'protocol', detail: 'a task that cannot be read' };
const NO_ROOM: Screened = { kind: 'own_error', code: CODE.internal, message: 'Done, and its result cannot be kept: too many results wait already' };

/** `answer`: the backend's, with a task in it. */
export function taskCreated(answer: RawJson, beginning: Beginning, deps: CreatedDeps): Result<Screened, BackendFault> {
  const told = readCreated(answer, spokenBy(beginning.call, beginning.snapshot).era);
  if (told === undefined) return err(NO_TASK);
  // It would let one agent read and end what another began.
  if (deps.tasks.isOfAnother(told, beginning.call)) return err({ code: 'protocol', detail: 'a task id that is in use' });
  const known = begin(told, false, beginning, deps);
  remember(told, known, beginning);
  return ok({ kind: 'own', body: tellCreated(told, known, answer, beginning), end: 'task_created', isError: false });
}

/** The backend answered at once an agent whose form has no place for that: the gateway keeps the result (4.13). */
export function taskHosted(result: RawJson, beginning: Beginning, deps: CreatedDeps): Screened {
  const { snapshot, call } = beginning;
  const ttlMs = Math.min(call.task?.ttlMs ?? HOSTED_MS, snapshot.settings.bounds.taskMs);
  const told = hostedTold(result, deps.random.token(16), rfc3339(deps.clock.wall()), ttlMs);
  const known = begin(told, true, beginning, deps);
  // A copy: the message it came in may be larger than what is counted.
  if (!deps.tasks.host(known, copyOf(result), snapshot.settings.bounds)) {
    deps.tasks.forget(known.id);
    return NO_ROOM;
  }
  remember(told, known, beginning);
  return { kind: 'own', body: tellCreated({ ...told, status: 'working' }, known, undefined, beginning), end: 'task_created', isError: false };
}

function begin(told: Told, hosted: boolean, { call, permit, snapshot }: Beginning, deps: CreatedDeps): KnownTask {
  const until = timestamp(deps.clock.wall() + ttlOf(told, snapshot));
  const { target, principal } = call;
  const { task, born } = told;
  const id = sealTask({ target, task, born, hosted, until }, principal, deps);
  return deps.tasks.enter({ id, principal, target, task, born, permit: taskPermit(permit, { exposed: id, task, born, until }), until });
}

/** In the place of an agent that takes no tasks; what is given up is ended at the backend too. */
export async function taskAwaited(answered: Answered, backend: Backend, { permit, snapshot }: Pick<Beginning, 'permit' | 'snapshot'>, io: CallIo & { readonly dialogue: Dialogue }, deps: AskDeps): Promise<Answered> {
  const { call } = permit;
  if (!answered.ok || answered.value.kind !== 'task' || call.kind !== 'tool' || call.task?.taker !== 'gateway') return answered;
  const { era } = spokenBy(call, snapshot);
  const told = readCreated(answered.value.raw, era);
  if (told === undefined) return err(NO_TASK);
  const peer: TaskPeer = { backend, permit, era, task: told.task, born: told.born };
  const end = await settled(peer, { dialogue: io.dialogue, io, atMostMs: ttlOf(told, snapshot), seen: () => undefined }, deps);
  if (!end.ok) endAtBackend(peer);
  return end;
}

/** A task that came when its agent had gone: nobody asks for its end, so it is ended. */
export function endUnheard(answered: Answered, { backend, permit, snapshot }: Pick<Beginning, 'permit' | 'snapshot'> & { readonly backend: Backend }): void {
  const { call } = permit;
  if (!answered.ok || answered.value.kind !== 'task' || call.kind !== 'tool') return;
  const told = readCreated(answered.value.raw, spokenBy(call, snapshot).era);
  if (told !== undefined) endAtBackend({ backend, permit, task: told.task });
}
