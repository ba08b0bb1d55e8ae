// One request that names an object, from its name to its answer; the same path for tools, prompts, resources and completion. What
// stands before a backend is in make.ts and stages.ts; what an answer that asks the agent back leads to, in retry.ts and parking.ts.
import { callId } from '../core/ids.ts';
import type { AgentIo, Answer, Inbound } from '../core/inbound.ts';
import type { RawJson } from '../core/json/scan.ts';
import type { Snapshot } from '../core/snapshot.ts';
import { denialToWire } from '../core/wire/denials.ts';
import { inputRequiredResult, readContinuation, REQUESTS_MOST } from '../relay/rounds.ts';
import { CODE, errorMessage, resultMessage } from '../relay/rpc.ts';
import { answerEnd, denied, invalid, unknownAnswer } from './answer.ts';
import type { Asked, Basis, CallMethod, Found } from './calls/method.ts';
import type { PipelineDeps } from './deps.ts';
import { BAD_HANDLE, sealHandle } from './handles.ts';
import { probeDenial } from './probes.ts';
import { refuse, refuseProbing } from './refuse.ts';
import { readRetry, type Retry } from './retry.ts';
import { Run } from './run.ts';
import { begun } from './tasks/leave.ts';

export async function serveCall(method: CallMethod, inbound: Inbound, io: AgentIo, snapshot: Snapshot, deps: PipelineDeps): Promise<Answer> {
  const asked = method.ask(inbound.params);
  if (asked === undefined) return invalid(inbound, method.invalid);
  const continued = method.continues && inbound.origin.era === 'modern' ? readContinuation(inbound.params) : undefined;
  if (continued === 'invalid') return invalid(inbound, 'Invalid inputResponses or requestState');
  const probing = probeDenial(snapshot, inbound.principal, deps);
  if (probing !== undefined) {
    const cx = await refuseProbing(inbound, asked.kind, asked.exposed, probing, snapshot, deps);
    return said(denied(inbound, asked, denialToWire(probing, cx), deps.identity));
  }
  const found = asked.find(snapshot.catalog, inbound.origin.endpoint);
  if (found === undefined) {
    await refuse(inbound, asked.exposed, asked.fault === undefined ? { code: 'unknown_name' } : { code: 'bad_handle', handle: asked.fault }, snapshot, deps);
    return { ...said(unknownAnswer(inbound, asked)), silent: true };
  }
  const retry = readRetry(continued, { principal: inbound.principal, method: inbound.method, target: found.target, content: asked.content }, snapshot, deps);
  switch (retry.kind) {
    case 'bad':
      await refuse(inbound, asked.exposed, { code: 'bad_handle', handle: retry.fault }, snapshot, deps);
      return said(errorMessage(inbound.id, CODE.invalidParams, BAD_HANDLE));
    case 'parked': return resume(retry.run, retry.responses, asked, inbound, io, deps);
    case 'call': return begin(found, retry, asked, inbound, io, snapshot, deps);
  }
}

function said(message: RawJson): Answer {
  return { message, status: 200 };
}

function begin(found: Found, { continuation, pages, local }: Extract<Retry, { kind: 'call' }>, asked: Asked, inbound: Inbound, io: AgentIo, snapshot: Snapshot, deps: PipelineDeps): Promise<Answer> {
  const basis: Basis = {
    id: callId(deps.random.uuid()),
    principal: inbound.principal,
    origin: inbound.origin,
    target: found.target,
    at: deps.clock.mono(),
    wall: deps.clock.wall(),
    exposed: asked.exposed,
    meta: asked.meta.forward,
    wantsProgress: asked.meta.progressToken !== undefined,
    continuation,
  };
  const first = begun(found.call(basis), asked.task, snapshot, deps);
  const run = new Run({ call: first.call, asked, snapshot, pages, local: local ?? first.local }, inbound, io, deps);
  run.done.then(first.over, first.over);
  return attended(run, asked, inbound, deps);
}

/** The agent is back with answers: the call that waits gets them, and is not made a second time. */
function resume(run: Run, responses: ReadonlyMap<string, RawJson>, asked: Asked, inbound: Inbound, io: AgentIo, deps: PipelineDeps): Promise<Answer> {
  const open = run.dialogue.open;
  for (const [key] of open?.list() ?? []) {
    const raw = responses.get(key);
    if (raw === undefined) continue;
    open?.answer(key, { kind: 'result', raw, by: { tokenId: inbound.principal.tokenId, peer: inbound.origin.peer } });
    run.progressed();
  }
  run.attend(inbound, io, asked.meta.progressToken);
  return attended(run, asked, inbound, deps);
}

/** Until the call is over, or its backend asks what only another request of the agent can answer. */
async function attended(run: Run, asked: Asked, inbound: Inbound, deps: PipelineDeps): Promise<Answer> {
  const { open } = run.dialogue;
  if (open !== undefined) {
    const over = run.done.then(() => true);
    while (!await Promise.race([over, open.due().then(() => false)])) {
      // Taken back by the backend meanwhile: nothing is left to tell.
      if (open.size > 0) return ask(run, asked, inbound, deps);
    }
  }
  const made = await run.done;
  run.leave();
  const { call, snapshot } = run.given;
  return answerEnd({ inbound, asked, call, snapshot, identity: deps.identity, shown: (page) => run.shown(page) }, made);
}

function ask(run: Run, asked: Asked, inbound: Inbound, deps: PipelineDeps): Answer {
  const { call, snapshot } = run.given;
  const requests = new Map(run.dialogue.open?.list().slice(0, REQUESTS_MOST));
  const lastsMs = run.patience(new Set(requests.keys()), snapshot.settings.bounds.parkMs);
  const handle = run.park(lastsMs);
  const state = sealHandle({ kind: 'parked', ...handle }, { principal: inbound.principal, method: inbound.method, target: call.target, content: asked.content }, lastsMs, deps);
  return said(resultMessage(inbound.id, inputRequiredResult(requests, state, deps.identity)));
}
