// HTTP agents of the 2025 revisions: a session from initialize to DELETE, bound to its principal; POST, GET and DELETE on one
// path. A dropped connection is not a cancel here (SL6); only `notifications/cancelled` and DELETE are.
import type { Inbound } from '../../core/inbound.ts';
import type { RawJson } from '../../core/json/scan.ts';
import type { CancelledBy } from '../../core/outcome.ts';
import { CODE, errorMessage } from '../../relay/rpc.ts';
import { allowsBatch, eraOf } from '../../relay/versions.ts';
import { answerOf } from './answer.ts';
import { metaOf } from './classify.ts';
import { BATCH_MAX, type MessageEnvelope, type NotificationEnvelope, readMessage, type RequestEnvelope, type ResponseEnvelope } from './envelope.ts';
import { Exchange } from './exchange.ts';
import { prefersStream } from './headers.ts';
import { addSession, sessionOf, watch } from './http-session.ts';
import { legacyOrigin } from './origin.ts';
import { askForScope } from './protected-resource.ts';
import type { Joining } from './resumable.ts';
import { replyEmpty, replyFault, replyJson, retryAfter, safely } from './reply.ts';
import { isResult, LegacySession } from './session.ts';
import type { HttpSession } from './sessions.ts';
import type { AnswerStream } from './sse.ts';
import type { Guest, HttpState } from './state.ts';
import { rightsOf } from './rights.ts';
import { retryOf } from './subscribe.ts';
import { traceOf } from './trace.ts';

const FULL_RETRY_MS = 5000;

export function serveLegacy(state: HttpState, guest: Guest, message: Exclude<MessageEnvelope, { kind: 'invalid' }>): void {
  if (message.kind === 'request' && message.method === 'initialize' && guest.headers.session === undefined) return open(state, guest, message);
  const session = sessionOf(state, guest, message.kind === 'response' ? undefined : message.method);
  if (session === undefined) return;
  if (message.kind === 'request') return safely(guest.res, () => answer(state, guest, session, message));
  take(state, guest, session, message);
  replyEmpty(guest.res, 202, guest.cors);
}

function take(state: HttpState, guest: Guest, session: HttpSession, message: NotificationEnvelope | ResponseEnvelope): void {
  if (message.kind === 'response') {
    // In another session it would have been awaited, or a moment earlier: here and now it means nothing (T53, A40).
    if (!session.talk.questions.answered(message, session.owner, { tokenId: guest.principal.tokenId, peer: guest.peer })) state.counters.strayResponses += 1;
  } else if (session.talk.notified(message)) watch(state, session);
}

function open(state: HttpState, guest: Guest, message: RequestEnvelope): void {
  const refused = crowded(state, guest, message);
  if (refused !== undefined) return replyJson(guest.res, refused.status, refused.message, [...guest.cors, ...retryAfter(FULL_RETRY_MS)]);
  safely(guest.res, () => begin(state, guest, message));
}

function crowded(state: HttpState, guest: Guest, message: RequestEnvelope): { readonly status: number; readonly message: RawJson } | undefined {
  const room = state.sessions.room(guest.principal, guest.settings.bounds);
  if (room === 'free') return undefined;
  state.counters.hits.sessions += 1;
  return { status: room === 'full' ? 503 : 429, message: errorMessage(message.id, CODE.internal, 'Too many sessions') };
}

async function begin(state: HttpState, guest: Guest, message: RequestEnvelope): Promise<void> {
  const { ingress } = state;
  const talk = new LegacySession(ingress.random.uuid());
  talk.introduce(message);
  const exchange = exchangeOf(state, guest, undefined, () => undefined);
  // `initialize` cannot be cancelled (SL6).
  const answered = await answerOf(ingress, inboundOf(guest, talk, message), { signal: new AbortController().signal, notify: (sent) => exchange.notify(sent), ask: undefined, session: undefined });
  state.exchanges.delete(exchange);
  if (!isResult(answered.message)) return exchange.finish(answered);
  // Asked again: others may have been opened while this one was answered.
  const refused = crowded(state, guest, message);
  if (refused !== undefined) return exchange.finish(refused, retryAfter(FULL_RETRY_MS));
  talk.phase = 'opened';
  const session = addSession(state, guest, talk);
  exchange.finish(answered, ['Mcp-Session-Id', session.id]);
}

async function answer(state: HttpState, guest: Guest, session: HttpSession, message: RequestEnvelope): Promise<void> {
  const refused = session.talk.refusal(message);
  if (refused !== undefined) return replyJson(guest.res, refused.status, refused.message, guest.cors);
  const controller = session.talk.begin(message);
  const exchange = exchangeOf(state, guest, session, (by) => controller.abort(by));
  const answered = await run(state, guest, session, message, exchange, controller);
  state.exchanges.delete(exchange);
  exchange.finish(answered, askForScope(guest, answered));
}

