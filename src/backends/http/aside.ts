// Messages whose response matters to nobody: notifications, answers to the backend's questions, the end of a session. Bounded in number and time.
import { notificationMessage } from '../../relay/rpc.ts';
import type { RawJson } from '../../core/json/scan.ts';
import type { Timers } from '../../core/ports.ts';
import type { Manner } from './ask.ts';
import type { Exchange, Receiver } from './exchange.ts';
import { SIDE_LANES, type Wire } from './wire.ts';

export interface AsideDeps {
  readonly timers: Timers;
  readonly wire: Wire;
}

const SIDE_MS = 10_000;
export const FAREWELL_MS = 1_000;
/** Waiting and on their way. A server that asks without end and takes no answer gets no more. */
const MOST_SIDE = 64;
const RESPONSE_BYTES = 64 * 1024;

export class Asides {
  readonly #deps: AsideDeps;
  #open = 0;
  #busy = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(deps: AsideDeps) {
    this.#deps = deps;
  }

  /** Resolves when it was taken or could not be. Without `initialized` there is no session: it is always sent. */
  async notify(manner: Manner, method: string, params?: RawJson): Promise<void> {
    if (this.#open >= MOST_SIDE && method !== 'notifications/initialized') return;
    await this.#post(manner, notificationMessage(method, params), method);
  }

  /** An answer to the backend. One that somebody gave is bounded by the calls in flight, and is never dropped: the backend waits for it. */
  async answer(manner: Manner, message: RawJson, given: boolean): Promise<void> {
    if (this.#open >= MOST_SIDE && !given) return;
    await this.#post(manner, message, undefined);
  }

  async #post(manner: Manner, body: RawJson, method: string | undefined): Promise<void> {
    this.#open += 1;
    await this.#lane();
    await this.#whole(SIDE_MS, (receiver) => this.#deps.wire.post(manner, { method, name: undefined, extra: [], body, silenceMs: SIDE_MS }, receiver));
    this.#open -= 1;
    const next = this.#waiting.shift();
    // The lane goes from hand to hand.
    if (next === undefined) this.#busy -= 1;
    else next();
  }

  async #lane(): Promise<void> {
    if (this.#busy >= SIDE_LANES) return new Promise((resolve) => void this.#waiting.push(resolve));
    this.#busy += 1;
    return undefined;
  }

  /** CH5. */
  async endSession(manner: Manner): Promise<void> {
    await this.#whole(FAREWELL_MS, (receiver) => this.#deps.wire.remove(manner, FAREWELL_MS, receiver));
  }

  /** `ms` is all the time it has, or a byte now and then would hold it for days. */
  async #whole(ms: number, send: (receiver: Receiver) => Exchange): Promise<void> {
    return new Promise((resolve) => {
      let bytes = 0;
      const over = (): void => {
        undo();
        resolve();
      };
      const cut = (): void => {
        sent.abort();
        over();
      };
      const undo = this.#deps.timers.after(ms, cut);
      const sent = send({
        head: () => undefined,
        data: (chunk) => {
          bytes += chunk.length;
          if (bytes >= RESPONSE_BYTES) cut();
        },
        end: over,
        fail: over,
      });
    });
  }
}
