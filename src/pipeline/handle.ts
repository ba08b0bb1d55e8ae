// Every request of every era enters here: the snapshot is pinned, the method looked up, and one plan carried out.
import type { AgentIo, Answer, Handle, Inbound, Viewer } from '../core/inbound.ts';
import { toRaw } from '../core/json/compose.ts';
import type { RawJson } from '../core/json/scan.ts';
import { members } from '../core/json/slice.ts';
import type { Snapshot } from '../core/snapshot.ts';
import { readLogLevel } from '../relay/capabilities.ts';
import { discoverResult, initializeResult, mergedInstructions, negotiatedVersion } from '../relay/hello.ts';
import { isOffered, methodOf, type Plan } from '../relay/methods.ts';
import { ownResult } from '../relay/results.ts';
import { CODE, errorMessage, resultMessage } from '../relay/rpc.ts';
import { invalid, notFound } from './answer.ts';
import { completions } from './calls/completion.ts';
import { promptGets } from './calls/prompt.ts';
import { resourceReads } from './calls/resource.ts';
import { toolCalls } from './calls/tool.ts';
import type { PipelineDeps } from './deps.ts';
import { listen } from './listen.ts';
import { serveList } from './lists.ts';
import { refuseRequest } from './refuse.ts';
import { serveCall } from './serve.ts';
import { subscribe, unsubscribe } from './subscribe.ts';
import { listTasks, serveTask } from './tasks/serve.ts';
import { watchBegun } from './tasks/watch.ts';
import { offeredTo, visibleSections } from './view.ts';

export function createHandle(deps: PipelineDeps): Handle {
  return async (inbound, io) => {
    const snapshot = deps.runtime.current();
    const method = methodOf(inbound.method);
    try {
      const answered = method === undefined || !isOffered(inbound.method, inbound.origin.era) ? notFound(inbound) : await served(method.plan, inbound, io, snapshot, deps);
      if (answered.refusal !== undefined) await refuseRequest(inbound, answered.refusal, snapshot, deps);
      return answered;
    } catch (error) {
      // A bug, not an outcome: the agent gets a generic answer, the operator the rest.
      deps.onListenerFault(error);
      return { message: errorMessage(inbound.id, CODE.internal, 'Internal error'), status: inbound.origin.era === 'modern' ? 500 : 200 };
    }
  };
}

async function served(plan: Plan, inbound: Inbound, io: AgentIo, snapshot: Snapshot, deps: PipelineDeps): Promise<Answer> {
  if (io.session !== undefined) deps.subscriptions.seen(io.session, inbound.principal);
  return deps.silence(() => carryOut(plan, inbound, io, snapshot, deps));
}

function carryOut(plan: Plan, inbound: Inbound, io: AgentIo, snapshot: Snapshot, deps: PipelineDeps): Answer | Promise<Answer> {
  switch (plan) {
    case 'call_tool': return callTool(inbound, io, snapshot, deps);
    case 'get_prompt': return serveCall(promptGets, inbound, io, snapshot, deps);
    case 'read_resource': return serveCall(resourceReads, inbound, io, snapshot, deps);
    case 'complete': return serveCall(completions, inbound, io, snapshot, deps);
    case 'list_tools': return serveList('tools', inbound, snapshot, deps);
    case 'list_prompts': return serveList('prompts', inbound, snapshot, deps);
    case 'list_resources': return serveList('resources', inbound, snapshot, deps);
    case 'list_templates': return serveList('templates', inbound, snapshot, deps);
    case 'subscribe': return subscribe(inbound, io, snapshot, deps);
    case 'unsubscribe': return unsubscribe(inbound, io, deps);
    case 'listen': return listen(inbound, io, snapshot, deps);
    case 'initialize': return initialize(inbound, snapshot, deps);
    case 'discover': return discover(inbound, snapshot, deps);
    case 'set_level': return setLevel(inbound);
    case 'ping': return answer(resultMessage(inbound.id, toRaw({})));
    case 'task_get': return serveTask('get', inbound, io, snapshot, deps);
    case 'task_result': return serveTask('result', inbound, io, snapshot, deps);
    case 'task_update': return serveTask('update', inbound, io, snapshot, deps);
    case 'task_cancel': return serveTask('cancel', inbound, io, snapshot, deps);
    case 'list_tasks': return listTasks(inbound, snapshot, deps);
  }
}

async function callTool(inbound: Inbound, io: AgentIo, snapshot: Snapshot, deps: PipelineDeps): Promise<Answer> {
  const answered = await serveCall(toolCalls, inbound, io, snapshot, deps);
  watchBegun(answered, inbound, io.session, deps);
  return answered;
}

function answer(message: RawJson): Answer {
  return { message, status: 200 };
}

/** Kept by the surface, which knows the session; here it is only judged (LG). */
function setLevel({ id, params }: Inbound): Answer {
  const known = readLogLevel(members(params)?.get('level')) !== undefined;
  return known ? answer(resultMessage(id, toRaw({}))) : invalid({ id }, 'Invalid log level');
}

function initialize(inbound: Inbound, snapshot: Snapshot, deps: PipelineDeps): Answer {
  const version = negotiatedVersion(inbound.params);
  if (version === undefined) return invalid(inbound, 'Invalid initialize params: protocolVersion, capabilities and clientInfo are required');
  const viewer = viewerOf(inbound);
  return answer(resultMessage(inbound.id, initializeResult(version, deps.identity, instructions(viewer, snapshot, deps), offeredTo(snapshot, viewer))));
}

function discover(inbound: Inbound, snapshot: Snapshot, deps: PipelineDeps): Answer {
  const viewer = viewerOf(inbound);
  const body = discoverResult(instructions(viewer, snapshot, deps), offeredTo(snapshot, viewer));
  return answer(resultMessage(inbound.id, ownResult('modern', body, deps.identity, true)));
}

function viewerOf({ principal, origin }: Inbound): Viewer {
  return { principal, endpoint: origin.endpoint };
}

function instructions(viewer: Viewer, snapshot: Snapshot, deps: PipelineDeps): string {
  const prefixed = snapshot.settings.names === 'prefixed' && viewer.endpoint.kind === 'merged';
  return mergedInstructions(visibleSections(snapshot, viewer, deps.clock.wall()), prefixed);
}
