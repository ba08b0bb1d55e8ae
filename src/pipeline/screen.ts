// What comes back is looked at before it reaches its reader. For now one rule: it may not be larger than the gateway relays.
import type { BackendAnswer, BackendFault } from '../core/ports.ts';
import { err, ok, type Result } from '../core/result.ts';
import { readResult, resultTypeOf, type ReadResult } from '../relay/results.ts';

/** An answer that may be relayed; whoever reads on need not walk it again. */
export type Screened =
  | { readonly kind: 'result'; readonly result: ReadResult }
  | Extract<BackendAnswer, { readonly kind: 'error' }>;

export function screen(answered: Result<BackendAnswer, BackendFault>, resultBytes: number): Result<Screened, BackendFault> {
  if (!answered.ok) return answered;
  if (answered.value.kind === 'error') return ok(answered.value);
  const { raw } = answered.value;
  // UTF-16 units never exceed UTF-8 bytes, so this is a floor; the transport has already capped the bytes.
  if (raw.length > resultBytes) return err({ code: 'oversize', limit: resultBytes });
  const result = readResult(raw);
  if (result === undefined) return err({ code: 'protocol', detail: 'a result that is not an object' });
  // An unknown result type is invalid (MUST, MCP basic); `input_required` and `task` need bridges that are not offered.
  if (resultTypeOf(result) !== 'complete') return err({ code: 'protocol', detail: 'a result type that was not offered' });
  return ok({ kind: 'result', result });
}
