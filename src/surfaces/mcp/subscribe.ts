// GET and DELETE of a legacy session: the stream for notices that belong to no request, and the end of the session.
import { replyEmpty, replyFault } from './reply.ts';
import { sessionOf } from './http-session.ts';
import { changedMessage } from './notices.ts';
import { deliver } from './sessions.ts';
import { EventStream } from './sse.ts';
import type { Guest, HttpState, Subscription } from './state.ts';

export function serveGet(state: HttpState, guest: Guest): void {
  const session = sessionOf(state, guest, undefined);
  if (session === undefined) return;
  const { res, principal } = guest;
  if (!state.longStreams.take(principal, guest.settings.bounds.streamsPerPrincipal)) {
    state.counters.hits.streams += 1;
    return replyFault(res, 429, 'Too many open streams', guest.cors);
  }
  const stream = new EventStream(res, {
    bufferBytes: guest.settings.bounds.streamBufferBytes,
    headers: guest.cors,
    // Nothing runs on this stream, so there is nothing to cancel: closing it is all.
    overflowed: () => {
      state.counters.hits.reader += 1;
    },
  });
  const subscription: Subscription = { principal, stream, touched: state.ingress.clock.mono() };
  state.subscriptions.add(subscription);
  session.streams.push(stream);
  res.on('close', () => {
    state.subscriptions.delete(subscription);
    state.longStreams.give(principal);
    const at = session.streams.indexOf(stream);
    if (at >= 0) session.streams.splice(at, 1);
    session.lastSeen = state.ingress.clock.mono();
  });
  for (const list of session.changePending) deliver(session, changedMessage(list));
  session.changePending.clear();
}

export function serveDelete(state: HttpState, guest: Guest): void {
  const session = sessionOf(state, guest, undefined);
  if (session === undefined) return;
  state.sessions.end(session);
  replyEmpty(guest.res, 204, guest.cors);
}
