// Waiting for a task to be over, in the place of whoever asked: looks at the pace its backend wants, with no place held between them, and
// its questions put to the agent meanwhile. What an agent is told is not known here.
import type { Question } from '../../core/capabilities.ts';
import type { RawJson } from '../../core/json/scan.ts';
import type { BackendAnswer, BackendFault, CallIo } from '../../core/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { detached } from '../../core/text.ts';
import { refusalReply } from '../../relay/questions.ts';
import { inputResponses, responseOf } from '../../relay/rounds.ts';
import { CODE } from '../../relay/rpc.ts';
import { isOver, type Told } from '../../relay/tasks.ts';
import { failedClient, pause } from '../attempt.ts';
import { killOf } from '../dispatch.ts';
import type { Place } from '../lease.ts';
import type { Dialogue } from '../questions/dialogue.ts';
import { cannotBeAsked, refusedByAgent } from '../questions/unanswered.ts';
import { type Answered, type AskDeps, endOf, isRefused, isUnknown, lookAt, type Refused, step, type TaskPeer } from './ask.ts';

/** Between two looks: what the backend asks for, within reason. */
const POLL_LEAST_MS = 250;
const POLL_MOST_MS = 10_000;
const POLL_MS = 1000;

export function pollMs({ pollMs: wanted }: Told): number {
  return Math.min(Math.max(wanted ?? POLL_MS, POLL_LEAST_MS), POLL_MOST_MS);
}

export interface Settling {
  readonly dialogue: Dialogue;
  /** `place`: given back while nothing is asked of the backend. */
  readonly io: CallIo & { readonly place?: Place };
  /** Then it is given up. */
  readonly atMostMs: number;
  /** Each look, for whoever keeps a list. */
  readonly seen: (told: Told) => void;
}

/** Looks in a row that may fail: a task takes minutes, and is not lost because its server was busy for a second. */
const FAILED_LOOKS = 3;
/** Of one task, over all its rounds: who is asked more is not asked for a task any more. */
const QUESTIONS_MOST = 64;
/** Between two tries to have a place again. */
const BUSY_MS = 500;
const TOO_MANY: Refused = { kind: 'error', code: CODE.internal, message: 'The task asked too many questions, and was ended', data: undefined };

/** Waits until the task is over and answers with its result, asking the agent whatever the backend asks meanwhile. */
export async function settled(peer: TaskPeer, settling: Settling, deps: AskDeps): Promise<Answered> {
  const { io, atMostMs } = settling;
  const began = deps.clock.mono();
  const isLate = (): boolean => deps.clock.mono() - began >= atMostMs;
  const asked: Asked = { answered: new Set(), refused: undefined, isLate };
  let failed = 0;
  let wait = POLL_MS;
  for (;;) {
    const looked = await lookAt(peer, io.signal);
    if (io.signal.aborted) return err({ code: 'cancelled' });
    const failure = failureOf(looked);
    failed = failure === undefined ? 0 : failed + 1;
    if (failure !== undefined && failed >= FAILED_LOOKS) return failure;
    if (looked.ok && !isRefused(looked.value)) {
      const told = looked.value;
      wait = pollMs(told);
      settling.seen(told);
      if (isOver(told.status)) return endOf(peer, told, io);
      const came = told.status === 'input_required' ? await asking(peer, told, asked, settling, deps) : undefined;
      if (came !== undefined) return came;
    } else if (looked.ok && isRefused(looked.value) && isUnknown(looked.value)) return ok(looked.value);
    if (!isLate()) await resting(pause(wait, io.signal, deps.timers), isLate, io, deps);
    if (io.signal.aborted) return err({ code: 'cancelled' });
    if (isLate()) return err({ code: 'timeout', afterMs: Math.round(deps.clock.mono() - began) });
  }
}

/** Others may have the place meanwhile; one is taken again before the next step, or it is too late for one. */
async function resting<T>(work: Promise<T>, isLate: () => boolean, { place, signal }: Settling['io'], deps: AskDeps): Promise<T> {
  place?.rest();
  const done = await work;
  while (place?.resume() === false && !signal.aborted && !isLate()) await pause(BUSY_MS, signal, deps.timers);
  return done;
}

/** What the call ends with if it goes on like that. */
function failureOf(looked: Result<Told | Refused, BackendFault>): Answered | undefined {
  if (!looked.ok) return looked;
  return isRefused(looked.value) ? ok(looked.value) : undefined;
}

interface Asked {
  /** Keys of questions that were put. */
  readonly answered: Set<string>;
  /** What the backend said to answers that it did not take. */
  refused: Refused | undefined;
  isLate(): boolean;
}

/** Undefined: it is waited for again. */
async function asking(peer: TaskPeer, told: Told, asked: Asked, { io, dialogue }: Settling, deps: AskDeps): Promise<Answered | undefined> {
  // A legacy backend asks on this request, and answers it when the task is over.
  if (peer.era === 'legacy') return untilOver(await held(peer, io));
  const { answered, refused, isLate } = asked;
  const open = [...told.requests].filter(([key]) => !answered.has(key));
  if (answered.size + open.length > QUESTIONS_MOST) return giveUp(peer, TOO_MANY, io.signal);
  // A key is a slice of its message, and would keep the whole of it.
  for (const [key] of open) answered.add(detached(key));
  // Seen to wait still: nobody will say what it waits for.
  if (open.length === 0) return refused === undefined ? undefined : giveUp(peer, refused, io.signal);
  const replied = await resting(replies(open, dialogue), isLate, io, deps);
  if (io.signal.aborted) return err({ code: 'cancelled' });
  if (!replied.ok) return giveUp(peer, replied.error, io.signal);
  if (replied.value.size === 0) return undefined;
  // Killed while somebody thought, and not cancelled because `cancel_in_flight` is off: nothing new is said to the backend.
  if (killOf(peer.permit.call, deps) !== undefined) return err({ code: 'cancelled' });
  const sent = await step(peer, { verb: 'update', task: peer.task, responses: inputResponses(replied.value) }, io.signal);
  if (!sent.ok) return sent;
  if (sent.value.kind === 'error') asked.refused = sent.value;
  return undefined;
}

/** That request has its time, and the task another: it lives on, and is looked at again. */
function untilOver(answered: Answered): Answered | undefined {
  return !answered.ok && answered.error.code === 'timeout' ? undefined : answered;
}

async function held({ backend, permit, task, sent }: TaskPeer, io: CallIo): Promise<Answered> {
  try {
    return await backend.task(permit, { verb: 'result', task }, { ...io, onProgress: undefined, sent });
  } catch (error) {
    return failedClient(error);
  }
}

async function replies(open: readonly (readonly [string, Question])[], dialogue: Dialogue): Promise<Result<ReadonlyMap<string, RawJson>, BackendAnswer>> {
  const found = new Map<string, RawJson>();
  for (const [key, question] of open) {
    const reply = await dialogue.put(question);
    const answer = responseOf(question, reply.ok ? reply.value : refusalReply(question, reply.error));
    if (answer === undefined) return err(reply.ok ? refusedByAgent('tool', question.method) : cannotBeAsked('tool', question.method, reply.error));
    found.set(key, answer);
  }
  return ok(found);
}

/** It can never come to an end: its backend is told, and the call ends with a reason. */
async function giveUp(peer: TaskPeer, why: BackendAnswer, signal: AbortSignal): Promise<Answered> {
  await step(peer, { verb: 'cancel', task: peer.task }, signal);
  return ok(why);
}
