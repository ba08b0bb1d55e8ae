// What may be given on of a backend's answer: whole, of a kind we can relay, within its bound (T73, T74).
import type { Era } from '../core/call.ts';
import type { RawJson } from '../core/json/scan.ts';
import { kindOf, memberOf, members, stringOf } from '../core/json/slice.ts';
import type { BackendAnswer, BackendFault, BackendReply } from '../core/ports.ts';
import { err, ok, type Result } from '../core/result.ts';
import { CODE } from '../relay/rpc.ts';
import type { Errand } from './admitted.ts';
import { shortText } from './text.ts';

/** Codes about this hop, which an agent must not mistake for its own mistakes (CH8, 4.17). What it lacks itself (-32021) is its business. */
const HOP_CODES: readonly number[] = [CODE.headerMismatch, CODE.unsupportedVersion];

export function judgeAnswer(answer: BackendReply, era: Era, errand: Errand): Result<BackendAnswer, BackendFault> {
  if (answer.kind === 'error') {
    if (!HOP_CODES.includes(answer.code)) return ok(answer);
    return err({ code: 'protocol', detail: `the backend refused the envelope: ${answer.code}`, said: shortText(answer.message, 200) });
  }
  if (era === 'legacy') return ok(mayBeTask(errand) && isCreated(answer.raw) ? { kind: 'task', raw: answer.raw } : answer);
  const raw = memberOf(answer.raw, 'resultType');
  const type = raw === undefined ? 'complete' : stringOf(raw);
  if (type === 'complete') return ok(answer);
  if (type === 'input_required') {
    const problem = inputProblem(answer.raw, errand);
    return problem === undefined ? ok(answer) : err({ code: 'protocol', detail: problem });
  }
  if (type === 'task' && mayBeTask(errand)) return ok({ kind: 'task', raw: answer.raw });
  return err({ code: 'protocol', detail: `unknown resultType ${shortText(type ?? '', 40)}` });
}

/** Only with leave (SEP-2663: MUST NOT otherwise). */
function mayBeTask({ call, step }: Errand): boolean {
  return step === undefined && call.kind === 'tool' && call.task !== undefined;
}

/** CreateTaskResult of 2025-11-25; a tool's own result has `content`. */
function isCreated(raw: RawJson): boolean {
  const all = members(raw);
  const task = all?.get('task');
  return task !== undefined && kindOf(task) === 'object' && !all?.has('content');
}

/** S12, S13: where more may be asked for, and what then must be there. What exactly is asked is the bridge's to judge. */
function inputProblem(result: RawJson, { call, step }: Errand): string | undefined {
  if (call.kind === 'completion' || step !== undefined) return 'the backend asks for input where the protocol has no place for it';
  const all = members(result);
  const requests = all?.get('inputRequests');
  const state = all?.get('requestState');
  if (requests === undefined && state === undefined) return 'input_required with nothing to do';
  if (requests !== undefined && kindOf(requests) !== 'object') return 'inputRequests is not an object';
  return state !== undefined && kindOf(state) !== 'string' ? 'requestState is not a string' : undefined;
}

/** `sent`: bytes of the message it came in; most answers need no closer look. */
export function withinBytes(answer: BackendReply, sent: number, limit: number): boolean {
  if (sent <= limit) return true;
  const text = answer.kind === 'result' ? answer.raw : (answer.data ?? '');
  return Buffer.byteLength(text) <= limit;
}

export type Answered = Result<BackendAnswer, BackendFault>;

/** Of a step about a task, which never begins another. */
export function plainReply(answered: Answered): Result<BackendReply, BackendFault> {
  if (!answered.ok) return answered;
  return answered.value.kind === 'task' ? err({ code: 'protocol', detail: 'a task in answer to a question about a task' }) : ok(answered.value);
}
