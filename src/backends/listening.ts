// The stream on which a modern backend tells of changes: one `subscriptions/listen` for its lists and for all followed URIs together.
// A filter cannot be changed, so a new stream is opened first and the old one closed then. Knows no transport.
// Source: MCP 2026-07-28 basic/patterns/subscriptions.
import type { ListName } from '../core/inbound.ts';
import { objectOf, quote, toRaw } from '../core/json/compose.ts';
import type { RawJson } from '../core/json/scan.ts';
import { elements, members, stringOf } from '../core/json/slice.ts';
import type { BackendFault, Timers } from '../core/ports.ts';
import { err, ok, type Result } from '../core/result.ts';
import { META } from '../relay/meta.ts';
import { sleep } from './deadline.ts';
import type { UpdateLine } from './follows.ts';

export type ListenEnd = 'ended' | 'refused';

export interface ListeningDeps {
  readonly timers: Timers;
  /** Changes of what is followed within this time make one stream. */
  readonly quietMs: number;
  /** Silence after the question, after which nothing was agreed. */
  readonly ackMs: number;
  readonly changes: Readonly<Record<ListName, boolean>>;
  /**
   * Sends `subscriptions/listen` with these params, `_meta` apart. `acknowledged` gets the params of
   * `notifications/subscriptions/acknowledged`. Resolves when the stream is over: `refused` when asking again is no use.
   */
  readonly open: (params: RawJson, acknowledged: (params: RawJson) => void, signal: AbortSignal) => Promise<ListenEnd>;
  /** A stream ended by itself and a new one is there: something may have been missed. */
  readonly missed: () => void;
}

interface Stream {
  readonly stop: AbortController;
  readonly uris: ReadonlySet<string>;
  agreed: ReadonlySet<string>;
}

const AGAIN_MS = 1_000;
const MOST_AGAIN_MS = 60_000;
const NOTHING: ReadonlySet<string> = new Set();
const REFUSED: BackendFault = { code: 'protocol', detail: 'the backend does not tell of changes of this resource' };

type Agreed = Result<void, BackendFault>;

export class Listening implements UpdateLine {
  readonly #deps: ListeningDeps;
  readonly #wanted = new Set<string>();
  readonly #waiting = new Map<string, PromiseWithResolvers<Agreed>>();
  #current: Stream | undefined;
  #undo: (() => void) | undefined;
  #opening = false;
  #again = false;
  #closed = false;
  #pauseMs = AGAIN_MS;

  constructor(deps: ListeningDeps) {
    this.#deps = deps;
  }

