// What comes back is looked at before it reaches its reader: not larger than the gateway relays, and of a result type that was offered.
import type { RawJson } from '../core/json/scan.ts';
import type { BackendAnswer, BackendFault, BackendReply } from '../core/ports.ts';
import { err, ok, type Result } from '../core/result.ts';
import { readResult, resultTypeOf, type ReadResult } from '../relay/results.ts';

/** An answer that may be relayed; whoever reads on need not walk it again. */
export type Screened =
  /** `asks`: it is an `input_required` of the backend, which goes no further as it is. */
  | { readonly kind: 'result'; readonly result: ReadResult; readonly asks: boolean }
  /** A task in place of a result. */
  | { readonly kind: 'task'; readonly raw: RawJson }
  /** A result of ours, as it will be sent; how the call ends with it. */
  | { readonly kind: 'own'; readonly body: RawJson; readonly end: 'answered' | 'input_required' | 'task_created'; readonly isError: boolean }
  /** An error of ours. */
  | { readonly kind: 'own_error'; readonly code: number; readonly message: string }
  | Extract<BackendAnswer, { readonly kind: 'error' }>;

export function screen(answered: Result<BackendAnswer, BackendFault>, resultBytes: number): Result<Screened, BackendFault> {
  if (!answered.ok) return answered;
  if (answered.value.kind === 'error') return ok(answered.value);
  const { raw } = answered.value;
  // UTF-16 units never exceed UTF-8 bytes, so this is a floor; the transport has already capped the bytes.
  if (raw.length > resultBytes) return err({ code: 'oversize', limit: resultBytes });
  if (answered.value.kind === 'task') return ok({ kind: 'task', raw });
  const result = readResult(raw);
  if (result === undefined) return err({ code: 'protocol', detail: 'a result that is not an object' });
  const type = resultTypeOf(result);
  // An unknown result type is invalid (MUST, MCP basic).
  if (type !== 'complete' && type !== 'input_required') return err({ code: 'protocol', detail: 'a result type that was not offered' });
  return ok({ kind: 'result', result, asks: type === 'input_required' });
}

/** What a call ends with at its backend, or in its place. */
export type Ended = Extract<Screened, { readonly kind: 'result' | 'error' }>;

/** An answer of the gateway's own making. */
export function screenOwn(answer: BackendReply): Ended {
  if (answer.kind !== 'result') return answer;
  return { kind: 'result', result: { raw: answer.raw, members: readResult(answer.raw)?.members ?? [] }, asks: false };
}
