// The events of one stream in the order they were made, with their ids: the newest of them, as many as there is room for. It
// knows nothing of connections.
import type { RawJson } from '../../core/json/scan.ts';
import { oneLine } from '../../core/json/compose.ts';
import { eventId } from './event-id.ts';

/** Where kept events have their room from. */
export interface LogRoom {
  /** False: there is none. */
  take(bytes: number): boolean;
  give(bytes: number): void;
  /** An event was not kept, or is kept no more. */
  dropped(): void;
}

/** What an event costs besides its bytes, so that many small ones are bounded too. */
const EVENT_BYTES = 256;

export class EventLog {
  /** What its ids begin with. */
  readonly name: string;
  readonly #room: LogRoom;
  readonly #frames = new Map<number, Buffer>();
  #last = 0;
  #lost = 0;
  #closed = false;

  constructor(name: string, room: LogRoom) {
    this.name = name;
    this.#room = room;
  }

  /** Number of the newest event; 0 = none yet. */
  get last(): number {
    return this.#last;
  }

  /** The highest number of an event that is not kept: who has not read it cannot go on from here. */
  get lost(): number {
    return this.#lost;
  }

  /** The event as it goes on the wire. */
  add(message: RawJson): Buffer {
    this.#last += 1;
    const frame = bytesOf(`id: ${eventId(this.name, this.#last)}\ndata: ${oneLine(message)}\n\n`);
    if (this.#closed) this.#lost = this.#last;
    else this.#keep(this.#last, frame);
    return frame;
  }

  /** What came after this one, oldest first. */
  after(event: number): readonly Buffer[] {
    return [...this.#frames].filter(([number]) => number > event).map(([, frame]) => frame);
  }

  /** An event that is too large to be one. */
  refuse(): void {
    this.#room.dropped();
  }

  /** A newer event says the same: this one is not missed. */
  supersede(event: number): void {
    this.#drop(event);
  }

  /** Gives its room back. Events are still made and numbered, and none is kept. */
  close(): void {
    this.#closed = true;
    this.#lost = this.#last;
    for (const event of this.#frames.keys()) this.#drop(event);
  }

  #keep(event: number, frame: Buffer): void {
    // Its own oldest go first: an event between two others cannot be left out.
    while (!this.#room.take(costOf(frame))) {
      this.#room.dropped();
      const oldest = this.#frames.keys().next().value;
      this.#lost = oldest ?? event;
      if (oldest === undefined) return;
      this.#drop(oldest);
    }
    this.#frames.set(event, frame);
  }

  #drop(event: number): void {
    const frame = this.#frames.get(event);
    if (frame === undefined) return;
    this.#frames.delete(event);
    this.#room.give(costOf(frame));
  }
}

function costOf(frame: Buffer): number {
  return frame.length + EVENT_BYTES;
}

/** Of its own memory: a piece of node's pool would keep the whole pool alive. */
function bytesOf(text: string): Buffer {
  const frame = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  frame.write(text);
  return frame;
}
