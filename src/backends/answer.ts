// What may be given on of a backend's answer: whole, of a kind we can relay, within its bound (T73, T74).
import type { Era, RequestCall } from '../core/call.ts';
import type { RawJson } from '../core/json/scan.ts';
import { kindOf, memberOf, members, stringOf } from '../core/json/slice.ts';
import type { BackendAnswer, BackendFault } from '../core/ports.ts';
import { err, ok, type Result } from '../core/result.ts';
import { CODE } from '../relay/rpc.ts';
import { shortText } from './text.ts';

/** Codes about this hop, which an agent must not mistake for its own mistakes (CH8, 4.17). What it lacks itself (-32021) is its business. */
const HOP_CODES: readonly number[] = [CODE.headerMismatch, CODE.unsupportedVersion];

export function judgeAnswer(answer: BackendAnswer, era: Era, kind: RequestCall['kind']): Result<BackendAnswer, BackendFault> {
  if (answer.kind === 'error') {
    if (!HOP_CODES.includes(answer.code)) return ok(answer);
    return err({ code: 'protocol', detail: `the backend refused the envelope: ${answer.code} ${shortText(answer.message, 200)}` });
  }
  if (era === 'legacy') return ok(answer);
  const raw = memberOf(answer.raw, 'resultType');
  const type = raw === undefined ? 'complete' : stringOf(raw);
  if (type === 'complete') return ok(answer);
  if (type === 'input_required') {
    const problem = inputProblem(answer.raw, kind);
    return problem === undefined ? ok(answer) : err({ code: 'protocol', detail: problem });
  }
  return err({ code: 'protocol', detail: `unknown resultType ${shortText(type ?? '', 40)}` });
}

/** S12, S13: where more may be asked for, and what then must be there. What exactly is asked is the bridge's to judge. */
function inputProblem(result: RawJson, kind: RequestCall['kind']): string | undefined {
  if (kind === 'completion') return 'the backend asks for input where the protocol has no place for it';
  const all = members(result);
  const requests = all?.get('inputRequests');
  const state = all?.get('requestState');
  if (requests === undefined && state === undefined) return 'input_required with nothing to do';
  if (requests !== undefined && kindOf(requests) !== 'object') return 'inputRequests is not an object';
  return state !== undefined && kindOf(state) !== 'string' ? 'requestState is not a string' : undefined;
}

/** `sent`: bytes of the message it came in; most answers need no closer look. */
export function withinBytes(answer: BackendAnswer, sent: number, limit: number): boolean {
  if (sent <= limit) return true;
  const text = answer.kind === 'result' ? answer.raw : (answer.data ?? '');
  return Buffer.byteLength(text) <= limit;
}
