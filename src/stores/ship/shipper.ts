// Carries the journal of one node to PostgreSQL, beside the calls and never in their path. It never throws and never gives up: what it cannot do
// it says in `health()`, and tries again. Only what a person must look at, it stops for.
import type { Timestamp } from '../../core/ids.ts';
import type { Random, StoreFault, Timers } from '../../core/ports.ts';
import { ok, type Result } from '../../core/result.ts';
import { codeIn, messageIn } from '../../core/thrown.ts';
import { guardedNow, writeFault } from '../fault.ts';
import { Carrier, type CarrierBounds, type CarrierDeps, type Counts } from './carrier.ts';
import { connect, type Connection, type Timeouts, TIMEOUTS } from './connection.ts';
import { type StoreLock, takeLock } from '../lock.ts';
import { placeIn } from './rebuild.ts';
import { bringUpToDate } from './schema.ts';

export interface ShipBounds extends CarrierBounds {
  readonly timeouts: Timeouts;
  /** Between two looks into a journal that had nothing new. */
  readonly pollMs: number;
  /** Between two asks for the lock of a state directory that another process ships. */
  readonly standbyMs: number;
  readonly firstWaitMs: number;
  readonly longestWaitMs: number;
}

export const BOUNDS: ShipBounds = {
  timeouts: TIMEOUTS, batch: 500, batchUnits: 4 * 1024 * 1024, checkpointMs: 5000, partitionsMs: 24 * 3_600_000, daysAhead: 14, saveMs: 200, pingMs: 10_000,
  pollMs: 200, standbyMs: 2000, firstWaitMs: 200, longestWaitMs: 30_000,
};

export interface ShipperOptions {
  readonly url: string;
  readonly node: string;
  /** A file of its own in the state directory. */
  readonly lockPath: string;
  readonly bounds?: Partial<ShipBounds>;
}

export interface ShipperDeps extends CarrierDeps {
  readonly clock: { mono(): number; wall(): Timestamp };
  readonly random: Pick<Random, 'float'>;
  readonly timers: Timers;
  /** When the state or the fault has become another one. */
  readonly onChange?: (health: ShipperHealth) => void;
}

/** `standby`: another process ships this state directory. `halted`: for good, until a person has looked. */
export type ShipperState = 'waiting' | 'shipping' | 'standby' | 'halted' | 'closed';

export interface ShipperHealth extends Counts {
  readonly state: ShipperState;
  /** Everything up to this row is in PostgreSQL. */
  readonly cursor: number;
  readonly lagRecords: number;
  /** Time of the oldest record that is not in PostgreSQL yet, ms. */
  readonly lagOldest: number | undefined;
  /** Why nothing is shipped now. */
  readonly fault: StoreFault | undefined;
  /** What does not stop it, and wants a person all the same. */
  readonly trouble: string | undefined;
}

const QUERY_CANCELED = '57014';
const DOUBLINGS = 20;

export class Shipper {
  readonly #options: ShipperOptions;
  readonly #deps: ShipperDeps;
  readonly #bounds: ShipBounds;
  readonly #carrier: Carrier;
  #state: ShipperState = 'waiting';
  #fault: StoreFault | undefined;
  #lock: StoreLock | undefined;
  #connection: Connection | undefined;
  #failures = 0;
  #wake: (() => void) | undefined;
  #closing = false;
  #running: Promise<void> | undefined;

