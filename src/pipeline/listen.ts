// `subscriptions/listen` for stateless agents: acknowledged first, then one notice per change of the agent's own list.
// Source: MCP 2026-07-28 basic/patterns/subscriptions. Only list changes of tools are offered yet.
import { objectOf, toRaw } from '../core/json/compose.ts';
import type { AgentIo, Answer, Inbound, Viewer } from '../core/inbound.ts';
import type { RawJson } from '../core/json/scan.ts';
import { members } from '../core/json/slice.ts';
import { META, type ServerIdentity } from '../relay/meta.ts';
import { ownResult } from '../relay/results.ts';
import { CODE, errorMessage, notificationMessage, resultMessage } from '../relay/rpc.ts';
import { cancelledBy } from './inflight.ts';

export async function listen(inbound: Inbound, io: AgentIo, watch: (viewer: Viewer, changed: () => void) => () => void, identity: ServerIdentity): Promise<Answer> {
  const wanted = members(members(inbound.params)?.get('notifications'));
  if (wanted === undefined) return { message: errorMessage(inbound.id, CODE.invalidParams, 'Missing notifications filter in params'), status: 200 };
  const tools = wanted.get('toolsListChanged') === 'true';
  const tag: readonly [string, RawJson] = ['_meta', objectOf([[META.subscriptionId, inbound.id]])];
  io.notify(notificationMessage('notifications/subscriptions/acknowledged', objectOf([['notifications', toRaw(tools ? { toolsListChanged: true } : {})], tag])));
  const undo = tools ? watch({ principal: inbound.principal, endpoint: inbound.origin.endpoint }, () => io.notify(notificationMessage('notifications/tools/list_changed', objectOf([tag])))) : undefined;
  await aborted(io.signal);
  undo?.();
  if (cancelledBy(io.signal) === 'agent') return { message: undefined, status: 200 };
  return { message: resultMessage(inbound.id, ownResult('modern', objectOf([tag]), identity, false)), status: 200 };
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
