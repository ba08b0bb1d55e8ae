// What a task waits for, as its agent may be asked it in `tasks/get`; and the answers of `tasks/update` on their way to a legacy backend.
import type { Question, QuestionReply } from '../../core/capabilities.ts';
import type { RawJson } from '../../core/json/scan.ts';
import { members } from '../../core/json/slice.ts';
import { type QuestionRefusal, refusalReply, replyFor } from '../../relay/questions.ts';
import { inputResponses, responseOf } from '../../relay/rounds.ts';
import type { Told } from '../../relay/tasks.ts';
import { pause } from '../attempt.ts';
import { spokenBy } from '../questions/asking.ts';
import { cannotBeAsked } from '../questions/unanswered.ts';
import { type Ended, screenOwn } from '../screen.ts';
import { step } from './ask.ts';
import type { CarryDeps, Work } from './carry.ts';
import { Collector } from './collector.ts';

/** Time for a legacy backend to ask, once its questions are listened for. */
const GATHER_MS = 1000;

/** What the agent is to answer; what it must not be asked is refused in its place. An end: no refusal of that can be said. Undefined: there is no place to listen in. */
export async function questions(told: Told, work: Work, deps: CarryDeps): Promise<ReadonlyMap<string, Question> | Ended | undefined> {
  const { peer, io } = work;
  if (peer.era === 'modern') {
    const { put, refused } = judged(told.requests, work);
    const responses = new Map<string, RawJson>();
    for (const [key, { question, reply, why }] of refused) {
      const response = responseOf(question, reply);
      if (response === undefined) return screenOwn(cannotBeAsked('tool', question.method, why));
      responses.set(key, response);
    }
    if (responses.size > 0) await step(peer, { verb: 'update', task: peer.task, responses: inputResponses(responses) }, io.signal);
    return put;
  }
  const collector = collecting(work, deps);
  if (collector === undefined) return undefined;
  if (collector.list().length === 0) await Promise.race([collector.due(), pause(GATHER_MS, io.signal, deps.timers)]);
  const { put, refused } = judged(collector.list(), work);
  for (const [key, { reply }] of refused) collector.reply(key, () => reply);
  return put;
}

function collecting({ known, peer, snapshot }: Work, deps: CarryDeps): Collector | undefined {
  // One whose request ended has nothing to say any more; its task may still ask.
  if (known.collector?.ended === false) return known.collector;
  const row = snapshot.settings.backends.find(({ id }) => id === known.target.backend);
  // It stays open for as long as the task asks: within the places that its principal has, and not all of them.
  const release = known.listed && row !== undefined ? deps.leases.hold(known.permit.call, snapshot, row) : undefined;
  if (release === undefined) return undefined;
  known.collector = new Collector({ backend: peer.backend, permit: known.permit, task: peer.task, lastsMs: known.until - deps.clock.wall(), release }, deps);
  return known.collector;
}

interface Judged {
  readonly put: ReadonlyMap<string, Question>;
  readonly refused: ReadonlyMap<string, Refusal>;
}

interface Refusal {
  readonly question: Question;
  readonly reply: QuestionReply;
  readonly why: QuestionRefusal;
}

function judged(asked: Iterable<readonly [string, Question]>, { io }: Work): Judged {
  const put = new Map<string, Question>();
  const refused = new Map<string, Refusal>();
  for (const [key, question] of asked) {
    const verdict = io.dialogue.judge(question);
    if (verdict.ok) put.set(key, verdict.value);
    else refused.set(key, { question, reply: refusalReply(question, verdict.error), why: verdict.error });
  }
  return { put, refused };
}

/** To a legacy backend. Answers to what is not asked are passed over (SEP-2663). False: none could be given on, and somebody answered for nothing. */
export function replied(responses: RawJson, { known, call, snapshot }: Work): boolean {
  const given = [...(members(responses) ?? [])];
  const open = new Set(known.collector?.list().map(([key]) => key));
  for (const [key, raw] of given) known.collector?.reply(key, (question) => replyFor(question, { kind: 'result', raw }, spokenBy(call, snapshot)));
  return known.collector?.ended === false || given.length === 0 || given.some(([key]) => open.has(key));
}
