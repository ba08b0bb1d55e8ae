// The sessions of legacy HTTP agents: minted at initialize, bound to principal and endpoint, bounded in number and in age.
// A session is never authentication (SL3): whoever asks has been authenticated by this very request.
import { type Endpoint } from '../../core/call.ts';
import type { Instant } from '../../core/ids.ts';
import type { SessionIo } from '../../core/inbound.ts';
import type { CancelledBy } from '../../core/outcome.ts';
import { type Principal, principalKey } from '../../core/principal.ts';
import type { BoundsSettings } from '../../core/settings.ts';
import type { Feed } from './feed.ts';
import type { KeptStreams } from './kept-streams.ts';
import type { LegacySession } from './session.ts';

export interface HttpSession {
  readonly id: string;
  readonly owner: string;
  readonly endpoint: Endpoint;
  readonly talk: LegacySession;
  /** One for all requests of the session, so that it can be told by it. */
  readonly io: SessionIo;
  /** Of the latest request: a refreshed token may carry other roles. */
  principal: Principal;
  lastSeen: Instant;
  /** The stream that belongs to no request. */
  readonly feed: Feed;
  /** Streams of answers that can be resumed. */
  readonly kept: KeptStreams;
  /** Stops watching for changes; undefined before `initialized`. */
  unwatch: (() => void) | undefined;
}

export type Room = 'free' | 'principal_full' | 'full';

export class SessionTable {
  readonly #sessions = new Map<string, HttpSession>();
  readonly #counts = new Map<string, number>();

  get size(): number {
    return this.#sessions.size;
  }

  values(): Iterable<HttpSession> {
    return this.#sessions.values();
  }

  /** Makes room by ending the principal's own longest idle session: clients often leave without a DELETE. */
  room(principal: Principal, bounds: BoundsSettings): Room {
    const owner = principalKey(principal);
    if ((this.#counts.get(owner) ?? 0) >= bounds.sessionsPerPrincipal) {
      const idle = this.#longestIdle(owner);
      if (idle === undefined) return 'principal_full';
      this.end(idle);
    }
    return this.#sessions.size < bounds.sessions ? 'free' : 'full';
  }

  add(session: HttpSession): void {
    this.#sessions.set(session.id, session);
    this.#counts.set(session.owner, (this.#counts.get(session.owner) ?? 0) + 1);
  }

  /** Unknown, expired, another principal's and another endpoint's are the same: undefined (T43, T45). */
  find(id: string, principal: Principal, endpoint: Endpoint): HttpSession | undefined {
    const session = this.#sessions.get(id);
    return session !== undefined && session.owner === principalKey(principal) && sameEndpoint(session.endpoint, endpoint) ? session : undefined;
  }

  /** For records only: it must not show in an answer. */
  isForeign(id: string, principal: Principal): boolean {
    const session = this.#sessions.get(id);
    return session !== undefined && session.owner !== principalKey(principal);
  }

  /** Ends it with everything that runs in it. Idempotent. */
  end(session: HttpSession, by: CancelledBy = 'agent'): void {
    if (!this.#sessions.delete(session.id)) return;
    const left = (this.#counts.get(session.owner) ?? 1) - 1;
    if (left > 0) this.#counts.set(session.owner, left);
    else this.#counts.delete(session.owner);
    session.unwatch?.();
    session.unwatch = undefined;
    session.talk.close(by);
    session.talk.cancelAll(by);
    session.feed.end();
    session.kept.end();
  }

  expire(now: Instant, idleMs: number): void {
    for (const session of this.#sessions.values()) {
      if (isIdle(session) && now - session.lastSeen >= idleMs) this.end(session, 'timeout');
    }
  }

  #longestIdle(owner: string): HttpSession | undefined {
    let found: HttpSession | undefined;
    for (const session of this.#sessions.values()) {
      if (session.owner === owner && isIdle(session) && (found === undefined || session.lastSeen < found.lastSeen)) found = session;
    }
    return found;
  }
}

function isIdle(session: HttpSession): boolean {
  return session.talk.inflight.size === 0 && session.feed.size === 0;
}

function sameEndpoint(one: Endpoint, other: Endpoint): boolean {
  return one.kind === 'merged' ? other.kind === 'merged' : other.kind === 'single' && one.backend === other.backend;
}
