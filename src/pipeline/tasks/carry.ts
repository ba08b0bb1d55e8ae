// Requests about a task, carried out: each verb of each form towards a backend of either. The table of protocol reference 4.13.
import type { TaskCall } from '../../core/call.ts';
import type { RawJson } from '../../core/json/scan.ts';
import type { BackendFault } from '../../core/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import type { Question } from '../../core/capabilities.ts';
import { CODE } from '../../relay/rpc.ts';
import { acknowledged, isOver, type Told } from '../../relay/tasks.ts';
import type { PipelineDeps } from '../deps.ts';
import type { MakeIo } from '../make.ts';
import { type Ended, screen, type Screened } from '../screen.ts';
import { type Answered, type AskDeps, CANCELLED, endOf, isRefused, isUnknown, lookAt, type Refused, step, type TaskPeer, toldIn } from './ask.ts';
import { questions, replied } from './asked.ts';
import { settled } from './settle.ts';
import type { KnownTask } from './known.ts';
import { inlinedEnd, isErrorIn, remember, tell, type Teller, ttlOf } from './tell.ts';

export interface Work extends Teller {
  readonly call: TaskCall;
  readonly peer: TaskPeer;
  readonly known: KnownTask;
  readonly io: MakeIo;
}

type Carried = Result<Screened, BackendFault>;
export type CarryDeps = AskDeps & Pick<PipelineDeps, 'random' | 'tasks' | 'leases'>;

export async function carry(work: Work, deps: CarryDeps): Promise<Carried> {
  const carried = await byVerb(work, deps);
  // Its backend has forgotten it, by its own word to a look: then it is not to be listed, counted or ended.
  if (carried.ok && carried.value === UNKNOWN_TASK) deps.tasks.forget(work.known.id);
  return carried;
}

function byVerb(work: Work, deps: CarryDeps): Promise<Carried> {
  switch (work.call.verb) {
    case 'get': return get(work, deps);
    case 'result': return result(work, deps);
    case 'update': return update(work);
    case 'cancel': return cancel(work);
  }
}

/** The same bytes whether it never was, is forgotten by its backend, or is somebody else's (SEC49). */
export const UNKNOWN_TASK: Screened = { kind: 'own_error', code: CODE.invalidParams, message: 'Unknown task' };
export const OVER_ALREADY: Screened = { kind: 'own_error', code: CODE.invalidParams, message: 'The task is over already' };
const NOT_ASKED: Screened = { kind: 'own_error', code: CODE.internal, message: 'These questions are not open any more: look at the task again' };
const NO_PLACE: Screened = { kind: 'own_error', code: CODE.internal, message: 'Too many tasks: this one asks something, and cannot be listened to until some are over' };

function said(body: RawJson, isError: boolean = false): Carried {
  return ok({ kind: 'own', body, end: 'answered', isError });
}

function ack({ identity }: Work): Carried {
  return said(acknowledged(identity));
}

/** What its backend says now; or what is answered instead. Only its word that there is no such task makes it an unknown one. */
async function look({ peer, known, io, ...work }: Work): Promise<Result<Told | Screened, BackendFault>> {
  const looked = await lookAt(peer, io.signal);
  if (!looked.ok) return looked;
  if (isRefused(looked.value)) return ok(instead(looked.value));
  remember(looked.value, known, work);
  return ok(looked.value);
}

function instead(refused: Refused): Screened {
  return isUnknown(refused) ? UNKNOWN_TASK : refused;
}

function isTold(value: Told | Screened): value is Told {
  return !('kind' in value);
}

async function get(work: Work, deps: CarryDeps): Promise<Carried> {
  const looked = await look(work);
  if (!looked.ok) return looked;
  if (!isTold(looked.value)) return ok(looked.value);
  return shown(looked.value, work, deps);
}

/** As `tasks/get` tells it to this agent. */
async function shown(told: Told, work: Work, deps: CarryDeps): Promise<Carried> {
  if (work.call.origin.era === 'legacy') return said(tell(told, work.known, {}, work));
  if (told.status === 'input_required') {
    const requests = await questions(told, work, deps);
    if (requests === undefined) return ok(NO_PLACE);
    return isEnded(requests) ? unanswerable(requests, told, work) : said(tell(told, work.known, { requests }, work));
  }
  if (told.status === 'completed' || told.status === 'failed') return over(told, work);
  return said(tell(told, work.known, {}, work));
}

