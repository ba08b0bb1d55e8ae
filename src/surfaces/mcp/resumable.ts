// The stream of one answer of the 2025 revisions: it outlives its connections. Whoever lost one comes back with the id of the last
// event that was read, and gets what came after it, then the rest (SEP-1699). It knows nothing of sessions or of what it carries.
import type { ServerResponse } from 'node:http';
import type { Instant } from '../../core/ids.ts';
import type { RawJson } from '../../core/json/scan.ts';
import { eventId } from './event-id.ts';
import type { EventLog } from './event-log.ts';
import { type AnswerStream, EventStream, primingEvent } from './sse.ts';

export interface StreamSource {
  readonly now: () => Instant;
  /** What its agent might do when it was opened. */
  readonly rights: string;
  /** The reader was too slow, and is gone; `lost`: it cannot come back for the rest. */
  readonly behind: (lost: boolean) => void;
}

export interface Joining {
  readonly response: ServerResponse;
  /** The last event that was read; 0 = none. */
  readonly after: number;
  /** Of the connection: it may have begun before its stream did. */
  readonly since: Instant;
  readonly bufferBytes: number;
  readonly headers: readonly string[];
  /** Undefined for revisions that know no events without a message: those connections are never ended before the answer. */
  readonly retryMs: number | undefined;
}

interface Connection {
  readonly events: EventStream;
  readonly since: Instant;
  /** Its reader was told how to come back. */
  readonly polls: boolean;
}

export class ResumableStream implements AnswerStream {
  readonly #log: EventLog;
  readonly #source: StreamSource;
  readonly #forgotten: () => void;
  readonly #rights: string;
  #connection: Connection | undefined = undefined;
  #connections = 0;
  #unreadSince: Instant | undefined = undefined;
  /** The last event that was written to anybody; -1: nobody has an id to come back with. */
  #written = -1;
  #ended = false;
  #isKept = true;
  #toTell: Set<() => void> | undefined = undefined;

  constructor(log: EventLog, source: StreamSource, forgotten: () => void) {
    this.#log = log;
    this.#source = source;
    this.#forgotten = forgotten;
    this.#rights = source.rights;
  }

  /** What its agent might do when it was opened: under other rights nothing of it is told again. */
  get rights(): string {
    return this.#rights;
  }

  /** All of it, the answer too, has been written to a reader; it is kept in case it did not arrive. */
  get isWritten(): boolean {
    return this.#ended && this.#written === this.#log.last;
  }

  get closed(): boolean {
    return this.#connection === undefined && !this.#isKept;
  }

  canGoOnAfter(event: number): boolean {
    return this.#isKept && event <= this.#log.last && event >= this.#log.lost;
  }

  /** All there is has been read, and no more will come. */
  isOverAfter(event: number): boolean {
    return this.#ended && event === this.#log.last;
  }

  /** The newest reader is the reader: an older one may be a connection that died without a word. */
  join({ response, after, since, bufferBytes, headers, retryMs }: Joining): void {
    const previous = this.#connection;
    const overflowed = (): void => this.#source.behind(!this.#canComeBack());
    const connection: Connection = { events: new EventStream(response, { bufferBytes, headers, overflowed }), since, polls: retryMs !== undefined };
    this.#connection = connection;
    this.#unreadSince = undefined;
    this.#connections += 1;
    response.once('close', () => this.#left(connection));
    if (retryMs !== undefined) this.#write([primingEvent(eventId(this.#log.name, after, this.#connections), retryMs)], Math.max(after, this.#written));
    const missed = this.#log.after(after);
    if (missed.length > 0) this.#write(missed, this.#log.last);
    previous?.events.end();
    if (this.#ended) connection.events.end();
  }

  send(message: RawJson): void {
    if (this.closed) return;
    const event = this.#log.add(message);
    if (!this.#write([event], this.#log.last)) this.#forgetIfLost();
  }

  comment(): void {
    this.#connection?.events.comment();
  }

  end(): void {
    this.#ended = true;
    this.#connection?.events.end();
    this.#forgetIfLost();
  }

  onGone(told: () => void): () => void {
    const all = (this.#toTell ??= new Set());
    all.add(told);
    return () => all.delete(told);
  }

  rest(now: Instant, afterMs: number): void {
    const connection = this.#connection;
    if (connection?.polls === true && now - connection.since >= afterMs && this.#canComeBack()) connection.events.end();
  }

  expire(now: Instant, afterMs: number): void {
    if (this.#unreadSince !== undefined && now - this.#unreadSince >= afterMs) this.forget();
  }

  /** It cannot be resumed any more; who reads it now may read on. */
  forget(): void {
    if (!this.#isKept) return;
    this.#isKept = false;
    this.#log.close();
    this.#forgotten();
    this.#tellGone();
  }

  #write(events: readonly (string | Buffer)[], last: number): boolean {
    if (this.#connection?.events.write(events) !== true) return false;
    this.#written = last;
    return true;
  }

  #left(connection: Connection): void {
    if (this.#connection !== connection) return;
    this.#connection = undefined;
    this.#unreadSince = this.#source.now();
    this.#forgetIfLost();
    this.#tellGone();
  }

  /** Somebody has an id, and what came after it is here. */
  #canComeBack(): boolean {
    return this.#isKept && this.#written >= this.#log.lost;
  }

  #forgetIfLost(): void {
    if (this.#connection === undefined && !this.#canComeBack()) this.forget();
  }

  #tellGone(): void {
    if (!this.closed) return;
    for (const told of this.#toTell ?? []) told();
    this.#toTell = undefined;
  }
}
