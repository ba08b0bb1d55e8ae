// One GET for server-sent events, from its request to its end. Says nothing of what the messages mean.
import type { RawJson } from '../../core/json/scan.ts';
import type { BackendFault } from '../../core/ports.ts';
import type { Manner } from './ask.ts';
import type { ConnectInput } from './connect.ts';
import { type Exchange, resting } from './exchange.ts';
import { type BodyReader, sseReader } from './sse.ts';

export interface EventsSink {
  /** The server has begun to stream. */
  opened(): void;
  /** False: rest a little, there are too many. `bytes`: of the event it came in. */
  message(raw: RawJson, bytes: number): boolean;
  /** Data of an `endpoint` event (HTTP+SSE). */
  endpoint(uri: string): void;
  eventId(id: string): void;
  retry(ms: number): void;
}

/** Why a stream is over. `status`: of a refusal; undefined when there was a stream, or no answer at all. */
export interface Closed {
  readonly status: number | undefined;
  readonly fault: BackendFault;
}

export interface Events {
  /** Resolves once. */
  readonly closed: Promise<Closed>;
  close(): void;
}

export interface EventsRequest {
  readonly manner: Manner;
  readonly lastEventId: string | undefined;
  /** Most bytes of one event. */
  readonly cap: number;
}

const ENDED: Closed = { status: undefined, fault: { code: 'unreachable', detail: 'its stream of events was closed' } };

export function readEvents({ conversation, deps }: ConnectInput, { manner, lastEventId, cap }: EventsRequest, sink: EventsSink): Events {
  const { promise: closed, resolve } = Promise.withResolvers<Closed>();
  let reader: BodyReader | undefined;
  let exchange: Exchange | undefined;
  const rest = resting(deps.timers, () => exchange);
  const finish = (how: Closed): void => {
    reader = undefined;
    resolve(how);
    exchange?.abort();
  };
  const body = {
    message: (raw: RawJson, bytes: number) => {
      if (!sink.message(raw, bytes)) rest();
    },
    fault: (fault: BackendFault) => finish({ status: undefined, fault }),
    eventId: (id: string) => sink.eventId(id),
    retry: (ms: number) => sink.retry(ms),
    endpoint: (uri: string) => sink.endpoint(uri),
  };
  exchange = conversation.openStream(manner, lastEventId, {
    head: (status, headers) => {
      if (status === 200 && String(headers['content-type']).startsWith('text/event-stream')) {
        reader = sseReader(cap, body);
        sink.opened();
      } else finish({ status, fault: { code: 'http_status', status } });
    },
    data: (chunk) => {
      reader?.push(chunk);
      if (!conversation.weigh(chunk.length)) rest();
    },
    end: () => finish(ENDED),
    fail: (fault) => finish({ status: undefined, fault }),
  });
  return { closed, close: () => finish(ENDED) };
}
