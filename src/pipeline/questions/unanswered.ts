// The end of a call whose backend needs an answer that no agent gives: words for the model where there is a tool result to put them in.
import type { TargetKind } from '../../core/call.ts';
import type { QuestionMethod } from '../../core/capabilities.ts';
import { toRaw } from '../../core/json/compose.ts';
import type { BackendReply } from '../../core/ports.ts';
import { OWN_PREFIX } from '../../relay/meta.ts';
import type { QuestionRefusal } from '../../relay/questions.ts';
import { toolErrorResult } from '../../relay/results.ts';
import { CODE } from '../../relay/rpc.ts';

const WORDS: Readonly<Record<QuestionMethod, string>> = { 'elicitation/create': 'an answer of the user (elicitation)', 'sampling/createMessage': 'a model (sampling)', 'roots/list': 'a list of roots (roots)' };

/** Without the capability, or against the operator's word, nobody was asked (T54, T97). */
export function cannotBeAsked(kind: TargetKind, method: QuestionMethod, why: QuestionRefusal): BackendReply {
  const reason = why.code === 'forbidden' ? 'the operator does not allow that' : 'this client cannot be asked for that';
  return failed(kind, `Not completed: the server needs ${WORDS[method]}, and ${reason}.`, method, why.code);
}

export function refusedByAgent(kind: TargetKind, method: QuestionMethod): BackendReply {
  return failed(kind, `Not completed: the server needs ${WORDS[method]}, and that was declined.`, method, 'declined');
}

function failed(kind: TargetKind, text: string, method: QuestionMethod, reason: string): BackendReply {
  if (kind !== 'tool') return { kind: 'error', code: CODE.internal, message: text, data: undefined };
  return { kind: 'result', raw: toolErrorResult(text, QUESTION_KEY, toRaw({ method, reason })) };
}

/** No denial of ours: the call was made, and could not be completed. */
export const QUESTION_KEY: string = `${OWN_PREFIX}question`;
