// Requests about a task, carried out: each verb of each form towards a backend of either. The table of protocol reference 4.13.
import type { QuestionReply } from '../../core/capabilities.ts';
import type { TaskCall } from '../../core/call.ts';
import type { RawJson } from '../../core/json/scan.ts';
import { members } from '../../core/json/slice.ts';
import type { BackendFault } from '../../core/ports.ts';
import { ok, type Result } from '../../core/result.ts';
import type { Question } from '../../core/capabilities.ts';
import { refusalReply, replyFor } from '../../relay/questions.ts';
import { inputResponses, responseOf } from '../../relay/rounds.ts';
import { CODE } from '../../relay/rpc.ts';
import { acknowledged, isOver, type Told } from '../../relay/tasks.ts';
import { pause } from '../attempt.ts';
import type { PipelineDeps } from '../deps.ts';
import type { MakeIo } from '../make.ts';
import { spokenBy } from '../questions/asking.ts';
import { screen, type Screened } from '../screen.ts';
import { endOf, isRefused, lookAt, settled, step, type TaskPeer, toldIn } from './ask.ts';
import { Collector } from './collector.ts';
import type { KnownTask } from './known.ts';
import { inlinedEnd, isErrorIn, remember, tell, type Teller, ttlOf } from './tell.ts';

export interface Work extends Teller {
  readonly call: TaskCall;
  readonly peer: TaskPeer;
  readonly known: KnownTask;
  readonly io: MakeIo;
}

type Carried = Result<Screened, BackendFault>;
type CarryDeps = Pick<PipelineDeps, 'clock' | 'timers'>;

