// What the parts of the HTTP surface share: the ingress, what is open now, and what has been counted. No behaviour of its own
// beyond keeping the numbers right.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Endpoint } from '../../core/call.ts';
import type { Ingress } from '../../core/inbound.ts';
import { type Principal, principalKey } from '../../core/principal.ts';
import type { Settings } from '../../core/settings.ts';
import type { BodyRoom } from './body.ts';
import type { Exchange } from './exchange.ts';
import type { FailureLimiter } from './failures.ts';
import type { WireHeaders } from './headers.ts';
import type { SessionTable } from './sessions.ts';
import type { EventStream } from './sse.ts';
import type { WitnessState } from './witness.ts';
import type { Instant } from '../../core/ids.ts';

/** An open GET stream of a session. */
export interface Subscription {
  readonly principal: Principal;
  readonly stream: EventStream;
  readonly since: Instant;
  /** Its reader was told how to come back. */
  readonly polls: boolean;
  touched: Instant;
}

/** What ran into a bound: the settings of the same names, `guesses` for failed authentications, `resume` for events that could not be kept. */
export type Bound = 'connections' | 'headers' | 'time' | 'body' | 'guesses' | 'sessions' | 'streams' | 'reader' | 'resume';

export function noHits(): Record<Bound, number> {
  return { connections: 0, headers: 0, time: 0, body: 0, guesses: 0, sessions: 0, streams: 0, reader: 0, resume: 0 };
}

export interface HttpCounters {
  readonly hits: Record<Bound, number>;
  /** Refused requests that got no record of their own because their peer had its share. */
  unrecorded: number;
  /** Responses that agents posted without being asked. */
  strayResponses: number;
  /** Bytes that were not HTTP. */
  malformed: number;
}

export interface HttpState {
  readonly ingress: Ingress;
  readonly sessions: SessionTable;
  readonly exchanges: Set<Exchange>;
  readonly subscriptions: Set<Subscription>;
  readonly longStreams: StreamCount;
  readonly bodies: SharedBytes;
  /** What is kept for agents that resume a stream. */
  readonly kept: SharedBytes;
  readonly checking: Checking;
  readonly failures: FailureLimiter;
  /** Records about nobody in particular, of all peers together. */
  readonly strangers: FailureLimiter;
  /** Absent where nobody takes checkpoints. */
  readonly witness: WitnessState | undefined;
  readonly counters: HttpCounters;
  draining: boolean;
}

/** One HTTP request that has passed the gate. */
export interface Visit {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly headers: WireHeaders;
  readonly settings: Settings;
  readonly endpoint: Endpoint;
  readonly peer: string;
  /** CORS headers for the answer, name and value by turns. */
  readonly cors: readonly string[];
}

/** The same, authenticated. */
export interface Guest extends Visit {
  readonly principal: Principal;
}

/** Credentials that are being checked: strangers may not hold more of them open than they could have connections. */
export class Checking {
  readonly #open = new Map<string, number>();
  #total = 0;

  /** False when this peer, or all together, have as many as they may. */
  take(peer: string): boolean {
    const open = this.#open.get(peer) ?? 0;
    if (open >= CHECKS_PER_PEER || this.#total >= CHECKS_MOST) return false;
    this.#open.set(peer, open + 1);
    this.#total += 1;
    return true;
  }

  give(peer: string): void {
    this.#total -= 1;
    const open = (this.#open.get(peer) ?? 1) - 1;
    if (open > 0) this.#open.set(peer, open);
    else this.#open.delete(peer);
  }
}

/** Agents of one machine that all come back at once after a restart are many; each check is over in a millisecond. */
const CHECKS_PER_PEER = 512;
const CHECKS_MOST = 2048;

/** Bytes held for agents: a bound for all, and a quarter of it for each principal, so that one cannot shut out the others. */
export class SharedBytes {
  readonly #most: () => number;
  readonly #held = new Map<string, number>();
  #total = 0;

  /** `most`: for all together, asked each time. */
  constructor(most: () => number) {
    this.#most = most;
  }

  get total(): number {
    return this.#total;
  }

  room(principal: Principal): BodyRoom {
    return this.roomOf(principalKey(principal));
  }

  /** `key`: whose share it comes out of. */
  roomOf(key: string): BodyRoom {
    const held = (): number => this.#held.get(key) ?? 0;
    return {
      take: (bytes) => {
        const most = this.#most();
        if (this.#total + bytes > most || held() + bytes > most / 4) return false;
        this.#total += bytes;
        this.#held.set(key, held() + bytes);
        return true;
      },
      give: (bytes) => {
        this.#total -= bytes;
        if (held() > bytes) this.#held.set(key, held() - bytes);
        else this.#held.delete(key);
      },
    };
  }
}

/** Streams without a natural end, counted per principal (I20). */
export class StreamCount {
  readonly #open = new Map<string, number>();

  /** False when the principal has as many as it may. */
  take(principal: Principal, max: number): boolean {
    const key = principalKey(principal);
    const open = this.#open.get(key) ?? 0;
    if (open >= max) return false;
    this.#open.set(key, open + 1);
    return true;
  }

  give(principal: Principal): void {
    const key = principalKey(principal);
    const open = (this.#open.get(key) ?? 1) - 1;
    if (open > 0) this.#open.set(key, open);
    else this.#open.delete(key);
  }
}
