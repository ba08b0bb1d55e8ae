// The connections to one HTTP backend: one pool with its bounds and its one door outward, and every request as it goes there. Knows headers, and nothing
// of what the messages mean.
import { Pool } from 'undici';
import type { HttpBackendSettings } from '../../core/settings.ts';
import type { BackendDeps } from '../deps.ts';
import type { Manner } from './ask.ts';
import { egressRules, guardedLookup } from './egress.ts';
import { exchange, type Exchange, type Receiver } from './exchange.ts';
import { EVENTS_ONLY, type FlatHeaders, JSON_BODY, mannerHeaders, settingHeaders } from './headers.ts';

/** Connections that messages aside may hold at once: a server that lets them hang does not keep calls from theirs. */
export const SIDE_LANES = 8;
/** Calls use at most `concurrency` connections; the rest is for what is said aside, and for streams and pings. */
const SPARE_CONNECTIONS = SIDE_LANES + 8;
const MOST_CONNECTIONS = 256;

export interface Posted {
  /** What the headers of the modern era repeat; undefined: an answer of ours. */
  readonly method: string | undefined;
  readonly name: string | undefined;
  readonly extra: FlatHeaders;
  readonly body: string;
  /** Most time without a byte; 0 = no limit. */
  readonly silenceMs: number;
}

export class Wire {
  readonly #pool: Pool;
  readonly #path: string;
  readonly #own: FlatHeaders;

  constructor(settings: HttpBackendSettings, { limits }: Pick<BackendDeps, 'limits'>) {
    const url = new URL(settings.url);
    this.#path = `${url.pathname}${url.search}`;
    this.#own = settingHeaders(settings);
    this.#pool = new Pool(url.origin, {
      connections: Math.min(MOST_CONNECTIONS, settings.concurrency) + SPARE_CONNECTIONS,
      pipelining: 1,
      allowH2: false,
      maxHeaderSize: limits.headerBytes,
      connect: { timeout: limits.connectMs, lookup: guardedLookup(egressRules(settings)) },
    });
  }

  post(manner: Manner, { method, name, extra, body, silenceMs }: Posted, receiver: Receiver): Exchange {
    const headers = [...JSON_BODY, ...this.#own, ...mannerHeaders(manner, method, name), ...extra];
    return exchange(this.#pool, { method: 'POST', path: manner.endpoint ?? this.#path, headers, body, silenceMs }, receiver);
  }

  /** A stream of events, or the rest of one. */
  events(manner: Manner, lastEventId: string | undefined, silenceMs: number, receiver: Receiver): Exchange {
    const resume = lastEventId === undefined ? [] : ['last-event-id', lastEventId];
    const headers = [...EVENTS_ONLY, ...this.#own, ...mannerHeaders(manner, undefined, undefined), ...resume];
    return exchange(this.#pool, { method: 'GET', path: this.#path, headers, body: undefined, silenceMs }, receiver);
  }

  /** The end of a session (CH5). */
  remove(manner: Manner, silenceMs: number, receiver: Receiver): Exchange {
    const headers = [...this.#own, ...mannerHeaders(manner, undefined, undefined)];
    return exchange(this.#pool, { method: 'DELETE', path: manner.endpoint ?? this.#path, headers, body: undefined, silenceMs }, receiver);
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}
