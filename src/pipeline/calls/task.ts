// Requests about a task by its sealed id: authorised, at each of them anew, as the tool that the task is a call of.
import { type Endpoint, isAt, type Target, type TaskVerb } from '../../core/call.ts';
import type { Catalog } from '../../core/catalog.ts';
import { members, stringOf } from '../../core/json/slice.ts';
import type { RawJson } from '../../core/json/scan.ts';
import { matches } from '../../core/policy/globs.ts';
import type { Result } from '../../core/result.ts';
import type { WireError } from '../../relay/errors.ts';
import { readMeta } from '../../relay/meta.ts';
import { readContinuation } from '../../relay/rounds.ts';
import { CODE } from '../../relay/rpc.ts';
import type { HandleFault } from '../handles.ts';
import type { TaskPlace } from '../tasks/ids.ts';
import type { CallMethod, Found } from './method.ts';

const UNKNOWN: WireError = { code: CODE.invalidParams, message: 'Unknown task', data: undefined };

/** `open`: reads an id for the principal that asks. */
export function taskCalls(verb: TaskVerb, open: (id: string) => Result<TaskPlace, HandleFault>): CallMethod {
  return {
    invalid: verb === 'update' ? 'Missing taskId in params, or inputResponses that are not an object' : 'Missing taskId in params',
    continues: false,
    ask(params) {
      const all = members(params);
      const id = stringOf(all?.get('taskId'));
      const responses = verb === 'update' ? all?.get('inputResponses') : undefined;
      if (id === undefined || (verb === 'update' && (responses === undefined || readContinuation(params) === 'invalid'))) return undefined;
      const opened = open(id);
      return {
        kind: 'tool',
        exposed: id,
        meta: readMeta(params),
        content: responses ?? '',
        fault: opened.ok ? undefined : opened.error,
        find: (catalog, endpoint) => (opened.ok ? found(opened.value, verb, responses, catalog, endpoint) : undefined),
        unknown: () => UNKNOWN,
      };
    },
  };
}

/** Whether the tool, or its backend, is listed just now does not matter: the call is under way, and the id is ours. */
function found({ target, task, born, hosted, until }: TaskPlace, verb: TaskVerb, responses: RawJson | undefined, catalog: Catalog, endpoint: Endpoint): Found | undefined {
  if (!isServed(target, catalog, endpoint) && (catalog.byBackend.has(target.backend) || !isAt(endpoint, target.backend))) return undefined;
  return { target, call: (basis) => ({ ...basis, kind: 'task', verb, task, born, responses, hosted, until }) };
}

/** Its backend is one of this endpoint, and `hide` does not name the tool. */
export function isServed(target: Target, { byBackend }: Catalog, endpoint: Endpoint): boolean {
  return isAt(endpoint, target.backend) && byBackend.get(target.backend)?.hide.some((pattern) => matches(pattern, target)) === false;
}
