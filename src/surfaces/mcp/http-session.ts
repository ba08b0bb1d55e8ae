// The session that an HTTP request of the 2025 revisions names: found for its own principal only, opened, and watched for changes.
// It answers refusals; what is asked in a session is served in legacy.ts.
import { principalKey } from '../../core/principal.ts';
import { eraOf } from '../../relay/versions.ts';
import { Feed } from './feed.ts';
import { KeptStreams } from './kept-streams.ts';
import { changedMessage } from './notices.ts';
import { record } from './record.ts';
import { replyFault } from './reply.ts';
import type { LegacySession } from './session.ts';
import type { HttpSession } from './sessions.ts';
import type { Guest, HttpState } from './state.ts';

const SESSION_BYTES = 32;
/** Of the tag in event ids: not the session's own id, which is a secret; no two sessions that meet have the same. */
const TAG_BYTES = 9;
const ALL_CHANGED = [changedMessage('tools'), changedMessage('prompts'), changedMessage('resources')];

/** A new one, with an id that cannot be guessed (SL2). */
export function addSession(state: HttpState, guest: Guest, talk: LegacySession): HttpSession {
  const kept = new KeptStreams({
    tag: state.ingress.random.token(TAG_BYTES),
    most: () => state.ingress.runtime.current().settings.bounds.resumeBytes,
    shared: state.kept.room(guest.principal),
    dropped: () => (state.counters.hits.resume += 1),
  });
  const feed = new Feed(kept.feedLog(), ALL_CHANGED);
  const session: HttpSession = {
    id: state.ingress.random.token(SESSION_BYTES),
    owner: principalKey(guest.principal),
    endpoint: guest.endpoint,
    talk,
    io: { ended: talk.ended, notify: (message) => feed.tell(message) },
    principal: guest.principal,
    lastSeen: state.ingress.clock.mono(),
    feed,
    kept,
    unwatch: undefined,
  };
  state.sessions.add(session);
  return session;
}

/** The session this request names, or undefined after the refusal has been written. */
export function sessionOf(state: HttpState, guest: Guest, method: string | undefined): HttpSession | undefined {
  const { headers, res, cors } = guest;
  const repeated = headers.repeated.find((name) => name.startsWith('mcp-'));
  const version = headers.protocolVersion;
  if (repeated !== undefined) replyFault(res, 400, `${repeated} was sent more than once`, cors);
  else if (version !== undefined && eraOf(version) !== 'legacy') replyFault(res, 400, 'MCP-Protocol-Version is not a supported revision', cors);
  else if (headers.session === undefined) replyFault(res, 400, 'Mcp-Session-Id is missing: begin with initialize', cors);
  else {
    const session = state.sessions.find(headers.session, guest.principal, guest.endpoint);
    if (session !== undefined) return seen(state, guest, session);
    // Another principal's session and no session at all look alike; the record tells them apart (T45, SEC11).
    const code = state.sessions.isForeign(headers.session, guest.principal) ? 'foreign_session' : 'unknown_name';
    record(state, { surface: 'http', peer: guest.peer, principal: guest.principal, method, name: 'session', reason: { code } });
    replyFault(res, 404, 'Session not found', cors);
  }
  return undefined;
}

function seen(state: HttpState, guest: Guest, session: HttpSession): HttpSession {
  session.lastSeen = state.ingress.clock.mono();
  if (session.principal.credential !== guest.principal.credential) {
    session.principal = guest.principal;
    if (session.unwatch !== undefined) watch(state, session);
  }
  return session;
}

/** From `initialized` on; again when a refreshed token may see other things. */
export function watch(state: HttpState, session: HttpSession): void {
  session.unwatch?.();
  session.unwatch = state.ingress.watch({ principal: session.principal, endpoint: session.endpoint }, (list) => {
    session.feed.tell(changedMessage(list));
  });
}
