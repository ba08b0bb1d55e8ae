// The last door before a backend: only a permit issued by the gateway, only for what is this very backend's.
import type { Call, ListenCall, ServedCall } from '../core/call.ts';
import type { BackendId } from '../core/ids.ts';
import { isPermit, type Permit } from '../core/permit.ts';
import type { BackendFault, TaskStep } from '../core/ports.ts';
import { err, ok, type Result } from '../core/result.ts';

/** What is sent because of an admitted call: itself, or a step about a task that it began or speaks of. */
export interface Errand {
  readonly call: ServedCall;
  readonly step: TaskStep | undefined;
}

export function admittedCall(permit: Permit, own: BackendId): Result<Errand, BackendFault> {
  const admitted = ownCall(permit, own);
  if (!admitted.ok) return admitted;
  const call = admitted.value;
  switch (call.kind) {
    case 'tool':
    case 'prompt':
    case 'resource':
    case 'completion': return ok({ call, step: undefined });
    case 'listen':
    case 'task':
    case 'model': return err({ code: 'protocol', detail: `refused: ${call.kind} is not a request of backends` });
  }
}

/** A permit about one task is good for no other; that of a tool call, for the tasks it brings about. */
export function admittedStep(permit: Permit, step: TaskStep, own: BackendId): Result<Errand, BackendFault> {
  const admitted = ownCall(permit, own);
  if (!admitted.ok) return admitted;
  const call = admitted.value;
  if (call.kind === 'tool' || (call.kind === 'task' && call.task === step.task)) return ok({ call, step });
  return err({ code: 'protocol', detail: 'refused: the permit is not about this task' });
}

export function admittedListen(permit: Permit, own: BackendId): Result<ListenCall, BackendFault> {
  const admitted = ownCall(permit, own);
  if (!admitted.ok) return admitted;
  return admitted.value.kind === 'listen' ? ok(admitted.value) : err({ code: 'protocol', detail: `refused: ${admitted.value.kind} cannot be followed` });
}

function ownCall(permit: Permit, own: BackendId): Result<Call, BackendFault> {
  // The type promises a permit; a cast or a bug elsewhere must not be enough.
  if (!isPermit(permit)) return err({ code: 'protocol', detail: 'refused: not a permit' });
  if (permit.call.target.backend !== own) return err({ code: 'protocol', detail: 'refused: the permit is for another backend' });
  return ok(permit.call);
}
