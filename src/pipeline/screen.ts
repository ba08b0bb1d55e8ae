// What comes back is looked at before it reaches its reader. For now one rule: it may not be larger than the gateway relays.
import type { BackendAnswer, BackendFault } from '../core/ports.ts';
import { err, type Result } from '../core/result.ts';
import { resultTypeOf } from '../relay/results.ts';

export function screen(result: Result<BackendAnswer, BackendFault>, resultBytes: number): Result<BackendAnswer, BackendFault> {
  if (!result.ok || result.value.kind === 'error') return result;
  const { raw } = result.value;
  // UTF-16 units never exceed UTF-8 bytes, so this is a floor; the transport has already capped the bytes.
  if (raw.length > resultBytes) return err({ code: 'oversize', limit: resultBytes });
  // An unknown result type is invalid (MUST, MCP basic); `input_required` and `task` need bridges that are not offered.
  if (resultTypeOf(raw) !== 'complete') return err({ code: 'protocol', detail: 'a result type that was not offered' });
  return result;
}
