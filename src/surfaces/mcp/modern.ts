// One POST of 2026-07-28: stateless. The answer is JSON, or a stream from the first notification on; a client that goes away
// has cancelled (SH12). No session is ever minted or read here (SH10).
import { toRaw } from '../../core/json/compose.ts';
import type { Inbound } from '../../core/inbound.ts';
import { DENIAL_CODES } from '../../core/wire/denials.ts';
import { methodOf } from '../../relay/methods.ts';
import { CODE, errorMessage } from '../../relay/rpc.ts';
import { answerOf } from './answer.ts';
import { climbHttp, type LadderFault, type MetaMembers, type ModernEnvelope, type Spoken } from './classify.ts';
import type { RequestEnvelope } from './envelope.ts';
import { Exchange } from './exchange.ts';
import { modernOrigin } from './origin.ts';
import { askForScope } from './protected-resource.ts';
import { replyEmpty, replyJson, safely } from './reply.ts';
import type { Guest, HttpState } from './state.ts';
import { traceOf } from './trace.ts';

export function serveModern(state: HttpState, guest: Guest, message: Spoken, meta: MetaMembers): void {
  const climbed = climbHttp(message, meta, guest.headers);
  if (!climbed.ok) return refuse(guest, message, climbed.error);
  // Nothing modern is said by notification over HTTP: cancelling is closing. Accepted, and without effect (T28).
  if (message.kind === 'notification') return replyEmpty(guest.res, 202, guest.cors);
  const long = methodOf(message.method)?.plan === 'listen';
  if (long && !state.longStreams.take(guest.principal, guest.settings.bounds.streamsPerPrincipal)) {
    state.counters.hits.streams += 1;
    const data = toRaw({ sentinel: { code: DENIAL_CODES.busy } });
    return refuse(guest, message, { status: 429, code: CODE.internal, message: 'Too many open streams', data });
  }
  safely(guest.res, () => run(state, guest, inboundOf(guest, message, meta, climbed.value), long));
}

async function run(state: HttpState, guest: Guest, inbound: Inbound, long: boolean): Promise<void> {
  const { res, settings, principal } = guest;
  const controller = new AbortController();
  const exchange = new Exchange(res, {
    principal,
    long,
    bufferBytes: settings.bounds.streamBufferBytes,
    headers: guest.cors,
    now: state.ingress.clock.mono(),
    cancel: (by) => controller.abort(by),
    behind: () => (state.counters.hits.reader += 1),
  });
  res.on('close', () => {
    if (!res.writableFinished) controller.abort('agent');
  });
  state.exchanges.add(exchange);
  const answer = await answerOf(state.ingress, inbound, { signal: controller.signal, notify: (message) => exchange.notify(message), ask: undefined, session: undefined });
  state.exchanges.delete(exchange);
  if (long) state.longStreams.give(principal);
  exchange.finish(answer, askForScope(guest, answer));
}

function inboundOf(guest: Guest, message: RequestEnvelope, meta: MetaMembers, envelope: ModernEnvelope): Inbound {
  return {
    principal: guest.principal,
    origin: modernOrigin({ surface: 'http', endpoint: guest.endpoint, peer: guest.peer, trace: traceOf(meta, guest.headers) }, envelope),
    id: message.id,
    method: message.method,
    params: message.params,
    paramHeaders: guest.headers.params,
  };
}

function refuse(guest: Guest, message: Spoken, fault: LadderFault): void {
  const id = message.kind === 'request' ? message.id : undefined;
  replyJson(guest.res, fault.status, errorMessage(id, fault.code, fault.message, fault.data), guest.cors);
}
