// The answers' streams of one session that can be resumed: while they are written, and for a while after. Bounded in bytes per
// session and, with a share for each principal, in all. What belongs to another session cannot even be named here.
import type { Instant } from '../../core/ids.ts';
import { eventId, type Place, readEventId } from './event-id.ts';
import { EventLog, type LogRoom } from './event-log.ts';
import { ResumableStream, type StreamSource } from './resumable.ts';

/** Bytes that are held for a principal together with those of others. */
export interface SharedRoom {
  take(bytes: number): boolean;
  give(bytes: number): void;
}

export interface KeepOptions {
  /** Begins every event id of this session: visible ASCII, unlike any other session's. */
  readonly tag: string;
  /** Most bytes of this session, as of now. */
  readonly most: () => number;
  readonly shared: SharedRoom;
  /** An event was not kept, or is kept no more. */
  readonly dropped: () => void;
}

/** What a stream costs besides its events. */
const STREAM_BYTES = 1024;
/** What notices may take of the room: a part that answers are not given up for, and that they leave alone. */
const FEED_SHARE = 1 / 16;
/** Of the stream that belongs to no request. */
export const FEED = 0;

export class KeptStreams {
  readonly #options: KeepOptions;
  readonly #streams = new Map<number, ResumableStream>();
  readonly #room: LogRoom;
  #opened = FEED;
  #bytes = 0;
  #feedBytes = 0;
  #over = false;

  constructor(options: KeepOptions) {
    this.#options = options;
    this.#room = { take: (bytes) => this.#take(bytes), give: (bytes) => this.#give(bytes), dropped: options.dropped };
  }

  get size(): number {
    return this.#streams.size;
  }

  /** Bytes held now. */
  get bytes(): number {
    return this.#bytes + this.#feedBytes;
  }

  /** The log of the stream that belongs to no request. It lives as long as the session. */
  feedLog(): EventLog {
    const { most, shared, dropped } = this.#options;
    const take = (bytes: number): boolean => {
      if (this.#feedBytes + bytes > most() * FEED_SHARE || !shared.take(bytes)) return false;
      this.#feedBytes += bytes;
      return true;
    };
    const give = (bytes: number): void => {
      this.#feedBytes -= bytes;
      shared.give(bytes);
    };
    return new EventLog(eventId(this.#options.tag, FEED), { take, give, dropped });
  }

  /** A new stream; undefined when there is no room for one: then the answer cannot be resumed. */
  open(source: StreamSource): ResumableStream | undefined {
    if (this.#over || !this.#take(STREAM_BYTES)) {
      this.#options.dropped();
      return undefined;
    }
    const number = (this.#opened += 1);
    const log = new EventLog(eventId(this.#options.tag, number), this.#room);
    const stream = new ResumableStream(log, source, () => {
      if (this.#streams.delete(number)) this.#give(STREAM_BYTES);
    });
    this.#streams.set(number, stream);
    return stream;
  }

  /** The place an id names, in this session's own words. */
  place(id: string): Place | undefined {
    return readEventId(id, this.#options.tag);
  }

  /** The stream that can go on after this place: undefined when it is unknown, forgotten, or not whole from there. */
  find({ stream, after }: Place): ResumableStream | undefined {
    const found = this.#streams.get(stream);
    return found?.canGoOnAfter(after) === true ? found : undefined;
  }

  /** Forgets what nobody has read for `afterMs`. */
  expire(now: Instant, afterMs: number): void {
    for (const stream of this.#streams.values()) stream.expire(now, afterMs);
  }

  /** The session has ended. */
  end(): void {
    this.#over = true;
    for (const stream of this.#streams.values()) stream.forget();
  }

  #take(bytes: number): boolean {
    const { most, shared } = this.#options;
    if (bytes > most()) return false;
    while (this.#bytes + bytes > most() || !shared.take(bytes)) {
      // An answer that waits to be read for the first time is not given up for one that may never be read.
      const written = this.#streams.values().find((stream) => stream.isWritten);
      if (written === undefined) return false;
      this.#options.dropped();
      written.forget();
    }
    this.#bytes += bytes;
    return true;
  }

  #give(bytes: number): void {
    this.#bytes -= bytes;
    this.#options.shared.give(bytes);
  }
}