/** With its result, which a legacy backend is asked for. */
async function over(told: Told, work: Work): Promise<Carried> {
  const ended = screenEnd(await endOf(work.peer, told, work.io), work);
  if (!ended.ok) return ended;
  const inlined = inlinedEnd(ended.value, work);
  return said(tell(told, work.known, inlined.inlined, work, inlined.status), isErrorIn(inlined.inlined));
}

/** Within the bounds of any result, and one: a task that is over asks for nothing more. */
function screenEnd(ended: Answered, { snapshot }: Work): Result<Ended, BackendFault> {
  const screened = screen(ended, snapshot.settings.bounds.resultBytes);
  if (!screened.ok) return screened;
  const { value } = screened;
  if (value.kind === 'error' || (value.kind === 'result' && !value.asks)) return ok(value);
  return err({ code: 'protocol', detail: 'a task that is over, without a result' });
}

/** It waits for what nobody will say, and there is no word for that but an end. */
async function unanswerable(why: Ended, told: Told, work: Work): Promise<Carried> {
  await step(work.peer, { verb: 'cancel', task: work.peer.task }, work.io.signal);
  const { status, inlined } = inlinedEnd(why, work);
  return said(tell(told, work.known, inlined, work, status), isErrorIn(inlined));
}

function isEnded(value: ReadonlyMap<string, Question> | Ended): value is Ended {
  return 'kind' in value;
}

/** Blocks until the task is over (2025-11-25); asks on this request's stream meanwhile. */
async function result(work: Work, deps: CarryDeps): Promise<Carried> {
  const { peer, known, io, snapshot } = work;
  // It was told that the task is cancelled, and a backend that goes on with it changes nothing about that.
  if (known.cancelled) return ok(CANCELLED);
  const looked = await look(work);
  if (!looked.ok) return looked;
  if (!isTold(looked.value)) return ok(looked.value);
  const ended = await settled(peer, { dialogue: io.dialogue, io, atMostMs: ttlOf(looked.value, snapshot), seen: (told) => remember(told, known, work) }, deps);
  const screened = screenEnd(ended, work);
  return screened.ok ? ok(screened.value) : screened;
}

/** Looked at first: an answer must not reach whatever has the id now. */
async function update(work: Work): Promise<Carried> {
  const { call, peer, io } = work;
  const { responses } = call;
  const looked = await look(work);
  if (!looked.ok) return looked;
  if (!isTold(looked.value)) return ok(looked.value);
  if (responses === undefined) return ack(work);
  if (peer.era === 'legacy') return replied(responses, work) ? ack(work) : ok(NOT_ASKED);
  const answered = await step(peer, { verb: 'update', task: peer.task, responses }, io.signal);
  if (!answered.ok) return answered;
  // The task is there, so it is the answers that are refused.
  return answered.value.kind === 'error' ? ok(answered.value) : ack(work);
}

async function cancel(work: Work): Promise<Carried> {
  const { call, peer, known, io } = work;
  const isModern = call.origin.era === 'modern';
  const looked = await look(work);
  if (!looked.ok) return looked;
  const told = looked.value;
  if (!isTold(told)) return ok(told);
  // The extension says yes to a task that is over; 2025-11-25 MUST say no.
  if (isOver(told.status) || known.cancelled) return isModern ? ack(work) : ok(OVER_ALREADY);
  const answered = await step(peer, { verb: 'cancel', task: peer.task }, io.signal);
  if (!answered.ok) return answered;
  const refused = answered.value.kind === 'error' ? answered.value : undefined;
  // -32602 here: it came to its end between the two requests.
  if (refused !== undefined && !isUnknown(refused)) return ok(refused);
  known.collector?.end();
  if (isModern) return ack(work);
  if (refused !== undefined) return ok(OVER_ALREADY);
  known.cancelled = true;
  const after = peer.era === 'legacy' ? toldIn(answered, peer) : ok(told);
  const last = after.ok && !isRefused(after.value) ? after.value : told;
  remember(last, known, work);
  return said(tell(last, known, {}, work, 'cancelled'));
}
