// How a backend tells of changes unasked: the GET stream of a legacy session with `resources/subscribe`, or `subscriptions/listen` of a
// modern server (CI5). Held as long as the link lasts; opened again, with growing pauses, when it ends.
import type { RawJson } from '../../core/json/scan.ts';
import { DAY_MS, sleep } from '../deadline.ts';
import type { UpdateLine } from '../follows.ts';
import { announcesChanges, answersRoots, withEnvelope } from '../handshake.ts';
import { type ListenEnd, Listening } from '../listening.ts';
import { legacyLine, SMALL_BYTES } from '../subscription.ts';
import { type ConnectInput, type HttpLink, say } from './connect.ts';
import { readEvents } from './events.ts';
import { Place } from './place.ts';

const AGAIN_MS = 1_000;
const MOST_MS = 60_000;
const STABLE_MS = 30_000;

/** What one link tells of changes. */
export interface Announcements {
  /** Undefined: it does not tell of single resources. */
  readonly line: UpdateLine | undefined;
  /** Resolves when the stream is there, or will not be. */
  readonly opened: Promise<void>;
  close(): void;
}

export interface StreamHooks {
  /** A stream was broken for a while. */
  missed(): void;
  /** The first stream of a modern link is there: a list may have changed since it was read. */
  begun(): void;
  /** There was a stream, and now the server will not have one: it may have forgotten the session. */
  doubt(): void;
}

export function announcements(input: ConnectInput, live: HttpLink, hooks: StreamHooks): Announcements {
  const { link } = live;
  if (link.era === 'modern') {
    const listening = new Listening({
      deps: input.deps, changes: link.changes, missed: () => hooks.missed(), begun: () => hooks.begun(),
      open: async (params, acknowledged, signal) => listen(input, live, { params, acknowledged, signal }),
    });
    listening.start();
    return { line: link.offers.subscribe ? listening : undefined, opened: Promise.resolve(), close: () => listening.close() };
  }
  const stop = new AbortController();
  const opened = Promise.withResolvers<void>();
  if (live.line === undefined && isWorthAStream(input, live)) void hold(input, live, stop.signal, { ...hooks, opened: () => opened.resolve() }).then(() => opened.resolve());
  else opened.resolve();
  return { line: link.offers.subscribe ? legacyLine(async (method, params, sent) => (await say(input, live.manner, method, withEnvelope(params, live.envelope), SMALL_BYTES, sent)).asked) : undefined, opened: opened.promise, close: () => stop.abort() };
}

/** Questions of a server that does not say because of what come there too, as those of the first SDK's `elicitInput` do. */
function isWorthAStream({ settings }: ConnectInput, { link }: HttpLink): boolean {
  const { asks } = settings;
  return announcesChanges(link) || link.offers.subscribe || asks.elicitation || asks.sampling || answersRoots(settings);
}

interface Listen {
  readonly params: RawJson;
  readonly acknowledged: (params: RawJson) => void;
  readonly signal: AbortSignal;
}

async function listen({ conversation }: ConnectInput, { manner, envelope }: HttpLink, { params, acknowledged, signal }: Listen): Promise<ListenEnd> {
  const { asked, status } = await conversation.ask({
    manner, method: 'subscriptions/listen', name: undefined, params: () => withEnvelope(params, envelope), extra: [], signal, onProgress: undefined, serving: undefined,
    heard: (method, told) => {
      if (method === 'notifications/subscriptions/acknowledged') acknowledged(told);
    },
    timeoutMs: DAY_MS, maxTimeoutMs: DAY_MS, resultBytes: SMALL_BYTES, cancellable: true,
  });
  return (asked.ok && asked.value.kind === 'error') || (status >= 400 && status < 500) ? 'refused' : 'ended';
}

async function hold(input: ConnectInput, live: HttpLink, signal: AbortSignal, hooks: StreamHooks & { opened(): void }): Promise<void> {
  const { clock, timers } = input.deps;
  const place = new Place({ leastMs: AGAIN_MS, firstMs: AGAIN_MS, mostMs: MOST_MS });
  let pause = AGAIN_MS;
  let hadOne = false;
  while (!signal.aborted) {
    const began = clock.mono();
    const status = await receive(input, live, place, signal, () => {
      hooks.opened();
      if (hadOne && place.lastEventId === undefined) hooks.missed();
      hadOne = true;
    });
    if (signal.aborted) return undefined;
    // A server that never had such a stream (405) is not asked for it again.
    if (status !== undefined && status >= 400 && status < 500) return hadOne ? hooks.doubt() : undefined;
    pause = clock.mono() - began > STABLE_MS ? place.retryMs : Math.min(MOST_MS, Math.max(place.retryMs, pause * 2));
    await Promise.race([sleep(timers, pause), aborted(signal)]);
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** Resolves when the stream has ended, with the status of a refusal. Its messages go to the conversation, which knows whose progress it is. */
async function receive(input: ConnectInput, { manner }: HttpLink, place: Place, signal: AbortSignal, opened: () => void): Promise<number | undefined> {
  const { conversation, deps } = input;
  const events = readEvents(input, { manner, lastEventId: place.lastEventId, cap: deps.limits.lineBytes }, {
    opened,
    message: (raw, bytes) => conversation.receive(raw, bytes, manner),
    endpoint: () => undefined,
    eventId: (id) => place.read(id),
    retry: (ms) => place.retry(ms),
  });
  const close = (): void => events.close();
  signal.addEventListener('abort', close, { once: true });
  const { status } = await events.closed;
  signal.removeEventListener('abort', close);
  return status;
}
