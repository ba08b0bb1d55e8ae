// What a backend wants of a modern agent in its answer: a modern one's `input_required` goes on with its state in our seal; pages that a
// legacy one wants visited first (-32042) become questions, and the agent's retry a call of its own, for nothing was executed (T94).
import type { Question } from '../../core/capabilities.ts';
import type { BackendFault } from '../../core/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { urlQuestions } from '../../relay/errors.ts';
import type { ServerIdentity } from '../../relay/meta.ts';
import type { QuestionRefusal } from '../../relay/questions.ts';
import type { ReadResult } from '../../relay/results.ts';
import { inputRequiredResult, readInputRequired, withState } from '../../relay/rounds.ts';
import { type Binding, type Handle, sealHandle, type HandleDeps } from '../handles.ts';
import { type Screened, screenOwn } from '../screen.ts';
import type { Dialogue } from './dialogue.ts';
import { cannotBeAsked } from './unanswered.ts';

/** Times that pages are asked for before the call is given up. */
const PAGES_MOST = 3;

export interface Passing {
  readonly binding: Binding;
  /** Times that pages were asked for already. */
  readonly pages: number;
  readonly lastsMs: number;
  readonly dialogue: Dialogue;
  readonly identity: ServerIdentity;
}

export function passOn(result: ReadResult, passing: Passing, deps: HandleDeps): Result<Screened, BackendFault> {
  const wanted = readInputRequired(result.raw);
  if (wanted === undefined) return err({ code: 'protocol', detail: 'an input_required that asks for nothing, or for too much' });
  const put = putAll(wanted.requests, passing);
  if (!put.ok) return ok(screenOwn(cannotBeAsked(passing.binding.target.kind, put.error.method, put.error.why)));
  const state = sealed({ kind: 'passed', state: wanted.state }, passing, deps);
  return ok({ kind: 'own', body: withState(result.raw, put.value, state, passing.identity), end: 'input_required', isError: false });
}

/** Undefined: this agent cannot be asked; the error is told in words. */
export function askForPages(answer: Extract<Screened, { kind: 'error' }>, passing: Passing, deps: HandleDeps): Screened | undefined {
  const questions = passing.pages < PAGES_MOST ? urlQuestions(answer) : undefined;
  if (questions === undefined) return undefined;
  const put = putAll(new Map(questions.map((question, at) => [`page${at + 1}`, question])), passing);
  if (!put.ok) return undefined;
  const state = sealed({ kind: 'pages', times: passing.pages + 1, keys: [...put.value.keys()] }, passing, deps);
  return { kind: 'own', body: inputRequiredResult(put.value, state, passing.identity), end: 'input_required', isError: false };
}

function sealed(handle: Handle, { binding, lastsMs }: Passing, deps: HandleDeps): string {
  return sealHandle(handle, binding, lastsMs, deps);
}

/** All or none: a backend that waits for three answers is not helped by two. */
function putAll(requests: ReadonlyMap<string, Question>, { dialogue }: Passing): Result<ReadonlyMap<string, Question>, { readonly method: Question['method']; readonly why: QuestionRefusal }> {
  const put = new Map<string, Question>();
  for (const [key, question] of requests) {
    const judged = dialogue.judge(question);
    if (!judged.ok) return err({ method: question.method, why: judged.error });
    put.set(key, judged.value);
  }
  return ok(put);
}
