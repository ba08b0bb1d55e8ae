// What a backend asks of the agent whose call it serves, and how it comes to an answer: the operator's word first, then what the
// agent declared; then a request on the agent's own stream (2025 revisions), or the agent's next request (2026-07-28). Every question
// leaves evidence with the call.
import type { Heard, Question, QuestionReply } from '../../core/capabilities.ts';
import type { Evidence, Trail } from '../../core/decision.ts';
import type { AgentIo } from '../../core/inbound.ts';
import { toRaw } from '../../core/json/compose.ts';
import type { CallIo, Disguise, Random, Timers } from '../../core/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import type { Snapshot } from '../../core/snapshot.ts';
import { elicitationIds, type ElicitationIds } from '../../relay/elicitation.ts';
import { type QuestionRefusal, questionFor, refusalReply, replyFor } from '../../relay/questions.ts';
import { REQUESTS_MOST } from '../../relay/rounds.ts';
import { CODE } from '../../relay/rpc.ts';
import { withRelatedTask } from '../../relay/tasks.ts';
import type { ServedCall } from '../../core/call.ts';
import { evidenceOfAnswer } from './answered.ts';
import { askingOf, spokenBy } from './asking.ts';
import { OpenQuestions } from './open.ts';
import type { AnswerReview } from './review.ts';

export interface Dialogue {
  /** Undefined: this kind of call must not ask (S12). */
  readonly ask: CallIo['ask'];
  /** For agents that answer with their next request; undefined for all others. */
  readonly open: OpenQuestions | undefined;
  /** As the agent can be asked it, or why not; on record either way. */
  judge(question: Question): ReturnType<typeof questionFor>;
  /** Judges and asks; the reply is one that the backend may read. `withdrawn`: the backend waits no more. */
  put(question: Question, withdrawn?: AbortSignal): Promise<Result<QuestionReply, QuestionRefusal>>;
  trail(): Trail;
  /** The call is over. */
  end(): void;
}

export interface DialogueGiven {
  readonly call: ServedCall;
  readonly snapshot: Snapshot;
  readonly ask: AgentIo['ask'];
  readonly signal: AbortSignal;
  /** A place to wait between two requests of the agent; false when there is no room. */
  enter(): boolean;
  /** The agent is asked to visit a page. */
  shown(page: ElicitationIds): void;
  /** What the agent answered, before the backend hears it. */
  review(reply: QuestionReply): Promise<AnswerReview>;
}

/** A backend that asks in a loop fills no memory. */
const ON_RECORD = 32;

export function createDialogue(given: DialogueGiven, deps: { readonly timers: Timers; readonly random: Random; readonly disguise: Disguise }): Dialogue {
  const { call, snapshot } = given;
  const record: Evidence[] = [];
  const open = call.origin.era === 'modern' && call.kind !== 'completion' ? new OpenQuestions(deps.timers) : undefined;
  const findings: Evidence[] = [];
  let answers = 0;
  const told = (question: Question, why?: QuestionRefusal['code'] | Unasked): void => {
    if (record.length < ON_RECORD) record.push(evidenceOf(question, why));
  };
  const heard = (question: Question, { by, ...reply }: Heard): void => {
    answers += 1;
    if (by !== undefined && answers <= ON_RECORD) record.push(evidenceOfAnswer(question, reply, by, call, deps.disguise));
  };
  const askable = (question: Question): ReturnType<typeof questionFor> => ofItsTask(questionFor(question, askingOf(call, call.origin, snapshot, deps.random.uuid())), call);
  const shown = (question: Question, put: Question): void => {
    const page = elicitationIds(question.params, put.params);
    if (page !== undefined) given.shown(page);
  };
  const judge = (question: Question): ReturnType<typeof questionFor> => {
    const judged = askable(question);
    told(question, judged.ok ? undefined : judged.error.code);
    if (judged.ok) shown(question, judged.value);
    return judged;
  };
  const put = async (question: Question, withdrawn?: AbortSignal): Promise<Result<QuestionReply, QuestionRefusal>> => {
    const judged = askable(question);
    const pending = judged.ok ? asked(judged.value, given, open, withdrawn, deps.timers) : undefined;
    told(question, !judged.ok ? judged.error.code : pending?.ok === false ? pending.error : undefined);
    if (!judged.ok) return judged;
    if (pending?.ok !== true) return err(NOBODY);
    shown(question, judged.value);
    const reply = await pending.value;
    const review = await given.review(reply);
    heard(question, reply);
    // A bound of its own: many harmless questions must not crowd out what was found in an answer.
    findings.push(...review.trail.slice(0, ON_RECORD - findings.length));
    return ok(replyFor(question, review.passed ? reply : REFUSED, spokenBy(call, snapshot)));
  };
  return {
    open,
    judge,
    put,
    ask: call.kind === 'completion' ? undefined : async (question, withdrawn) => {
      const reply = await put(question, withdrawn);
      return reply.ok ? reply.value : refusalReply(question, reply.error);
    },
    trail: () => [...record, ...findings],
    end: () => open?.close(OVER),
  };
}

