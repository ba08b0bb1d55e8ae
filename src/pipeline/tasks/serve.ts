// Requests of agents about tasks, before there is a call: whether this agent may speak of tasks at all, and the list of its own.
import type { TaskVerb } from '../../core/call.ts';
import type { AgentIo, Answer, Inbound } from '../../core/inbound.ts';
import { objectOf, toRaw } from '../../core/json/compose.ts';
import { members, stringOf } from '../../core/json/slice.ts';
import { mayUse } from '../../core/policy/decide.ts';
import type { Snapshot } from '../../core/snapshot.ts';
import { TASKS_EXTENSION } from '../../relay/capabilities.ts';
import { CODE, errorMessage, resultMessage } from '../../relay/rpc.ts';
import { isSince } from '../../relay/versions.ts';
import { notFound } from '../answer.ts';
import { isServed, taskCalls } from '../calls/task.ts';
import type { PipelineDeps } from '../deps.ts';
import { invalidCursor, pageFor } from '../lists.ts';
import { serveCall } from '../serve.ts';
import { offeredTo } from '../view.ts';
import { openTask } from './ids.ts';

export async function serveTask(verb: TaskVerb, inbound: Inbound, io: AgentIo, snapshot: Snapshot, deps: PipelineDeps): Promise<Answer> {
  return refusal(inbound, snapshot, deps) ?? serveCall(taskCalls(verb, (id) => openTask(id, inbound.principal, deps)), inbound, io, snapshot, deps);
}

/** T21: where nothing offers tasks there is no such method; an agent that did not declare the extension is told what it lacks (SEP-2663). */
function refusal(inbound: Inbound, snapshot: Snapshot, deps: PipelineDeps): Answer | undefined {
  const { origin, principal, id } = inbound;
  if (!offeredTo(snapshot, { principal, endpoint: origin.endpoint }).tasks && !isOfUnheard(inbound, snapshot, deps)) return notFound(inbound);
  if (origin.era === 'legacy') return isSince(origin.version, '2025-11-25') ? undefined : notFound(inbound);
  if (origin.capabilities.tasks) return undefined;
  const data = objectOf([['requiredCapabilities', toRaw({ extensions: { [TASKS_EXTENSION]: {} } })]]);
  return { message: errorMessage(id, CODE.missingCapability, 'Missing required client capability', data), status: 400, refusal: 'invalid_request' };
}

/** An id of ours leads to a backend that has not told its lists yet: a task of before a restart is there. */
function isOfUnheard({ params, principal }: Inbound, { settings, catalog }: Snapshot, deps: PipelineDeps): boolean {
  const opened = openTask(stringOf(members(params)?.get('taskId')) ?? '', principal, deps);
  return opened.ok && !catalog.byBackend.has(opened.value.target.backend) && settings.backends.some(({ id }) => id === opened.value.target.backend);
}

/** Those of this principal that the gateway knows, and for which `tasks/get` would answer here and now (C01). */
export function listTasks(inbound: Inbound, snapshot: Snapshot, deps: PipelineDeps): Answer {
  const refused = refusal(inbound, snapshot, deps);
  if (refused !== undefined) return refused;
  const { origin: { endpoint }, principal, id } = inbound;
  const known = deps.tasks.of(principal).filter(({ target }) => isServed(target, snapshot.catalog, endpoint) && mayUse(snapshot.policy, principal, target, deps.clock.wall()));
  const items = known.flatMap(({ item }) => item ?? []);
  const page = pageFor(inbound, { member: 'tasks', items, epoch: deps.digest(known.map((task) => task.id).join('\n')) }, snapshot, deps);
  if (page === undefined) return invalidCursor(inbound);
  deps.listed(principal, inbound.method, items.length);
  return { message: resultMessage(id, page), status: 200 };
}
