// What a backend asks of the agent whose call it serves, and how it comes to an answer: the operator's word first, then what the
// agent declared; then a request on the agent's own stream (2025 revisions), or the agent's next request (2026-07-28). Every question
// leaves evidence with the call.
import type { Question, QuestionReply } from '../../core/capabilities.ts';
import type { Evidence, Trail } from '../../core/decision.ts';
import type { AgentIo } from '../../core/inbound.ts';
import { toRaw } from '../../core/json/compose.ts';
import type { CallIo, Random, Timers } from '../../core/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import type { Snapshot } from '../../core/snapshot.ts';
import { type QuestionRefusal, questionFor, refusalReply, replyFor } from '../../relay/questions.ts';
import { REQUESTS_MOST } from '../../relay/rounds.ts';
import { CODE } from '../../relay/rpc.ts';
import { withRelatedTask } from '../../relay/tasks.ts';
import type { ServedCall } from '../../core/call.ts';
import { askingOf, spokenBy } from './asking.ts';
import { OpenQuestions } from './open.ts';

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
}

/** A backend that asks in a loop fills no memory. */
const ON_RECORD = 32;

export function createDialogue(given: DialogueGiven, deps: { readonly timers: Timers; readonly random: Random }): Dialogue {
  const { call, snapshot } = given;
  const record: Evidence[] = [];
  const open = call.origin.era === 'modern' && call.kind !== 'completion' ? new OpenQuestions(deps.timers) : undefined;
  const judge = (question: Question): ReturnType<typeof questionFor> => {
    const put = ofItsTask(questionFor(question, askingOf(call, call.origin, snapshot, deps.random.uuid())), call);
    if (record.length < ON_RECORD) record.push(evidenceOf(question, put.ok ? undefined : put.error));
    return put;
  };
  const put = async (question: Question, withdrawn?: AbortSignal): Promise<Result<QuestionReply, QuestionRefusal>> => {
    const judged = judge(question);
    if (!judged.ok) return judged;
    const pending = asked(judged.value, given, open, withdrawn);
    return pending === undefined ? err(NOBODY) : ok(replyFor(question, await pending, spokenBy(call, snapshot)));
  };
  return {
    open,
    judge,
    put,
    ask: call.kind === 'completion' ? undefined : async (question, withdrawn) => {
      const reply = await put(question, withdrawn);
      return reply.ok ? reply.value : refusalReply(question, reply.error);
    },
    trail: () => record,
    end: () => open?.close(OVER),
  };
}

/** 2025-11-25: every message of a task MUST name it. By the extension a question stands in the task itself. */
function ofItsTask(put: ReturnType<typeof questionFor>, call: ServedCall): ReturnType<typeof questionFor> {
  if (!put.ok || call.kind !== 'task' || call.origin.era === 'modern') return put;
  return ok({ ...put.value, params: withRelatedTask(put.value.params ?? EMPTY, call.exposed) });
}

const EMPTY = toRaw({});

function asked(question: Question, { ask, signal, enter }: DialogueGiven, open: OpenQuestions | undefined, withdrawn: AbortSignal | undefined): Promise<QuestionReply> | undefined {
  if (open === undefined) return ask?.(question, withdrawn === undefined ? signal : AbortSignal.any([signal, withdrawn]));
  return open.size < REQUESTS_MOST && enter() ? open.add(question, withdrawn) : undefined;
}

const NOBODY: QuestionRefusal = { code: 'undeclared', note: 'the agent cannot be asked now' };
const OVER: QuestionReply = { kind: 'error', code: CODE.internal, message: 'The call is over' };
export const LATE: QuestionReply = { kind: 'error', code: CODE.internal, message: 'The client did not answer in time' };

/** What a backend hears when nobody came back: a user who closed the form, or a program that failed. */
export function lateReply({ method }: Question): QuestionReply {
  return method === 'elicitation/create' ? { kind: 'result', raw: toRaw({ action: 'cancel' }) } : LATE;
}

function evidenceOf({ method }: Question, refused: QuestionRefusal | undefined): Evidence {
  // Never a deny: the call itself was not refused, and its ruling is another.
  const suspect = refused?.code === 'sensitive' || refused?.code === 'unsafe_url';
  return { stage: 'questions', rule: `asked:${method}`, decision: 'pass', mode: 'enforce', severity: suspect ? 'medium' : 'info', note: refused === undefined ? undefined : `not asked: ${refused.code}` };
}
