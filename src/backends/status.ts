// What is known of one backend from outside: its state and the counters beside it. Tells each change of state once.
import type { BackendId, Timestamp } from '../core/ids.ts';
import type { BackendEvents, BackendFault, BackendListing, BackendOffers, BackendState, BackendStatus, Clock } from '../core/ports.ts';
import type { Link } from './handshake.ts';
import { type Lists, sameLists } from './listing.ts';
import { wholeText } from './text.ts';

export class StatusCell {
  readonly #id: BackendId;
  readonly #transport: BackendStatus['transport'];
  readonly #clock: Clock;
  readonly #events: BackendEvents;
  #state: BackendState = 'idle';
  #since: Timestamp;
  #listing: BackendListing | undefined;
  #lastFault: BackendFault | undefined;
  #noise = 0;
  #failedStarts = 0;
  pid: number | undefined;
  restarts = 0;
  inflight = 0;

  constructor(id: BackendId, transport: BackendStatus['transport'], deps: { readonly clock: Clock; readonly events: BackendEvents }) {
    this.#id = id;
    this.#transport = transport;
    this.#clock = deps.clock;
    this.#events = deps.events;
    this.#since = deps.clock.wall();
  }

  get listing(): BackendListing | undefined {
    return this.#listing;
  }

  /** A stopped backend stays stopped. */
  become(state: BackendState, fault?: BackendFault): void {
    if (this.#state === 'stopped') return;
    if (fault !== undefined) this.#lastFault = fault;
    if (state === 'ready') this.#failedStarts = 0;
    if (state === this.#state) return;
    this.#state = state;
    this.#since = this.#clock.wall();
    this.#events.changed(this.view());
  }

  /** Of a call. That an agent gave it up is no fault of the backend's, and that it was not ready only repeats the one before. */
  fault(fault: BackendFault): void {
    if (fault.code === 'cancelled' || (fault.code === 'not_ready' && this.#state !== 'ready')) return;
    this.#lastFault = fault;
  }

  /** Why a call cannot be sent now. */
  absent(signal: AbortSignal): BackendFault {
    if (signal.aborted) return { code: 'cancelled' };
    const last = this.#lastFault;
    const why = last === undefined ? '' : `: ${'detail' in last ? last.detail : last.code}`;
    return { code: 'not_ready', detail: `${this.#state}${why}`, starts: { failed: this.#failedStarts, givenUp: this.#state === 'failed' } };
  }

  /** An attempt to be ready has ended without. */
  startFailed(): void {
    this.#failedStarts += 1;
  }

  noise(): void {
    this.#noise += 1;
  }

  /** Tells a listing only when it differs from the last one: each tells the gateway to build a new catalogue. */
  listed(link: Link, lists: Lists): void {
    const { tools, prompts, resources, templates } = lists;
    const { offers, instructions, era, version, server } = link;
    const next: BackendListing = { tools, prompts, resources, templates, offers, instructions, era, version, server };
    const last = this.#listing;
    if (last !== undefined && sameLists(last, next) && sameOffers(last.offers, offers) && last.instructions === instructions
      && last.era === era && last.version === version && last.server === server) return;
    this.#listing = next;
    this.#events.listed(this.#id, next);
  }

  view(): BackendStatus {
    return {
      id: this.#id,
      transport: this.#transport,
      state: this.#state,
      since: this.#since,
      era: this.#listing?.era,
      version: this.#listing?.version,
      tools: this.#listing?.tools.length ?? 0,
      pid: this.pid,
      restarts: this.restarts,
      inflight: this.inflight,
      lastFault: this.#lastFault === undefined ? undefined : inWhole(this.#lastFault),
      noise: this.#noise,
    };
  }
}

function inWhole(fault: BackendFault): BackendFault {
  return 'said' in fault ? { code: fault.code, detail: wholeText(fault) } : fault;
}

function sameOffers(left: BackendOffers, right: BackendOffers): boolean {
  return left.tools === right.tools && left.prompts === right.prompts && left.resources === right.resources && left.subscribe === right.subscribe
    && left.completions === right.completions && left.logging === right.logging && left.tasks === right.tasks && left.apps === right.apps;
}
