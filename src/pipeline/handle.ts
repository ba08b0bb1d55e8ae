// Every request of every era enters here: the snapshot is pinned, the method looked up, and one plan carried out.
import type { AgentIo, Answer, Handle, Inbound } from '../core/inbound.ts';
import { stringOf, members } from '../core/json/slice.ts';
import { toRaw } from '../core/json/compose.ts';
import { principalKey } from '../core/principal.ts';
import type { Snapshot } from '../core/snapshot.ts';
import { discoverResult, initializeResult, mergedInstructions, negotiatedVersion } from '../relay/hello.ts';
import { methodOf, isOffered, type Plan } from '../relay/methods.ts';
import { pageResult } from '../relay/page.ts';
import { ownResult } from '../relay/results.ts';
import { CODE, errorMessage, resultMessage } from '../relay/rpc.ts';
import { callTool } from './call-tool.ts';
import type { PipelineDeps } from './deps.ts';
import { listen } from './listen.ts';
import { viewDigest, visibleSections, visibleTools, type VisibleTool } from './view.ts';

export function createHandle(deps: PipelineDeps): Handle {
  return async (inbound, io) => {
    const snapshot = deps.runtime.current();
    const method = methodOf(inbound.method);
    if (method === undefined || !isOffered(inbound.method, inbound.origin.era)) return notFound(inbound);
    try {
      return await carryOut(method.plan, inbound, io, snapshot, deps);
    } catch (error) {
      // A bug, not an outcome: the agent gets a generic answer, the operator the rest.
      deps.onListenerFault(error);
      return { message: errorMessage(inbound.id, CODE.internal, 'Internal error'), status: inbound.origin.era === 'modern' ? 500 : 200 };
    }
  };
}

function carryOut(plan: Plan, inbound: Inbound, io: AgentIo, snapshot: Snapshot, deps: PipelineDeps): Answer | Promise<Answer> {
  switch (plan) {
    case 'call_tool': return callTool(inbound, io, snapshot, deps);
    case 'list_tools': return listTools(inbound, snapshot, deps);
    case 'initialize': return initialize(inbound, snapshot, deps);
    case 'discover': return discover(inbound, snapshot, deps);
    case 'listen': return listen(inbound, io, deps.watch, deps.identity);
    case 'ping': return answer(resultMessage(inbound.id, toRaw({})));
    case 'absent': return notFound(inbound);
  }
}

/** HTTP 404 is a MUST in the modern era, so that clients can tell it from another server's (SH16). */
function notFound(inbound: Inbound): Answer {
  return { message: errorMessage(inbound.id, CODE.methodNotFound, `Method not found: ${inbound.method.slice(0, 128)}`), status: inbound.origin.era === 'modern' ? 404 : 200 };
}

function answer(message: Answer['message']): Answer {
  return { message, status: 200 };
}

function toolsFor(inbound: Inbound, snapshot: Snapshot, deps: PipelineDeps): readonly VisibleTool[] {
  return visibleTools(snapshot, { principal: inbound.principal, endpoint: inbound.origin.endpoint }, deps.clock.wall());
}

function listTools(inbound: Inbound, snapshot: Snapshot, deps: PipelineDeps): Answer {
  const tools = toolsFor(inbound, snapshot, deps);
  const raw = members(inbound.params)?.get('cursor');
  const cursor = stringOf(raw);
  if (raw !== undefined && cursor === undefined) return badCursor(inbound);
  const { endpoint } = inbound.origin;
  const page = pageResult({
    member: 'tools',
    items: tools.map((tool) => tool.definition),
    cursor,
    pageSize: snapshot.settings.bounds.pageSize,
    binding: deps.digest(`tools/list\u0000${endpoint.kind === 'single' ? endpoint.backend : ''}\u0000${principalKey(inbound.principal)}`),
    epoch: viewDigest(tools, deps.digest),
  }, deps.seal);
  if (page === undefined) return badCursor(inbound);
  return answer(resultMessage(inbound.id, ownResult(inbound.origin.era, page, deps.identity, true)));
}

function badCursor(inbound: Inbound): Answer {
  return answer(errorMessage(inbound.id, CODE.invalidParams, 'Invalid cursor: start the list again'));
}

function initialize(inbound: Inbound, snapshot: Snapshot, deps: PipelineDeps): Answer {
  const version = negotiatedVersion(inbound.params);
  if (version === undefined) return answer(errorMessage(inbound.id, CODE.invalidParams, 'Invalid initialize params: protocolVersion, capabilities and clientInfo are required'));
  return answer(resultMessage(inbound.id, initializeResult(version, deps.identity, instructions(inbound, snapshot, deps))));
}

function discover(inbound: Inbound, snapshot: Snapshot, deps: PipelineDeps): Answer {
  const body = discoverResult(instructions(inbound, snapshot, deps));
  return answer(resultMessage(inbound.id, ownResult('modern', body, deps.identity, true)));
}

function instructions(inbound: Inbound, snapshot: Snapshot, deps: PipelineDeps): string {
  const prefixed = snapshot.settings.names === 'prefixed' && inbound.origin.endpoint.kind === 'merged';
  return mergedInstructions(visibleSections(snapshot, toolsFor(inbound, snapshot, deps)), prefixed);
}