async function run(state: HttpState, guest: Guest, session: HttpSession, message: RequestEnvelope, exchange: Exchange, controller: AbortController): ReturnType<typeof answerOf> {
  const { talk } = session;
  const { signal } = controller;
  const asker = talk.questions.asker(exchange, session.owner, signal);
  const answered = await answerOf(state.ingress, inboundOf(guest, talk, message), { signal, notify: (sent) => exchange.notify(sent), ask: asker.ask, session: session.io, begun: () => exchange.begin() });
  asker.end();
  talk.end(message);
  talk.answered(message, answered.message);
  session.lastSeen = state.ingress.clock.mono();
  return answered;
}

/** Batches exist in 2025-03-26 only; elsewhere nothing of one is executed (A26, T24, T48). */
export function serveBatch(state: HttpState, guest: Guest, items: readonly RawJson[]): void {
  const modern = guest.headers.protocolVersion !== undefined && eraOf(guest.headers.protocolVersion) === 'modern';
  if (modern || guest.headers.session === undefined) return replyFault(guest.res, 400, 'Invalid Request: batches are not accepted', guest.cors);
  const session = sessionOf(state, guest, undefined);
  if (session === undefined) return;
  if (!allowsBatch(session.talk.version)) return replyFault(guest.res, 400, 'Invalid Request: batches are not accepted in this revision', guest.cors);
  if (items.length === 0 || items.length > BATCH_MAX) return replyFault(guest.res, 400, `Invalid Request: a batch has 1 to ${BATCH_MAX} messages`, guest.cors);
  safely(guest.res, () => explode(state, guest, session, items.map(readMessage)));
}

async function explode(state: HttpState, guest: Guest, session: HttpSession, messages: readonly MessageEnvelope[]): Promise<void> {
  const controllers: AbortController[] = [];
  const exchange = exchangeOf(state, guest, session, (by) => controllers.forEach((controller) => controller.abort(by)));
  const running = messages.map(async (message): Promise<RawJson | undefined> => {
    if (message.kind === 'invalid') return errorMessage(message.id, message.code, message.message);
    if (message.kind !== 'request') return void take(state, guest, session, message);
    const refused = message.method === 'initialize' ? alone(message) : session.talk.refusal(message)?.message;
    if (refused !== undefined) return refused;
    const controller = session.talk.begin(message);
    controllers.push(controller);
    return (await run(state, guest, session, message, exchange, controller)).message;
  });
  const answers = await Promise.all(running);
  state.exchanges.delete(exchange);
  exchange.finishBatch(answers.filter((message) => message !== undefined));
}

function alone(message: RequestEnvelope): RawJson {
  return errorMessage(message.id, CODE.invalidRequest, 'Invalid Request: initialize is not part of a batch');
}

/** `session`: undefined while there is none, whose id a stream would have had to bring. */
function exchangeOf(state: HttpState, guest: Guest, session: HttpSession | undefined, cancel: (by: CancelledBy) => void): Exchange {
  const now = state.ingress.clock.mono();
  const behind = (): void => void (state.counters.hits.reader += 1);
  const exchange = new Exchange(guest.res, {
    principal: guest.principal,
    long: false,
    bufferBytes: guest.settings.bounds.streamBufferBytes,
    headers: guest.cors,
    now,
    cancel,
    behind,
    streams: session !== undefined && prefersStream(guest.headers.accept),
    ...(session === undefined || guest.settings.bounds.resumeMs === 0 ? {} : { resumable: (response) => openResumable(state, guest, session, { response, since: now, cancel, behind }) }),
  });
  state.exchanges.add(exchange);
  return exchange;
}

interface Opening extends Pick<Joining, 'response' | 'since'> {
  readonly cancel: (by: CancelledBy) => void;
  readonly behind: () => void;
}

function openResumable(state: HttpState, guest: Guest, session: HttpSession, { response, since, cancel, behind }: Opening): AnswerStream | undefined {
  const stream = session.kept.open({
    now: () => state.ingress.clock.mono(),
    rights: rightsOf(guest.principal, state.ingress.runtime.current()),
    behind: (lost) => {
      behind();
      if (lost) cancel('agent');
    },
  });
  stream?.join({ response, after: 0, since, bufferBytes: guest.settings.bounds.streamBufferBytes, headers: guest.cors, retryMs: retryOf(guest, session) });
  return stream;
}

function inboundOf(guest: Guest, talk: LegacySession, message: RequestEnvelope): Inbound {
  return {
    principal: guest.principal,
    origin: legacyOrigin({ surface: 'http', endpoint: guest.endpoint, peer: guest.peer, trace: traceOf(metaOf(message), guest.headers) }, talk),
    id: message.id,
    method: message.method,
    params: message.params,
    paramHeaders: undefined,
  };
}