export function carry(work: Work, deps: CarryDeps): Promise<Carried> {
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

function said(body: RawJson, isError: boolean = false): Carried {
  return ok({ kind: 'own', body, end: 'answered', isError });
}

function ack({ identity }: Work): Carried {
  return said(acknowledged(identity));
}

/** What its backend says now; an error of its is an unknown task, whatever words it has for that. */
async function look({ peer, known, io, ...work }: Work): Promise<Result<Told | undefined, BackendFault>> {
  const looked = await lookAt(peer, io.signal);
  if (!looked.ok) return looked;
  if (isRefused(looked.value)) return ok(undefined);
  remember(looked.value, known, work);
  if (isOver(looked.value.status) && peer.era === 'modern') known.collector?.end();
  return ok(looked.value);
}

async function get(work: Work, deps: CarryDeps): Promise<Carried> {
  const looked = await look(work);
  if (!looked.ok) return looked;
  const told = looked.value;
  if (told === undefined) return ok(UNKNOWN_TASK);
  if (work.call.origin.era === 'legacy') return said(tell(told, work.known, {}, work));
  if (told.status === 'input_required') return said(tell(told, work.known, { requests: await questions(told, work, deps) }, work));
  if (told.status === 'completed' || told.status === 'failed') return over(told, work);
  return said(tell(told, work.known, {}, work));
}

/** With its result, which a legacy backend is asked for, unless it was waited for already. */
async function over(told: Told, work: Work): Promise<Carried> {
  const collected = work.known.collector?.answer;
  const ended = collected?.ok === true ? collected : await endOf(work.peer, told, work.io);
  if (!ended.ok) return ended;
  const inlined = inlinedEnd(ended.value, work);
  if (inlined === undefined) return { ok: false, error: { code: 'protocol', detail: 'a result that is not an object' } };
  return said(tell(told, work.known, inlined.inlined, work, inlined.status), isErrorIn(inlined.inlined));
}

/** Time for a legacy backend to ask, once its questions are listened for. */
const GATHER_MS = 1000;

/** What the agent is to answer; what it must not be asked is refused in its place. */
async function questions(told: Told, work: Work, deps: CarryDeps): Promise<ReadonlyMap<string, Question>> {
  const { peer, known, io } = work;
  if (peer.era === 'modern') {
    const { put, refused } = judged(told.requests, work);
    const responses = new Map([...refused].flatMap(([key, { question, reply }]) => {
      const response = responseOf(question, reply);
      return response === undefined ? [] : [[key, response] as const];
    }));
    if (responses.size > 0) await step(peer, { verb: 'update', task: peer.task, responses: inputResponses(responses) }, io.signal);
    return put;
  }
  const collector = collecting(known, peer, deps);
  if (collector.list().length === 0) await Promise.race([collector.due(), pause(GATHER_MS, io.signal, deps.timers)]);
  const { put, refused } = judged(collector.list(), work);
  for (const [key, { reply }] of refused) collector.reply(key, () => reply);
  return put;
}

function collecting(known: KnownTask, peer: TaskPeer, { timers }: CarryDeps): Collector {
  // One whose request ended has nothing to say any more; its task may still ask.
  if (known.collector !== undefined && known.collector.answer === undefined) return known.collector;
  known.collections += 1;
  known.collector = new Collector(peer.backend, peer.permit, peer.task, known.collections, timers);
  return known.collector;
}

interface Judged {
  readonly put: ReadonlyMap<string, Question>;
  readonly refused: ReadonlyMap<string, { readonly question: Question; readonly reply: QuestionReply }>;
}

function judged(asked: Iterable<readonly [string, Question]>, { io }: Work): Judged {
  const put = new Map<string, Question>();
  const refused = new Map<string, { readonly question: Question; readonly reply: QuestionReply }>();
  for (const [key, question] of asked) {
    const verdict = io.dialogue.judge(question);
    if (verdict.ok) put.set(key, verdict.value);
    else refused.set(key, { question, reply: refusalReply(question, verdict.error) });
  }
  return { put, refused };
}

/** Blocks until the task is over (2025-11-25); asks on this request's stream meanwhile. */
async function result(work: Work, deps: CarryDeps): Promise<Carried> {
  const { peer, known, io, snapshot } = work;
  const looked = await look(work);
  if (!looked.ok) return looked;
  if (looked.value === undefined) return ok(UNKNOWN_TASK);
  const answered = await settled(peer, { dialogue: io.dialogue, io, atMostMs: ttlOf(looked.value, snapshot), seen: (told) => remember(told, known, work) }, deps);
  return screen(answered, snapshot.settings.bounds.resultBytes);
}

async function update(work: Work): Promise<Carried> {
  const { call, peer, known, io, snapshot } = work;
  const { responses } = call;
  if (responses === undefined) return ack(work);
  if (peer.era === 'legacy') {
    for (const [key, raw] of members(responses) ?? []) known.collector?.reply(key, (question) => replyFor(question, { kind: 'result', raw }, spokenBy(call, snapshot)));
    return ack(work);
  }
  const answered = await step(peer, { verb: 'update', task: peer.task, responses }, io.signal);
  if (!answered.ok) return answered;
  return answered.value.kind === 'error' ? ok(UNKNOWN_TASK) : ack(work);
}

async function cancel(work: Work): Promise<Carried> {
  const { call, peer, known, io } = work;
  const looked = await look(work);
  if (!looked.ok) return looked;
  const told = looked.value;
  if (told === undefined) return ok(UNKNOWN_TASK);
  // The extension says yes to a task that is over; 2025-11-25 MUST say no.
  if (isOver(told.status) || known.cancelled) return call.origin.era === 'modern' ? ack(work) : ok(OVER_ALREADY);
  const answered = await step(peer, { verb: 'cancel', task: peer.task }, io.signal);
  if (!answered.ok) return answered;
  known.collector?.end();
  if (call.origin.era === 'modern') return ack(work);
  if (answered.value.kind === 'error') return ok(OVER_ALREADY);
  known.cancelled = true;
  const after = peer.era === 'legacy' ? toldIn(answered, peer) : ok(told);
  const last = after.ok && !isRefused(after.value) ? after.value : told;
  remember(last, known, work);
  return said(tell(last, known, {}, work, 'cancelled'));
}
