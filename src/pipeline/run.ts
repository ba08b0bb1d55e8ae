// One call while it is made, apart from whichever request of its agent waits for it: a question of the backend ends that request,
// and the next one comes back to the same call (parking.ts). Made and concluded once, however many requests that takes.
import type { ServedCall } from '../core/call.ts';
import type { Instant } from '../core/ids.ts';
import type { AgentIo, Inbound, SessionIo } from '../core/inbound.ts';
import type { RawJson } from '../core/json/scan.ts';
import { principalKey } from '../core/principal.ts';
import type { Snapshot } from '../core/snapshot.ts';
import type { ElicitationIds } from '../relay/elicitation.ts';
import { type Attending, attend } from './attend.ts';
import type { Asked } from './calls/method.ts';
import type { PipelineDeps } from './deps.ts';
import type { Flight } from './inflight.ts';
import { type Made, makeCall } from './make.ts';
import type { Waiting } from './parking.ts';
import type { Screened } from './screen.ts';
import { createDialogue, type Dialogue, LATE, lateReply } from './questions/dialogue.ts';
import { reviewAnswer } from './questions/review.ts';

export interface RunGiven {
  readonly call: ServedCall;
  readonly asked: Asked;
  readonly snapshot: Snapshot;
  /** Times that its agent was sent to visit pages for it. */
  readonly pages: number;
  readonly local: Screened | undefined;
}

export class Run implements Waiting {
  readonly given: RunGiven;
  readonly flight: Flight;
  readonly dialogue: Dialogue;
  readonly done: Promise<Made>;
  readonly #deps: PipelineDeps;
  readonly #session: SessionIo | undefined;
  #attending: Attending | undefined;
  #place: string | undefined;
  /** What its agent was told last, and since when it has given no answer to any of it. */
  #asked: ReadonlySet<string> = new Set();
  #askedAt: Instant | undefined;

  constructor(given: RunGiven, inbound: Inbound, io: AgentIo, deps: PipelineDeps) {
    const { call, snapshot } = given;
    this.given = given;
    this.#deps = deps;
    this.#session = io.session;
    this.flight = deps.inflight.begin(call, io.signal);
    this.dialogue = createDialogue({ call, snapshot, ask: io.ask, signal: this.flight.signal, enter: () => this.#enter(), shown: (page) => this.shown(page), review: (reply) => reviewAnswer(call, reply, snapshot, deps) }, deps);
    // Whoever waits for an answer to a call that was cancelled waits for nothing.
    this.flight.signal.addEventListener('abort', () => this.dialogue.end(), { once: true });
    this.attend(inbound, io);
    this.done = makeCall({ ...given, paramHeaders: inbound.paramHeaders, method: inbound.method }, {
      signal: this.flight.signal,
      onProgress: call.wantsProgress ? (params) => this.#attending?.progress(params) : undefined,
      onLog: inbound.origin.logLevel === undefined ? undefined : (params) => this.#attending?.log(params),
      ask: this.dialogue.ask,
      admitted: () => io.begun?.(),
      over: () => this.#over(),
      dialogue: this.dialogue,
    }, deps).finally(() => {
      this.#over();
      this.flight.end();
    });
    // Whoever waits hears of a bug of ours; while nobody does, this is the only place where it shows.
    this.done.catch((error: unknown) => {
      this.leave();
      if (this.#attending === undefined) deps.onListenerFault(error);
    });
  }

  /** From now on this request hears of the call, and its end is the end of the call. */
  attend(inbound: Inbound, io: AgentIo, progressToken: RawJson | undefined = this.given.asked.meta.progressToken): void {
    this.flight.heed(io.signal);
    this.#attending = attend(this.given.call, inbound, io, progressToken, this.#deps);
  }

  /** Its agent gave an answer: it has its time again. */
  progressed(): void {
    this.#askedAt = undefined;
  }

  /**
   * Milliseconds that it may still wait for an answer to these. Not renewed by a request that brings none: whoever comes back with empty
   * hands would keep a place, a lease and a backend's question for ever.
   */
  patience(asked: ReadonlySet<string>, parkMs: number): number {
    const now = this.#deps.clock.mono();
    if (asked.isDisjointFrom(this.#asked)) this.#askedAt = now;
    this.#asked = asked;
    this.#askedAt ??= now;
    return Math.max(0, this.#askedAt + parkMs - now);
  }

  /** The request that waits is answered, and the call goes on: where, and the ticket that leads back to it once. */
  park(lastsMs: number): { readonly park: string; readonly ticket: string } {
    this.#attending?.end(true);
    this.#attending = undefined;
    this.flight.heed(undefined);
    this.dialogue.open?.away();
    const park = this.#place ?? '';
    return { park, ticket: this.#deps.parking.park(park, lastsMs) };
  }

  /** The answer to the call was given to its agent. */
  leave(): void {
    if (this.#place !== undefined) this.#deps.parking.leave(this.#place);
  }

  /** Its agent is told when the visit is over, also after the call. */
  shown(page: ElicitationIds): void {
    const { call, snapshot } = this.given;
    const settings = snapshot.settings.backends.find((row) => row.id === call.target.backend);
    const backend = settings === undefined ? undefined : this.#deps.backend(settings);
    if (backend !== undefined) this.#deps.elicitations.add(backend, page, { principal: call.principal, target: call.target, session: this.#session });
  }

  expire(by: 'timeout' | 'shutdown'): void {
    this.dialogue.open?.close(LATE, lateReply);
    this.flight.cancel(by);
  }

  #enter(): boolean {
    const { call, snapshot } = this.given;
    this.#place ??= this.#deps.parking.enter(this, principalKey(call.principal), snapshot.settings.bounds);
    return this.#place !== undefined;
  }

  #over(): void {
    this.dialogue.end();
    this.#attending?.end(!this.flight.signal.aborted);
  }
}
