// The last door before a backend: only a permit issued by the gateway, only for a tool of this very backend.
import type { ToolCall } from '../core/call.ts';
import type { BackendId } from '../core/ids.ts';
import { isPermit, type Permit } from '../core/permit.ts';
import type { BackendFault } from '../core/ports.ts';
import { err, ok, type Result } from '../core/result.ts';

export function admittedCall(permit: Permit, own: BackendId): Result<ToolCall, BackendFault> {
  // The type promises a permit; a cast or a bug elsewhere must not be enough.
  if (!isPermit(permit)) return err({ code: 'protocol', detail: 'refused: not a permit' });
  const { call } = permit;
  if (call.target.backend !== own) return err({ code: 'protocol', detail: 'refused: the permit is for another backend' });
  if (call.kind !== 'tool') return err({ code: 'protocol', detail: `refused: ${call.kind} is not spoken with backends` });
  return ok(call);
}