/** 2025-11-25: every message of a task MUST name it. By the extension a question stands in the task itself. */
function ofItsTask(put: ReturnType<typeof questionFor>, call: ServedCall): ReturnType<typeof questionFor> {
  if (!put.ok || call.kind !== 'task' || call.origin.era === 'modern') return put;
  return ok({ ...put.value, params: withRelatedTask(put.value.params ?? EMPTY, call.exposed) });
}

const EMPTY = toRaw({});

function asked(question: Question, { ask, signal, enter, snapshot }: DialogueGiven, open: OpenQuestions | undefined, withdrawn: AbortSignal | undefined, timers: Timers): Result<Promise<Heard>, Unasked> {
  if (open === undefined) return ask === undefined ? err('no_stream') : ok(inTime(question, ask, withdrawn === undefined ? [signal] : [signal, withdrawn], snapshot.settings.bounds.answerMs, timers));
  if (open.size >= REQUESTS_MOST) return err('too_many');
  if (!open.fits(question)) return err('too_large');
  return enter() ? ok(open.add(question, withdrawn)) : err('no_room');
}

/** A person reads and thinks; then the agent is told that nobody waits, and the backend that nobody answered. */
async function inTime(question: Question, ask: NonNullable<AgentIo['ask']>, signals: readonly AbortSignal[], ms: number, timers: Timers): Promise<Heard> {
  const late = new AbortController();
  const undo = timers.after(ms, () => late.abort());
  try {
    const reply = await ask(question, AbortSignal.any([...signals, late.signal]));
    return late.signal.aborted ? lateReply(question) : reply;
  } finally {
    undo();
  }
}

/** No way to this agent; too many questions of this call wait already, or too much text; no place for the call to wait in (`parked` bounds). */
type Unasked = 'no_stream' | 'too_many' | 'too_large' | 'no_room';

const NOBODY: QuestionRefusal = { code: 'undeclared', note: 'the agent cannot be asked now' };
const REFUSED: QuestionReply = { kind: 'error', code: CODE.internal, message: 'The answer was refused' };
const OVER: QuestionReply = { kind: 'error', code: CODE.internal, message: 'The call is over' };
export const LATE: QuestionReply = { kind: 'error', code: CODE.internal, message: 'The client did not answer in time' };

/** What a backend hears when nobody came back: a user who closed the form, or a program that failed. */
export function lateReply({ method }: Question): QuestionReply {
  return method === 'elicitation/create' ? { kind: 'result', raw: toRaw({ action: 'cancel' }) } : LATE;
}

function evidenceOf({ method }: Question, why: QuestionRefusal['code'] | Unasked | undefined): Evidence {
  // Never a deny: the call itself was not refused, and its ruling is another.
  const suspect = why === 'sensitive' || why === 'unsafe_url';
  return { stage: 'questions', rule: `asked:${method}`, decision: 'pass', mode: 'enforce', severity: suspect ? 'medium' : 'info', note: why === undefined ? undefined : `not asked: ${why}` };
}
