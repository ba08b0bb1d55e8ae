// What an agent answers in the middle of a call is judged like what it said at its beginning, and like the answers that a retry brings
// to a modern backend: by the same stage, whichever way it came.
import type { CompletionCall, ServedCall } from '../../core/call.ts';
import type { Trail } from '../../core/decision.ts';
import type { QuestionReply } from '../../core/capabilities.ts';
import { quote } from '../../core/json/compose.ts';
import type { RawJson } from '../../core/json/scan.ts';
import { segmentsBy } from '../../core/json/segment.ts';
import type { Snapshot } from '../../core/snapshot.ts';
import { runStages } from '../admit.ts';
import type { PipelineDeps } from '../deps.ts';
import { ANSWER_STAGES } from '../stages.ts';

export interface AnswerReview {
  readonly passed: boolean;
  /** Of stages that had something to say. */
  readonly trail: Trail;
}

export type ReviewDeps = Pick<PipelineDeps, 'clock' | 'windows' | 'schemas' | 'disguise'>;

export async function reviewAnswer(call: ServedCall, reply: QuestionReply, snapshot: Snapshot, { clock, windows, schemas, disguise }: ReviewDeps): Promise<AnswerReview> {
  if (call.kind === 'completion') return { passed: false, trail: [] };
  const { kind, trail } = await runStages(saying(call, reply.kind === 'result' ? reply.raw : quote(reply.message)), ANSWER_STAGES, { snapshot, now: clock.mono(), wall: clock.wall(), windows, schemas, segment: segmentsBy(disguise), paramHeaders: undefined, onRefusal: () => {} });
  return { passed: kind === 'passed', trail: trail.filter(({ decision }) => decision !== 'pass') };
}

/** The call as if it said only this: its arguments were judged already. */
function saying(call: Exclude<ServedCall, CompletionCall>, responses: RawJson): ServedCall {
  switch (call.kind) {
    case 'tool':
    case 'prompt': return { ...call, args: undefined, continuation: { responses, state: undefined } };
    case 'resource': return { ...call, continuation: { responses, state: undefined } };
    case 'task': return { ...call, responses };
  }
}
