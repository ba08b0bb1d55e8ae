// GET and DELETE of a legacy session: the stream for notices that belong to no request, the rest of a stream that was broken, and the
// end of the session. The session is found for its own principal before an event id is looked at.
import { isSince } from '../../relay/versions.ts';
import { FEED } from './kept-streams.ts';
import { rightsOf } from './rights.ts';
import { replyEmpty, replyFault } from './reply.ts';
import { sessionOf } from './http-session.ts';
import type { HttpSession } from './sessions.ts';
import type { Guest, HttpState, Subscription } from './state.ts';

export function serveGet(state: HttpState, guest: Guest): void {
  const session = sessionOf(state, guest, undefined);
  if (session === undefined) return;
  const { lastEventId, repeated } = guest.headers;
  if (repeated.includes('last-event-id')) return replyFault(guest.res, 400, 'Last-Event-ID was sent more than once', guest.cors);
  const place = lastEventId === undefined ? undefined : session.kept.place(lastEventId);
  if (place === undefined) return lastEventId === undefined ? follow(state, guest, session, undefined) : refuse(guest);
  if (place.stream !== FEED) return resume(state, guest, session, place);
  return session.feed.has(place.after) ? follow(state, guest, session, place.after) : refuse(guest);
}

/** Foreign, forged, from the future, forgotten: one answer. Not 404, which would say that the session is gone (SL2). */
function refuse(guest: Guest): void {
  replyFault(guest.res, 400, 'Last-Event-ID names no event of this session after which its stream can go on', guest.cors);
}

/** What came after the event on its own stream, and then the rest of it. One reader at a time, so they need no bound of their own. */
function resume(state: HttpState, guest: Guest, session: HttpSession, place: { readonly stream: number; readonly after: number }): void {
  const stream = session.kept.find(place);
  if (stream === undefined) return refuse(guest);
  // A token of less, a role that was lost, a tool that was killed since: what was answered before may be more than may be known now.
  if (stream.rights !== rightsOf(guest.principal, state.ingress.runtime.current())) {
    stream.forget();
    return refuse(guest);
  }
  // The word of server-sent events for "do not come back": the first SDK asks again after an answer that is an error.
  if (stream.isOverAfter(place.after)) return replyEmpty(guest.res, 204, guest.cors);
  const { bounds } = guest.settings;
  return stream.join({
    response: guest.res, after: place.after, since: state.ingress.clock.mono(), bufferBytes: bounds.streamBufferBytes, headers: guest.cors, retryMs: retryOf(guest, session),
  });
}

function follow(state: HttpState, guest: Guest, session: HttpSession, after: number | undefined): void {
  const { res, principal } = guest;
  if (!state.longStreams.take(principal, guest.settings.bounds.streamsPerPrincipal)) {
    state.counters.hits.streams += 1;
    return replyFault(res, 429, 'Too many open streams', guest.cors);
  }
  const retryMs = retryOf(guest, session);
  const now = state.ingress.clock.mono();
  const stream = session.feed.join({
    response: res, after, bufferBytes: guest.settings.bounds.streamBufferBytes, headers: guest.cors, retryMs,
    // Nothing runs on this stream, so there is nothing to cancel: closing it is all.
    behind: () => (state.counters.hits.reader += 1),
  });
  const subscription: Subscription = { principal, stream, since: now, polls: retryMs !== undefined, touched: now };
  state.subscriptions.add(subscription);
  res.on('close', () => {
    state.subscriptions.delete(subscription);
    state.longStreams.give(principal);
    session.lastSeen = state.ingress.clock.mono();
  });
}

/** How long to wait before coming back, for requests of a revision that knows events without a message; undefined for others. */
export function retryOf({ headers, settings }: Guest, session: HttpSession): number | undefined {
  return isSince(headers.protocolVersion ?? session.talk.version, '2025-11-25') ? settings.bounds.streamRetryMs : undefined;
}

export function serveDelete(state: HttpState, guest: Guest): void {
  const session = sessionOf(state, guest, undefined);
  if (session === undefined) return;
  state.sessions.end(session);
  replyEmpty(guest.res, 204, guest.cors);
}
