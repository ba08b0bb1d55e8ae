// Every MCP method by name: in which era it exists and who answers it. A method that is not here does not exist.
import type { Era } from '../core/call.ts';

/** How a request is answered. */
export type Plan =
  | 'initialize' | 'ping' | 'discover' | 'listen'
  | 'list_tools' | 'call_tool'
  | 'list_prompts' | 'get_prompt'
  | 'list_resources' | 'list_templates' | 'read_resource' | 'subscribe' | 'unsubscribe'
  | 'complete' | 'set_level'
  | 'task_get' | 'task_result' | 'task_update' | 'task_cancel' | 'list_tasks';

export interface MethodSpec {
  readonly method: string;
  readonly plan: Plan;
  readonly eras: readonly Era[];
  /** The params member that `Mcp-Name` mirrors over HTTP (SEP-2243). */
  readonly nameMember: 'name' | 'uri' | 'taskId' | undefined;
}

const BOTH: readonly Era[] = ['legacy', 'modern'];
const LEGACY: readonly Era[] = ['legacy'];
const MODERN: readonly Era[] = ['modern'];

function spec(method: string, plan: Plan, eras: readonly Era[], nameMember: MethodSpec['nameMember'] = undefined): MethodSpec {
  return { method, plan, eras, nameMember };
}

const REQUEST_METHODS: readonly MethodSpec[] = [
  spec('initialize', 'initialize', LEGACY),
  spec('ping', 'ping', LEGACY),
  spec('server/discover', 'discover', MODERN),
  spec('tools/list', 'list_tools', BOTH),
  spec('tools/call', 'call_tool', BOTH, 'name'),
  spec('subscriptions/listen', 'listen', MODERN),
  spec('resources/list', 'list_resources', BOTH),
  spec('resources/templates/list', 'list_templates', BOTH),
  spec('resources/read', 'read_resource', BOTH, 'uri'),
  spec('resources/subscribe', 'subscribe', LEGACY),
  spec('resources/unsubscribe', 'unsubscribe', LEGACY),
  spec('prompts/list', 'list_prompts', BOTH),
  spec('prompts/get', 'get_prompt', BOTH, 'name'),
  spec('completion/complete', 'complete', BOTH),
  spec('logging/setLevel', 'set_level', LEGACY),
  spec('tasks/get', 'task_get', BOTH, 'taskId'),
  spec('tasks/update', 'task_update', MODERN, 'taskId'),
  spec('tasks/cancel', 'task_cancel', BOTH, 'taskId'),
  spec('tasks/result', 'task_result', LEGACY),
  spec('tasks/list', 'list_tasks', LEGACY),
];

const BY_NAME: ReadonlyMap<string, MethodSpec> = new Map(REQUEST_METHODS.map((row) => [row.method, row]));

/** A Map, so `__proto__` and `constructor` are as unknown as any other word (C05). */
export function methodOf(name: string): MethodSpec | undefined {
  return BY_NAME.get(name);
}

/** True when this era may call it and the gateway answers it. Whether a viewer has anything behind it is another question: then lists are empty and names unknown. */
export function isOffered(name: string, era: Era): boolean {
  const row = BY_NAME.get(name);
  return row?.eras.includes(era) === true;
}
