// A modern backend that asks, towards an agent of a 2025 revision: each question is a request on the agent's own stream, and the
// backend is asked again with the answers, under the same permit and lease, until it has none (MRTR; T54, T95–T97).
import type { RawJson } from '../../core/json/scan.ts';
import type { Permit } from '../../core/permit.ts';
import type { Backend, BackendAnswer, BackendFault, CallIo } from '../../core/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import type { BackendSettings } from '../../core/settings.ts';
import { type InputRequired, inputResponses, readInputRequired, responseOf } from '../../relay/rounds.ts';
import { continuedPermit } from '../admit.ts';
import { attempt, type AttemptDeps, backoffMs, pause } from '../attempt.ts';
import { killOf } from '../dispatch.ts';
import type { Dialogue } from './dialogue.ts';
import { cannotBeAsked, refusedByAgent } from './unanswered.ts';

/** Rounds beyond the first try (C6). Fixed: a call that needs more does not end by being allowed more. */
const ROUNDS_MOST = 8;

type Answered = Result<BackendAnswer, BackendFault>;

export async function callWithRounds(backend: Backend, permit: Permit, io: CallIo, dialogue: Dialogue, settings: BackendSettings, deps: AttemptDeps): Promise<Answered> {
  let result = await attempt(backend, permit, io, settings, deps);
  for (let round = 1; ; round += 1) {
    // Completion asks nobody (S12): what it gets instead of an answer is none.
    const wanted = permit.call.origin.era === 'legacy' && permit.call.kind !== 'completion' ? wantedBy(result) : undefined;
    if (wanted === undefined) return result;
    if (round > ROUNDS_MOST) return err({ code: 'protocol', detail: `asked for more than ${ROUNDS_MOST} rounds` });
    const answers = await ask(wanted, permit, dialogue);
    if (!answers.ok) return ok(answers.error);
    // Only its state: it is busy and wants to be asked again.
    if (answers.value.size === 0) await pause(backoffMs(round, deps.random), io.signal, deps.timers);
    if (io.signal.aborted || killOf(permit.call, deps) !== undefined) return err({ code: 'cancelled' });
    const next = continuedPermit(permit, { responses: answers.value.size === 0 ? undefined : inputResponses(answers.value), state: wanted.state });
    result = await attempt(backend, next, io, settings, deps);
  }
}

/** Looked at closely only where the words stand at all: results may be megabytes. */
function wantedBy(result: Answered): InputRequired | undefined {
  return result.ok && result.value.kind === 'result' && result.value.raw.includes('input_required') ? readInputRequired(result.value.raw) : undefined;
}

async function ask({ requests }: InputRequired, { call }: Permit, dialogue: Dialogue): Promise<Result<ReadonlyMap<string, RawJson>, BackendAnswer>> {
  const answers = new Map<string, RawJson>();
  for (const [key, question] of requests) {
    const reply = await dialogue.put(question);
    if (!reply.ok) return err(cannotBeAsked(call.target.kind, question.method, reply.error));
    const answer = responseOf(question, reply.value);
    if (answer === undefined) return err(refusedByAgent(call.target.kind, question.method));
    answers.set(key, answer);
  }
  return ok(answers);
}
