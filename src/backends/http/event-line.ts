// HTTP+SSE, the transport of 2024-11-05: one stream for all that the server says, and an endpoint it names there for all that we say.
// The endpoint is of the server's own origin, or there is no conversation (T77): else our credentials would go where it likes.
import type { BackendFault } from '../../core/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import type { Manner } from './ask.ts';
import type { ConnectInput } from './connect.ts';
import { type Closed, readEvents } from './events.ts';
import { ENVELOPE_BYTES } from './sse.ts';

export interface EventLine {
  /** How messages are sent before a revision was agreed. */
  readonly first: Manner;
  /** How they are sent from now on. */
  adopt(manner: Manner): void;
  /** Resolves when the stream is over, which ends the session. Calls in flight have been told. */
  readonly closed: Promise<Closed>;
  close(): void;
}

const ENDPOINT_CHARS = 4096;

export async function openEventLine(input: ConnectInput): Promise<Result<EventLine, BackendFault>> {
  const { conversation, settings, deps } = input;
  let manner: Manner = { era: 'legacy', version: undefined, session: undefined, endpoint: undefined };
  const named = Promise.withResolvers<Result<string, BackendFault>>();
  const events = readEvents(input, { manner, lastEventId: undefined, cap: Math.max(deps.limits.lineBytes, settings.resultBytes + ENVELOPE_BYTES) }, {
    opened: () => undefined,
    message: (raw, bytes) => manner.endpoint === undefined || conversation.receive(raw, bytes, manner),
    // The first one counts: one that came later would move a conversation that is under way.
    endpoint: (uri) => named.resolve(endpointOf(settings.url, uri)),
    eventId: () => undefined,
    retry: () => undefined,
  });
  const undo = deps.timers.after(settings.timeoutMs, () => named.resolve(err({ code: 'timeout', afterMs: settings.timeoutMs })));
  const closed = events.closed.then((how) => {
    conversation.lost(manner, how.fault);
    named.resolve(err(how.fault));
    return how;
  });
  const endpoint = await named.promise;
  undo();
  if (!endpoint.ok) {
    events.close();
    return endpoint;
  }
  manner = { ...manner, endpoint: endpoint.value };
  const adopt = (next: Manner): void => {
    manner = next;
  };
  return ok({ first: manner, adopt, closed, close: () => events.close() });
}

function endpointOf(base: string, uri: string): Result<string, BackendFault> {
  const isUrl = uri.length <= ENDPOINT_CHARS && URL.canParse(uri, base);
  const url = isUrl ? new URL(uri, base) : undefined;
  // `blob:http://host/` has that host's origin, and a whole URL for its path.
  if (url === undefined || url.protocol !== new URL(base).protocol || url.origin !== new URL(base).origin) return err({ code: 'protocol', detail: 'it names an endpoint that is not of its own origin' });
  return ok(`${url.pathname}${url.search}`);
}
