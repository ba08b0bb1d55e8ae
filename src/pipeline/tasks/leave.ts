// Whether a tool call may become a task, and who takes it then: what the agent takes, what its backend offers, and what the tool demands.
// The table of protocol reference 4.13 for the beginning of a task.
import type { CallOrigin, ServedCall, TaskLeave } from '../../core/call.ts';
import type { BackendCatalog, TaskSupport } from '../../core/catalog.ts';
import type { RawJson } from '../../core/json/scan.ts';
import { members } from '../../core/json/slice.ts';
import type { Snapshot } from '../../core/snapshot.ts';
import type { ServerIdentity } from '../../relay/meta.ts';
import { CODE } from '../../relay/rpc.ts';
import { millisOf } from '../../relay/tasks.ts';
import { isSince } from '../../relay/versions.ts';
import type { Screened } from '../screen.ts';
import { offeredTo } from '../view.ts';
import { carryHosted } from './hosted.ts';
import type { KnownTasks } from './known.ts';

export interface Wish {
  /** `may`: the extension, by which the backend chooses; `must`: `params.task` of 2025-11-25, whose answer has no place for a result. */
  readonly wants: 'no' | 'may' | 'must';
  readonly ttlMs: number | undefined;
}

const NONE: Wish = { wants: 'no', ttlMs: undefined };

/** `task`: the member of the params; ignored where it means nothing (T110). */
export function wishOf(task: RawJson | undefined, { era, version, capabilities }: Pick<CallOrigin, 'era' | 'version' | 'capabilities'>): Wish {
  if (era === 'modern') return capabilities.tasks ? { wants: 'may', ttlMs: undefined } : NONE;
  const all = isSince(version, '2025-11-25') ? members(task) : undefined;
  return all === undefined ? NONE : { wants: 'must', ttlMs: millisOf(all.get('ttl')) };
}

/** Undefined: the backend has to answer with a result. */
export function leaveFor(wish: Wish, support: TaskSupport, { era, offers }: Pick<BackendCatalog, 'era' | 'offers'>): TaskLeave | undefined {
  const { wants, ttlMs } = wish;
  const forAgent: TaskLeave = { ttlMs, taker: 'agent' };
  if (!offers.tasks) return undefined;
  if (era === 'modern') return wants === 'no' ? undefined : forAgent;
  switch (support) {
    case 'forbidden': return undefined;
    // Such a tool takes its time, and an agent with the extension is better served with a handle than with a timeout.
    case 'optional': return wants === 'no' ? undefined : forAgent;
    case 'required': return wants === 'no' ? { ttlMs, taker: 'gateway' } : forAgent;
  }
}

/** 2025-11-25, tasks: a tool without them SHOULD be refused so. */
const UNSUPPORTED: Screened = { kind: 'own_error', code: CODE.methodNotFound, message: 'This tool cannot be called as a task' };
const NOT_READY: Screened = { kind: 'own_error', code: CODE.internal, message: 'The server of this task is not ready: try again later' };
const NO_ROOM: Screened = { kind: 'own_error', code: CODE.internal, message: 'Too many tasks: wait until some are over' };

export interface Begun {
  readonly call: ServedCall;
  /** The answer, once the call is admitted: it does not come to a backend. */
  readonly local: Screened | undefined;
  /** The call is over, whatever became of it. */
  over(): void;
}

/** The call as it may begin. Where no more tasks may be known, whoever can do without one gets a result. */
export function begun(call: ServedCall, task: RawJson | undefined, snapshot: Snapshot, { tasks, identity }: { readonly tasks: KnownTasks; readonly identity: ServerIdentity }): Begun {
  const { catalog, settings } = snapshot;
  const noPlace = (local?: Screened): Begun => ({ call, local, over: nothing });
  if (call.kind === 'task' && call.hosted) return noPlace(carryHosted(tasks.get(call.exposed), { call, snapshot, identity }));
  // After a restart, say: it has not told its lists yet, and so not what it speaks. The task is there, and must not be called unknown.
  if (call.kind === 'task' && !catalog.byBackend.has(call.target.backend)) return noPlace(NOT_READY);
  if (call.kind !== 'tool') return noPlace();
  const must = wishOf(task, call.origin).wants === 'must' && offersTasks(call, snapshot);
  if (must && call.task === undefined) return noPlace(UNSUPPORTED);
  if (call.task?.taker !== 'agent') return noPlace();
  // What it would keep for that agent must have a place before anything is executed.
  const over = must && !tasks.mayHost(call.principal, settings.bounds) ? undefined : tasks.reserve(call.principal, settings.bounds);
  if (over !== undefined) return { call, local: undefined, over };
  if (must) return noPlace(NO_ROOM);
  const isLegacy = catalog.byBackend.get(call.target.backend)?.era === 'legacy';
  return { call: { ...call, task: isLegacy ? { ...call.task, taker: 'gateway' } : undefined }, local: undefined, over: nothing };
}

/** Where none are offered the wish MUST be ignored (2025-11-25, tasks: capability negotiation). */
function offersTasks({ principal, origin }: ServedCall, snapshot: Snapshot): boolean {
  return offeredTo(snapshot, { principal, endpoint: origin.endpoint }).tasks;
}

function nothing(): void {}
