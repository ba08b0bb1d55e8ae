// The stream on which a modern backend tells of changes: one `subscriptions/listen` for its lists and for all followed URIs together.
// A filter cannot be changed, so a new stream is opened first and the old one closed then. Knows no transport.
// Source: MCP 2026-07-28 basic/patterns/subscriptions.
import type { ListName } from '../core/inbound.ts';
import type { RawJson } from '../core/json/scan.ts';
import type { BackendFault, Timers } from '../core/ports.ts';
import { err, ok, type Result } from '../core/result.ts';
import { sleep } from './deadline.ts';
import type { BackendDeps, BackendLimits } from './deps.ts';
import type { UpdateLine } from './follows.ts';
import { agreedUris, listenParams } from './subscription.ts';

export type ListenEnd = 'ended' | 'refused';

export interface ListeningDeps {
  readonly deps: Pick<BackendDeps, 'timers' | 'limits'>;
  readonly changes: Readonly<Record<ListName, boolean>>;
  /**
   * Sends `subscriptions/listen` with these params, `_meta` apart. `acknowledged` gets the params of
   * `notifications/subscriptions/acknowledged`. Resolves when the stream is over: `refused` when asking again is no use.
   */
  readonly open: (params: RawJson, acknowledged: (params: RawJson) => void, signal: AbortSignal) => Promise<ListenEnd>;
  /** A stream ended by itself and a new one is there: something may have been missed. */
  readonly missed: () => void;
  /** The first stream is there: a list may have changed since it was read. */
  readonly begun: () => void;
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
  readonly #timers: Timers;
  readonly #limits: BackendLimits;
  readonly #about: Omit<ListeningDeps, 'deps'>;
  readonly #wanted = new Set<string>();
  readonly #waiting = new Map<string, PromiseWithResolvers<Agreed>>();
  /** Who wants to know when a URI is first asked for. */
  readonly #unsent = new Map<string, () => void>();
  #current: Stream | undefined;
  #undo: (() => void) | undefined;
  #opening = false;
  #again = false;
  #closed = false;
  /** A stream ended and no other has begun. */
  #gap = false;
  #isFirst = true;
  #pauseMs = AGAIN_MS;

  constructor({ deps, ...about }: ListeningDeps) {
    this.#timers = deps.timers;
    this.#limits = deps.limits;
    this.#about = about;
  }

  /** Opens the stream for the lists, if any list is told of. */
  start(): void {
    if (this.#listens()) this.#soon();
  }

  add(uri: string, sent?: () => void): Promise<Agreed> {
    if (this.#closed) return Promise.resolve(err({ code: 'stopped' }));
    this.#wanted.add(uri);
    if (this.#current?.agreed.has(uri) === true) return Promise.resolve(ok(undefined));
    const waiting = this.#waiting.get(uri) ?? Promise.withResolvers<Agreed>();
    this.#waiting.set(uri, waiting);
    if (sent !== undefined) this.#unsent.set(uri, sent);
    this.#soon();
    return waiting.promise;
  }

  drop(uri: string): void {
    this.#wanted.delete(uri);
    this.#unsent.delete(uri);
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
    const { tools, prompts, resources } = this.#about.changes;
    return tools || prompts || resources || this.#wanted.size > 0;
  }

  #settle(uri: string, agreed: Agreed): void {
    this.#waiting.get(uri)?.resolve(agreed);
    this.#waiting.delete(uri);
  }

  #soon(): void {
    if (this.#closed) return;
    if (this.#opening) this.#again = true;
    else this.#undo ??= this.#timers.after(this.#limits.relistMs, () => void this.#reopen());
  }

  async #reopen(): Promise<void> {
    this.#undo = undefined;
    this.#opening = true;
    this.#again = false;
    const before = this.#current;
    if (!this.#listens()) this.#retire();
    // What waits was not agreed on the stream there is, which may yet have been opened with it.
    else if (before === undefined || this.#waiting.size > 0 || !isSame(before.uris, this.#wanted)) await this.#open(before);
    this.#opening = false;
    if (this.#again) this.#soon();
  }

  #retire(): void {
    this.#current?.stop.abort();
    this.#current = undefined;
  }

  async #open(before: Stream | undefined): Promise<void> {
    const stream: Stream = { stop: new AbortController(), uris: new Set(this.#wanted), agreed: NOTHING };
    for (const uri of stream.uris) this.#unsent.get(uri)?.();
    this.#unsent.clear();
    const acknowledged = Promise.withResolvers<'agreed' | 'silent'>();
    const over = this.#about.open(listenParams(this.#about.changes, stream.uris), (params) => {
      stream.agreed = agreedUris(params);
      acknowledged.resolve('agreed');
    }, stream.stop.signal);
    const undo = this.#timers.after(this.#limits.probeMs, () => acknowledged.resolve('silent'));
    const first = await Promise.race([acknowledged.promise, over]);
    undo();
    if (this.#closed) return stream.stop.abort();
    // Some servers tell of lists without agreeing first; a stream that has agreed is not given up for one that has not.
    if (first === 'agreed' || (first === 'silent' && before === undefined)) this.#become(stream, over);
    else stream.stop.abort();
    const refused = this.#tell(stream, first === 'agreed' ? stream.agreed : NOTHING);
    if (before !== undefined) return undefined;
    if (first === 'ended') void this.#pauseThenAgain();
    // What it may have objected to is not in the next question.
    else if (first === 'refused' && refused > 0) this.#again = true;
    return undefined;
  }

  #become(stream: Stream, over: Promise<ListenEnd>): void {
    this.#current?.stop.abort();
    this.#current = stream;
    if (stream.agreed !== NOTHING) this.#pauseMs = AGAIN_MS;
    void over.then((end) => this.#over(stream, end));
    if (this.#isFirst) this.#about.begun();
    this.#isFirst = false;
    if (!this.#gap) return;
    this.#gap = false;
    this.#about.missed();
  }

  /** What was not agreed is not asked for again. How many those are. */
  #tell(stream: Stream, agreed: ReadonlySet<string>): number {
    let refused = 0;
    for (const uri of stream.uris) {
      if (agreed.has(uri)) this.#settle(uri, ok(undefined));
      else if (this.#waiting.has(uri)) {
        refused += 1;
        this.#wanted.delete(uri);
        this.#settle(uri, err(REFUSED));
      }
    }
    return refused;
  }

  /** It ended although nobody here wanted it to (CI5). */
  #over(stream: Stream, end: ListenEnd): void {
    if (this.#closed || this.#current !== stream) return;
    this.#current = undefined;
    this.#gap = true;
    if (end === 'ended') void this.#pauseThenAgain();
  }

  async #pauseThenAgain(): Promise<void> {
    const pause = this.#pauseMs;
    this.#pauseMs = Math.min(MOST_AGAIN_MS, pause * 2);
    await sleep(this.#timers, pause);
    if (this.#current === undefined) this.#soon();
  }
}

function isSame(left: ReadonlySet<string>, right: ReadonlySet<string>): boolean {
  return left.size === right.size && left.isSubsetOf(right);
}
