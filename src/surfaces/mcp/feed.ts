// The stream of a session that belongs to no request: notices of what changed, on GET connections that come and go. Each notice goes to
// one of them, the newest, and waits when there is none; of equal ones only the newest is kept, since it says all of them.
import type { RawJson } from '../../core/json/scan.ts';
import { eventId } from './event-id.ts';
import type { EventLog } from './event-log.ts';
import { EventStream, primingEvent } from './sse.ts';
import type { Joining } from './resumable.ts';

export interface FeedReader extends Omit<Joining, 'after' | 'since'> {
  /** The last event that was read; undefined for who begins now. */
  readonly after: number | undefined;
  /** The reader was too slow: its connection has been destroyed. */
  readonly behind: () => void;
}

/** A notice says that something has changed; what a backend adds to one about a task may be megabytes, and `tasks/get` has it too. */
const NOTICE_MOST = 16_384;

export class Feed {
  readonly #log: EventLog;
  /** What tells a reader conservatively of all it may have missed. */
  readonly #instead: readonly RawJson[];
  /** Oldest first. */
  readonly #connections: EventStream[] = [];
  readonly #kept = new Map<RawJson, number>();
  #opened = 0;
  /** The last event that was written to anybody. */
  #written = 0;

  constructor(log: EventLog, instead: readonly RawJson[]) {
    this.#log = log;
    this.#instead = instead;
  }

  /** Open connections. */
  get size(): number {
    return this.#connections.length;
  }

  tell(message: RawJson): void {
    if (message.length > NOTICE_MOST) return this.#log.refuse();
    this.#prune();
    const before = this.#kept.get(message);
    // It still waits to be read for the first time.
    if (before !== undefined && before > this.#written) return;
    if (before !== undefined) this.#log.supersede(before);
    const event = this.#log.add(message);
    this.#kept.delete(message);
    if (this.#log.last > this.#log.lost) this.#kept.set(message, this.#log.last);
    // An older one may be a connection that died without a word (SL5, T51).
    const newest = this.#connections.findLast((open) => !open.closed);
    if (newest?.write([event]) === true) this.#written = this.#log.last;
  }

  /** False when nothing of that number was ever written: nobody can have read it. */
  has(event: number): boolean {
    return event <= this.#log.last;
  }

  /** A connection; who comes back gets what it has missed, who is new what nobody has read. */
  join({ response, after, bufferBytes, headers, retryMs, behind }: FeedReader): EventStream {
    const from = after ?? this.#written;
    const hasMissed = from < this.#log.lost;
    const events = new EventStream(response, { bufferBytes, headers, overflowed: behind });
    this.#opened += 1;
    if (retryMs !== undefined) events.write([primingEvent(eventId(this.#log.name, from, this.#opened), retryMs)]);
    const missed = this.#log.after(from);
    if (missed.length > 0 && events.write(missed)) this.#written = this.#log.last;
    this.#connections.push(events);
    response.once('close', () => {
      const at = this.#connections.indexOf(events);
      if (at >= 0) this.#connections.splice(at, 1);
    });
    if (hasMissed) for (const message of this.#instead) this.tell(message);
    return events;
  }

  end(): void {
    for (const connection of this.#connections.splice(0)) connection.end();
    this.#log.close();
    this.#kept.clear();
  }

  /** What the log had no room for is not kept here either. */
  #prune(): void {
    for (const [message, event] of this.#kept) {
      if (event > this.#log.lost) return;
      this.#kept.delete(message);
    }
  }
}
