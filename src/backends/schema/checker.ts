// Arguments against a backend's own schema, off the main thread. Blames a schema only for what it does by itself; arguments that
// cost too much cost their own call, and their sender waits in a line of its own from then on: no agent takes a tool from another.
import type { RawJson } from '../../core/json/scan.ts';
import type { Clock, SchemaChecker, SchemaVerdict, Timers } from '../../core/ports.ts';
import { type Check, Lane, type Phase } from './lane.ts';

export interface CheckerDeps {
  readonly clock: Clock;
  readonly timers: Timers;
  /** For one validation. Compiling a schema, once, may take longer. */
  readonly deadlineMs: number;
  readonly schemaBytes: number;
  /** A thread was lost: why, in words. */
  readonly log: (text: string) => void;
}

export interface ClosableChecker extends SchemaChecker {
  /** Checks that wait are answered `unchecked`. */
  close(): Promise<void>;
}

const QUARANTINE_MS = 600_000;
/** The first may be a machine that had no time. */
const STRIKES = 2;
/** How long a sender of costly arguments is served apart. */
const APART_MS = 60_000;
/** Schemas with strikes, and senders apart, to remember. */
const REMEMBERED = 1_000;
/** Waiting checks, of one sender and of all; a queue of whole messages is memory that agents fill. */
const ROOM = { checks: 2_048, units: 64 * 2 ** 20 };
const ROOM_OF_ONE = { checks: 256, units: 16 * 2 ** 20 };

interface Load {
  checks: number;
  units: number;
}

class LanedChecker implements ClosableChecker {
  readonly #deps: CheckerDeps;
  readonly #usual: Lane;
  readonly #apart: Lane;
  readonly #strikes = new Map<string, { readonly strikes: number; readonly until: number }>();
  readonly #costly = new Map<string, number>();
  readonly #loads = new Map<string, Load>();
  readonly #load: Load = { checks: 0, units: 0 };
  #lastId = 0;
  #closed = false;

  constructor(deps: CheckerDeps) {
    this.#deps = deps;
    const lane = { timers: deps.timers, deadlineMs: () => deps.deadlineMs };
    this.#usual = new Lane({ ...lane, lost: (check, phase, why, rest) => this.#divert(check.by, phase, this.#lost(check, phase, why, rest)) });
    this.#apart = new Lane({ ...lane, lost: (check, phase, why, rest) => this.#lost(check, phase, why, rest) });
  }

  check(schema: RawJson, digest: string, args: RawJson, by: string): Promise<SchemaVerdict> {
    const refusal = this.#refusal(schema, digest, args, by);
    if (refusal !== undefined) return Promise.resolve(refusal);
    this.#lastId += 1;
    const id = this.#lastId;
    this.#take(by, args.length);
    return new Promise((resolve) => {
      const settle = (verdict: SchemaVerdict): void => {
        this.#give(by, args.length);
        resolve(verdict);
      };
      const lane = this.#deps.clock.mono() < (this.#costly.get(by) ?? 0) ? this.#apart : this.#usual;
      lane.add({ id, digest, schema, args, by, settle });
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    const left = await Promise.all([this.#usual.close(), this.#apart.close()]);
    for (const check of left.flat()) check.settle(CLOSED);
  }

  #refusal(schema: RawJson, digest: string, args: RawJson, by: string): SchemaVerdict | undefined {
    if (this.#closed) return CLOSED;
    const { schemaBytes, clock } = this.#deps;
    if (Buffer.byteLength(schema) > schemaBytes) return { kind: 'unusable', note: `the schema is larger than ${schemaBytes} bytes` };
    const offence = this.#strikes.get(digest);
    if (offence !== undefined && offence.strikes >= STRIKES && clock.mono() < offence.until) return { kind: 'unusable', note: 'the schema is in quarantine: it could not be compiled in time' };
    if (fits(this.#load, ROOM, args) && fits(this.#loads.get(by), ROOM_OF_ONE, args)) return undefined;
    return { kind: 'unchecked', note: 'too many checks are waiting' };
  }

  /** Settles the check that took the thread with it; the rest goes on. A start that fails blames nobody. */
  #lost(check: Check, phase: Phase, why: string, rest: readonly Check[]): readonly Check[] {
    this.#deps.log(why);
    const now = this.#deps.clock.mono();
    switch (phase) {
      case 'start':
        for (const waiting of [check, ...rest]) waiting.settle({ kind: 'unchecked', note: why });
        return [];
      case 'compile': {
        const before = this.#strikes.get(check.digest);
        const strikes = before === undefined || now >= before.until ? 1 : before.strikes + 1;
        remember(this.#strikes, check.digest, { strikes, until: now + QUARANTINE_MS });
        check.settle({ kind: 'unusable', note: why });
        return rest;
      }
      case 'run':
        remember(this.#costly, check.by, now + APART_MS);
        check.settle(TOO_COSTLY);
        return rest;
    }
  }

  /** What the same sender has waiting goes to the other lane with it, so that each sender can hold others up but once. */
  #divert(by: string, phase: Phase, rest: readonly Check[]): readonly Check[] {
    if (phase !== 'run') return rest;
    for (const check of rest) if (check.by === by) this.#apart.add(check);
    return rest.filter((check) => check.by !== by);
  }

  #take(by: string, units: number): void {
    const own = this.#loads.get(by) ?? { checks: 0, units: 0 };
    this.#loads.set(by, own);
    for (const load of [own, this.#load]) {
      load.checks += 1;
      load.units += units;
    }
  }

  #give(by: string, units: number): void {
    const own = this.#loads.get(by);
    for (const load of own === undefined ? [this.#load] : [own, this.#load]) {
      load.checks -= 1;
      load.units -= units;
    }
    if (own?.checks === 0) this.#loads.delete(by);
  }
}

const CLOSED: SchemaVerdict = { kind: 'unchecked', note: 'the checker has been closed' };
/** The agent's own doing, and it may mend it. */
const TOO_COSTLY: SchemaVerdict = { kind: 'invalid', errors: [{ path: '', steps: [], keyword: 'deadline', message: 'take too long to check' }] };

/** Whoever has nothing waiting may always bring one. */
function fits(load: Load | undefined, room: Load, args: string): boolean {
  return load === undefined || load.checks === 0 || (load.checks < room.checks && load.units + args.length <= room.units);
}

function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > REMEMBERED && oldest !== undefined) map.delete(oldest);
}

export function createSchemaChecker(deps: CheckerDeps): ClosableChecker {
  return new LanedChecker(deps);
}