  /** Opens the stream for the lists, if any list is told of. */
  start(): void {
    if (this.#listens()) this.#soon();
  }

  add(uri: string): Promise<Agreed> {
    if (this.#closed) return Promise.resolve(err({ code: 'stopped' }));
    this.#wanted.add(uri);
    if (this.#current?.agreed.has(uri) === true) return Promise.resolve(ok(undefined));
    const waiting = this.#waiting.get(uri) ?? Promise.withResolvers<Agreed>();
    this.#waiting.set(uri, waiting);
    this.#soon();
    return waiting.promise;
  }

  drop(uri: string): void {
    this.#wanted.delete(uri);
    this.#settle(uri, err({ code: 'cancelled' }));
    this.#soon();
  }

  close(): void {
    this.#closed = true;
    this.#undo?.();
    this.#current?.stop.abort();
    this.#current = undefined;
    for (const uri of [...this.#waiting.keys()]) this.#settle(uri, err({ code: 'stopped' }));
  }

  #listens(): boolean {
    const { tools, prompts, resources } = this.#deps.changes;
    return tools || prompts || resources || this.#wanted.size > 0;
  }

  #settle(uri: string, agreed: Agreed): void {
    this.#waiting.get(uri)?.resolve(agreed);
    this.#waiting.delete(uri);
  }

  #soon(): void {
    if (this.#closed) return;
    if (this.#opening) this.#again = true;
    else this.#undo ??= this.#deps.timers.after(this.#deps.quietMs, () => void this.#reopen());
  }

  async #reopen(): Promise<void> {
    this.#undo = undefined;
    this.#opening = true;
    this.#again = false;
    const before = this.#current;
    if (this.#listens()) await this.#open(before);
    else this.#retire(before);
    this.#opening = false;
    if (this.#again) this.#soon();
  }

  #retire(stream: Stream | undefined): void {
    if (this.#current === stream) this.#current = undefined;
    stream?.stop.abort();
  }

  async #open(before: Stream | undefined): Promise<void> {
    const { timers, ackMs } = this.#deps;
    const stream: Stream = { stop: new AbortController(), uris: new Set(this.#wanted), agreed: NOTHING };
    const acknowledged = Promise.withResolvers<'agreed' | 'silent'>();
    const over = this.#deps.open(this.#params(stream.uris), (params) => {
      stream.agreed = agreedUris(params);
      acknowledged.resolve('agreed');
    }, stream.stop.signal);
    const undo = timers.after(ackMs, () => acknowledged.resolve('silent'));
    const first = await Promise.race([acknowledged.promise, over]);
    undo();
    if (this.#closed) return stream.stop.abort();
    // Some servers tell of lists without agreeing first; a stream that has agreed is not given up for one that has not.
    if (first === 'agreed' || (first === 'silent' && before === undefined)) {
      this.#current = stream;
      before?.stop.abort();
      void over.then((end) => this.#over(stream, end));
    } else stream.stop.abort();
    if (first === 'agreed') this.#pauseMs = AGAIN_MS;
    // What was refused is not asked for again: an old stream, if there is one, goes on as it was.
    for (const uri of stream.uris) {
      if (first === 'agreed' && stream.agreed.has(uri)) this.#settle(uri, ok(undefined));
      else if (this.#waiting.has(uri)) {
        this.#wanted.delete(uri);
        this.#settle(uri, err(REFUSED));
      }
    }
    if (first === 'ended' && before === undefined) void this.#pauseThenAgain();
    return undefined;
  }

  /** It ended although nobody here wanted it to (CI5). */
  #over(stream: Stream, end: ListenEnd): void {
    if (this.#closed || this.#current !== stream) return;
    this.#current = undefined;
    if (end === 'ended') void this.#pauseThenAgain();
  }

  async #pauseThenAgain(): Promise<void> {
    const pause = this.#pauseMs;
    this.#pauseMs = Math.min(MOST_AGAIN_MS, pause * 2);
    await sleep(this.#deps.timers, pause);
    if (this.#closed || this.#current !== undefined) return;
    this.#soon();
    this.#deps.missed();
  }

  #params(uris: ReadonlySet<string>): RawJson {
    const { tools, prompts, resources } = this.#deps.changes;
    const filter: (readonly [string, RawJson])[] = [];
    if (tools) filter.push(['toolsListChanged', TRUE]);
    if (prompts) filter.push(['promptsListChanged', TRUE]);
    if (resources) filter.push(['resourcesListChanged', TRUE]);
    if (uris.size > 0) filter.push(['resourceSubscriptions', toRaw([...uris])]);
    return objectOf([['notifications', objectOf(filter)]]);
  }
}

const TRUE = toRaw(true);

function agreedUris(params: RawJson): ReadonlySet<string> {
  const uris = elements(members(members(params)?.get('notifications'))?.get('resourceSubscriptions')) ?? [];
  return new Set(uris.flatMap((uri) => stringOf(uri) ?? []));
}

/** The listen request that a notification belongs to: its JSON-RPC id as written. */
export function subscriptionOf(params: RawJson | undefined): RawJson | undefined {
  return members(members(params)?.get('_meta'))?.get(META.subscriptionId);
}

/** Params of `resources/subscribe` and `resources/unsubscribe`. */
export function uriParams(uri: string): RawJson {
  return objectOf([['uri', quote(uri)]]);
}

/** The URI of `notifications/resources/updated`. */
export function updatedUri(params: RawJson | undefined): string | undefined {
  return stringOf(members(params)?.get('uri'));
}
