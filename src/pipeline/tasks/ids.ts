// The id by which an agent knows a task: sealed, bound to its principal, good until the task is forgotten, also after a restart. An
// agent's text until it is opened; whose task it is and where stands in it, so no look-up can be tricked (SEC12; CVE-2026-52870).
import type { Target } from '../../core/call.ts';
import { objectOf, quote, toRaw } from '../../core/json/compose.ts';
import { AGENT_LIMITS } from '../../core/json/raw.ts';
import { scan } from '../../core/json/scan.ts';
import { members, safeIntegerOf, stringOf } from '../../core/json/slice.ts';
import { backendId, type Timestamp, timestamp } from '../../core/ids.ts';
import type { Clock, Digest } from '../../core/ports.ts';
import { principalKey, type Principal } from '../../core/principal.ts';
import { err, ok, type Result } from '../../core/result.ts';
import type { Seal } from '../../relay/page.ts';
import type { HandleFault } from '../handles.ts';

/** Where a task is, and until when. */
export interface TaskPlace {
  /** The tool that it is a call of. */
  readonly target: Target;
  /** The id at the backend; of a task that the gateway keeps itself, one of ours. */
  readonly task: string;
  /** Its own `createdAt`: a backend that begins to count anew after a crash must not lead one principal into the task of another. */
  readonly born: string;
  /** Kept by the gateway: its backend had answered at once. */
  readonly hosted: boolean;
  readonly until: Timestamp;
}

export interface TaskIdDeps {
  /** Under a key that outlives the process: a task does. */
  readonly taskSeal: Seal;
  readonly digest: Digest;
  readonly clock: Clock;
}

export function sealTask({ target, task, born, hosted, until }: TaskPlace, principal: Principal, { taskSeal, digest }: TaskIdDeps): string {
  return taskSeal.seal(objectOf([
    ['w', quote(digest(principalKey(principal)))], ['b', quote(target.backend)], ['n', quote(target.name)],
    ['i', quote(task)], ['c', quote(born)], ['h', toRaw(hosted)], ['u', toRaw(until)],
  ]));
}

export function openTask(id: string, principal: Principal, { taskSeal, digest, clock }: TaskIdDeps): Result<TaskPlace, HandleFault> {
  const opened = taskSeal.open(id);
  const scanned = opened === undefined ? undefined : scan(opened, AGENT_LIMITS);
  const all = scanned?.ok === true ? members(scanned.value) : undefined;
  const [backend, name, task, born] = ['b', 'n', 'i', 'c'].map((key) => stringOf(all?.get(key)));
  const until = safeIntegerOf(all?.get('u'));
  if (all === undefined || backend === undefined || name === undefined || task === undefined || born === undefined || until === undefined) return err('forged');
  if (stringOf(all.get('w')) !== digest(principalKey(principal))) return err('foreign');
  if (until <= clock.wall()) return err('expired');
  return ok({ target: { kind: 'tool', backend: backendId(backend), name }, task, born, hosted: all.get('h') === 'true', until: timestamp(until) });
}
