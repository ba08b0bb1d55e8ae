// What an agent answers in the middle of a call is judged like what it said at its beginning, and like the answers that a retry brings
// to a modern backend: by the same stage, whichever way it came.
import type { ServedCall } from '../../core/call.ts';
import type { Trail } from '../../core/decision.ts';
import type { QuestionReply } from '../../core/capabilities.ts';
import { quote } from '../../core/json/compose.ts';
import type { Snapshot } from '../../core/snapshot.ts';
import { runStages } from '../admit.ts';
import type { PipelineDeps } from '../deps.ts';
import { ANSWER_STAGES } from '../stages.ts';

export interface AnswerReview {
  readonly passed: boolean;
  /** Of stages that had something to say. */
  readonly trail: Trail;
}

export type ReviewDeps = Pick<PipelineDeps, 'clock' | 'windows' | 'schemas'>;

export async function reviewAnswer(call: ServedCall, reply: QuestionReply, snapshot: Snapshot, { clock, windows, schemas }: ReviewDeps): Promise<AnswerReview> {
  if (call.kind === 'completion') return { passed: false, trail: [] };
  const continuation = { responses: reply.kind === 'result' ? reply.raw : quote(reply.message), state: undefined };
  // Its arguments were judged already.
  const said = call.kind === 'resource' ? { ...call, continuation } : { ...call, args: undefined, continuation };
  const { kind, trail } = await runStages(said, ANSWER_STAGES, { snapshot, now: clock.mono(), wall: clock.wall(), windows, schemas, paramHeaders: undefined, onRefusal: () => {} });
  return { passed: kind === 'passed', trail: trail.filter(({ decision }) => decision !== 'pass') };
}
