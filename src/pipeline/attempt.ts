// One call sent to its backend, and sent again only where that changes nothing; what the answer says of the backend's health.
import type { Call } from '../core/call.ts';
import type { Permit } from '../core/permit.ts';
import { compilePattern, matches } from '../core/policy/globs.ts';
import type { Backend, BackendAnswer, BackendFault, CallIo, Random, Timers } from '../core/ports.ts';
import { err, type Result } from '../core/result.ts';
import { messageIn } from '../core/thrown.ts';
import type { BackendSettings } from '../core/settings.ts';
import { CODE } from '../relay/rpc.ts';
import { killOf, type DispatchDeps } from './dispatch.ts';
import type { Health } from './lease.ts';

export type AttemptDeps = Pick<DispatchDeps, 'runtime' | 'clock' | 'random' | 'timers'>;

/** Sent once, unless the operator declared the tool idempotent; then again after faults that another try may cure. */
export async function attempt(backend: Backend, permit: Permit, io: CallIo, settings: BackendSettings, deps: AttemptDeps): Promise<Result<BackendAnswer, BackendFault>> {
  let result = await sendOnce(backend, permit, io);
  let attempts = 1;
  while (!result.ok && !io.signal.aborted && isTransient(result.error) && attempts <= settings.retries && isIdempotent(permit.call, settings)) {
    await pause(backoffMs(attempts, deps.random), io.signal, deps.timers);
    // Killed between two tries, and not cancelled because `cancel_in_flight` is off: it still must not be sent again.
    if (io.signal.aborted || killOf(permit.call, deps) !== undefined) break;
    result = await sendOnce(backend, permit, io);
    attempts += 1;
  }
  return result;
}

/** A throw is a bug of ours, but the call may have reached the backend: it ends as a fault on record, not as a hole in it. */
async function sendOnce(backend: Backend, permit: Permit, io: CallIo): Promise<Result<BackendAnswer, BackendFault>> {
  try {
    return await backend.call(permit, io);
  } catch (error) {
    return failedClient(error);
  }
}

export function failedClient(error: unknown): Result<never, BackendFault> {
  return err({ code: 'protocol', detail: `the client of this backend failed: ${messageIn(error).slice(0, 200)}` });
}

function isIdempotent(call: Call, settings: BackendSettings): boolean {
  return settings.idempotent.some((text) => {
    const pattern = compilePattern(text.includes('/') ? text : `${settings.id}/${text}`);
    return pattern.ok && matches(pattern.value, call.target);
  });
}

const BACKOFF_BASE_MS = 100;
const BACKOFF_CAP_MS = 2000;

export function backoffMs(attempts: number, random: Random): number {
  const step = Math.min(BACKOFF_BASE_MS * 2 ** (attempts - 1), BACKOFF_CAP_MS);
  return step / 2 + random.float() * (step / 2);
}

export function pause(ms: number, signal: AbortSignal, timers: Timers): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      undo();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const undo = timers.after(ms, done);
    signal.addEventListener('abort', done, { once: true });
  });
}

function isTransient(fault: BackendFault): boolean {
  switch (fault.code) {
    case 'exited':
    case 'not_ready':
    case 'timeout':
    case 'unreachable': return true;
    case 'http_status': return fault.status === 429 || fault.status >= 500;
    case 'spawn_failed':
    case 'protocol':
    case 'oversize':
    case 'unauthorized':
    case 'queue_full':
    case 'cancelled':
    case 'stopped': return false;
  }
}

/** What the answer to a call says about its backend's health. An agent's own mistake or change of mind says nothing (E8). */
export function healthOf(result: Result<BackendAnswer, BackendFault>): Health {
  if (!result.ok) return faultHealth(result.error);
  return result.value.kind === 'error' && result.value.code === CODE.internal ? 'doubtful' : 'success';
}

export function faultHealth(fault: BackendFault): Health {
  switch (fault.code) {
    case 'spawn_failed':
    case 'exited':
    case 'unreachable': return 'failure';
    case 'not_ready': return fault.starts ?? 'neutral';
    case 'timeout':
    case 'protocol': return 'doubtful';
    case 'http_status': return fault.status >= 500 ? 'doubtful' : 'neutral';
    case 'oversize':
    case 'unauthorized':
    case 'queue_full':
    case 'cancelled':
    case 'stopped': return 'neutral';
  }
}
