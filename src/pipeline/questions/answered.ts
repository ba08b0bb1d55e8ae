// What is on record of an agent's answer in the middle of a call: how it answered and how much it said, never the words; and who it was, where
// it was not with the token or from the place that the call came with.
import type { ServedCall } from '../../core/call.ts';
import type { Answerer, Question, QuestionReply } from '../../core/capabilities.ts';
import type { Evidence } from '../../core/decision.ts';
import { memberOf, stringOf } from '../../core/json/slice.ts';
import type { Disguise } from '../../core/ports.ts';

export function evidenceOfAnswer({ method }: Question, reply: QuestionReply, by: Answerer, call: ServedCall, disguise: Disguise): Evidence {
  const note = [`${wordFor(reply)}, ${sizeOf(reply)} bytes`, ...differences(by, call, disguise)].join('; ');
  return { stage: 'questions', rule: `answered:${method}`, decision: 'pass', mode: 'enforce', severity: 'info', note };
}

const ACTIONS: readonly (string | undefined)[] = ['accept', 'decline', 'cancel'];

/** Of an elicitation, what the user chose; a model and a list of roots are given or not. */
function wordFor(reply: QuestionReply): string {
  if (reply.kind === 'error') return 'error';
  const raw = memberOf(reply.raw, 'action');
  const action = raw === undefined ? undefined : stringOf(raw);
  return action !== undefined && ACTIONS.includes(action) ? action : 'result';
}

function sizeOf(reply: QuestionReply): number {
  return Buffer.byteLength(reply.kind === 'result' ? reply.raw : reply.message);
}

/** In the words of `jti_hmac` and `peer` of a record. */
function differences(by: Answerer, { principal, origin }: ServedCall, { digest, network }: Disguise): readonly string[] {
  const token = by.tokenId === principal.tokenId ? [] : [by.tokenId === undefined ? 'token without an id' : `token ${digest(by.tokenId)}`];
  const [peer, callers] = [network(by.peer), network(origin.peer)];
  return peer === callers ? token : [...token, `peer ${peer}`];
}