  constructor(options: ShipperOptions, deps: ShipperDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#bounds = { ...BOUNDS, ...options.bounds };
    this.#carrier = new Carrier(options.node, this.#bounds, deps);
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** There is something new: no need to wait for the next look. Nothing, while it waits for a server to come back. */
  nudge(): void {
    if (this.#state === 'shipping') this.#wake?.();
  }

  /** After the batch that is under way. What is left is shipped by the next process. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#wake?.();
    await this.#running;
    if (this.#state !== 'halted') this.#tell('closed', undefined);
  }

  health(): ShipperHealth {
    const lag = guardedNow(() => ok(this.#lag()));
    return {
      state: this.#state, cursor: this.#carrier.cursor, ...this.#carrier.counts, ...(lag.ok ? lag.value : { lagRecords: 0, lagOldest: undefined }),
      fault: this.#fault ?? (lag.ok ? undefined : lag.error), trouble: this.#carrier.trouble,
    };
  }

  #lag(): Pick<ShipperHealth, 'lagRecords' | 'lagOldest'> {
    const { source } = this.#deps;
    const [oldest] = source.after(this.#carrier.cursor, 1);
    if (oldest === undefined) return { lagRecords: 0, lagOldest: undefined };
    const place = placeIn(oldest.record);
    return { lagRecords: source.behind(this.#carrier.cursor), lagOldest: place.ok ? place.value.ts : undefined };
  }

  async #run(): Promise<void> {
    while (!this.#closing && this.#state !== 'halted') {
      const wait = await this.#turn();
      if (wait > 0 && !this.#closing) await this.#sleep(wait);
    }
    if (this.#lock !== undefined) await this.#carrier.save();
    this.#drop();
    this.#lock?.release();
    this.#lock = undefined;
  }

  async #sleep(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#deps.timers.after(ms, resolve);
    this.#wake = resolve;
    await promise;
    this.#wake = undefined;
    cancel();
  }

  /** How long to wait before the next one. */
  async #turn(): Promise<number> {
    try {
      const locked = this.#takeLock();
      if (!locked.ok) return this.#failed(locked.error);
      if (!locked.value) {
        this.#tell('standby', undefined);
        return this.#bounds.standbyMs;
      }
      const connection = await this.#connected();
      if (!connection.ok) return this.#failed(connection.error);
      const step = await this.#carrier.step(connection.value);
      if (!step.ok) {
        this.#tell('halted', step.error);
        return 0;
      }
      this.#failures = 0;
      this.#tell('shipping', undefined);
      return step.value ? 0 : this.#bounds.pollMs;
    } catch (thrown) {
      if (codeIn(thrown) === QUERY_CANCELED || messageIn(thrown) === 'Query read timeout') this.#carrier.takeLess();
      return this.#failed(writeFault(thrown).fault);
    }
  }

  /** Whether this process ships. The cursor is read anew: until now another one may have moved it. */
  #takeLock(): Result<boolean, StoreFault> {
    if (this.#lock !== undefined) return ok(true);
    const taken = takeLock(this.#options.lockPath);
    if (!taken.ok || taken.value === undefined) return taken.ok ? ok(false) : taken;
    // Kept only with a cursor: without one, this would ship from the beginning.
    try {
      this.#carrier.load();
    } catch (thrown) {
      taken.value.release();
      throw thrown;
    }
    this.#lock = taken.value;
    return ok(true);
  }

  async #connected(): Promise<Result<Connection, StoreFault>> {
    const broken = this.#connection?.broken();
    if (broken !== undefined) throw new Error(broken);
    if (this.#connection !== undefined) return ok(this.#connection);
    const { url } = this.#options;
    const opened = await connect(url, this.#bounds.timeouts);
    if (!opened.ok) return opened;
    this.#connection = opened.value;
    const ready = await bringUpToDate(opened.value, url, () => this.#deps.clock.wall());
    if (!ready.ok) return ready;
    await this.#carrier.resume(opened.value);
    return opened;
  }

  #failed(fault: StoreFault): number {
    this.#drop();
    this.#tell('waiting', fault);
    const longest = Math.min(this.#bounds.longestWaitMs, this.#bounds.firstWaitMs * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, DOUBLINGS);
    // Spread out, so that a fleet does not come back to a server all at once (F34).
    return Math.ceil(longest * (0.5 + this.#deps.random.float() / 2));
  }

  #tell(state: ShipperState, fault: StoreFault | undefined): void {
    const same = this.#state === state && this.#fault?.code === fault?.code && this.#fault?.detail === fault?.detail;
    this.#state = state;
    this.#fault = fault;
    if (!same) this.#deps.onChange?.(this.health());
  }

  #drop(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }
}
