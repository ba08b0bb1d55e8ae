// The stream on which a backend speaks unasked: GET for a legacy session, `subscriptions/listen` for a modern server (CI5).
// Held as long as the link lasts; opened again, with growing pauses, when it ends.
import { objectOf, toRaw } from '../../core/json/compose.ts';
import { readMessage } from '../message.ts';
import { DAY_MS, sleep } from '../deadline.ts';
import { type ConnectInput, type HttpLink, withEnvelope } from './connect.ts';
import { type Exchange, resting } from './exchange.ts';
import { isSessionId } from './headers.ts';
import { type BodyReader, sseReader } from './sse.ts';

const AGAIN_MS = 1_000;
const MOST_MS = 60_000;
const STABLE_MS = 30_000;

/** `refused`: the server has no such stream (405, -32601), so it is not asked for again. */
type Ended = 'refused' | 'ended';

export function holdStream(input: ConnectInput, link: HttpLink): () => void {
  const stop = new AbortController();
  void hold(input, link, stop.signal);
  return () => stop.abort();
}

async function hold(input: ConnectInput, link: HttpLink, signal: AbortSignal): Promise<void> {
  const { clock, timers } = input.deps;
  const place = { lastEventId: undefined, retryMs: AGAIN_MS };
  let pause = AGAIN_MS;
  while (!signal.aborted) {
    const began = clock.mono();
    const ended = await (link.link.era === 'modern' ? listen(input, link, signal) : listenLegacy(input, link, signal, place));
    if (ended === 'refused' || signal.aborted) return;
    pause = clock.mono() - began > STABLE_MS ? place.retryMs : Math.min(MOST_MS, Math.max(place.retryMs, pause * 2));
    await Promise.race([sleep(timers, pause), aborted(signal)]);
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

async function listen({ conversation }: ConnectInput, { manner, envelope }: HttpLink, signal: AbortSignal): Promise<Ended> {
  const params = withEnvelope(objectOf([['notifications', toRaw({ toolsListChanged: true })]]), envelope);
  const { asked, status } = await conversation.ask({
    manner, method: 'subscriptions/listen', name: undefined, params: () => params, extra: [], signal, onProgress: undefined,
    timeoutMs: DAY_MS, maxTimeoutMs: DAY_MS, resultBytes: 64 * 1024, cancellable: true,
  });
  return (asked.ok && asked.value.kind === 'error') || (status >= 400 && status < 500) ? 'refused' : 'ended';
}

interface Place {
  lastEventId: string | undefined;
  retryMs: number;
}

/** Resolves when the stream has ended. Its messages go to the conversation, which knows whose progress it is. */
async function listenLegacy({ conversation, deps }: ConnectInput, { manner }: HttpLink, signal: AbortSignal, place: Place): Promise<Ended> {
  return new Promise((resolve) => {
    let reader: BodyReader | undefined;
    const rest = resting(deps.timers, () => exchange);
    const finish = (ended: Ended): void => {
      signal.removeEventListener('abort', abort);
      exchange.abort();
      resolve(ended);
    };
    const abort = (): void => finish('ended');
    const sink = {
      message: (raw: Parameters<typeof readMessage>[0]) => {
        if (!conversation.route(readMessage(raw), manner)) rest();
      },
      fault: () => finish('ended'),
      eventId: (id: string) => {
        if (isSessionId(id)) place.lastEventId = id;
      },
      retry: (ms: number) => {
        place.retryMs = Math.min(MOST_MS, Math.max(AGAIN_MS, ms));
      },
    };
    const exchange: Exchange = conversation.openStream(manner, place.lastEventId, {
      head: (status, headers) => {
        if (status === 200 && String(headers['content-type']).startsWith('text/event-stream')) reader = sseReader(deps.limits.lineBytes, sink);
        else finish(status >= 400 && status < 500 ? 'refused' : 'ended');
      },
      data: (chunk) => {
        reader?.push(chunk);
        if (!conversation.weigh(chunk.length)) rest();
      },
      end: () => finish('ended'),
      fail: () => finish('ended'),
    });
    signal.addEventListener('abort', abort, { once: true });
  });
}
