// The place a call holds while it is made: one in the concurrency table, one at the backend's breaker. Leases, not
// stages: they are given back on every path. The tables live outside the snapshot, keyed by stable names.
import type { Call } from '../core/call.ts';
import type { DenyReason } from '../core/decision.ts';
import type { BackendId, Instant } from '../core/ids.ts';
import type { CircuitView } from '../core/operations.ts';
import { admitCall, CLOSED_CIRCUIT, settleCall, type CircuitOutcome, type CircuitRules, type CircuitState } from '../core/policy/circuit.ts';
import type { ConcurrencyClaim, ConcurrencyTable } from '../core/policy/concurrency.ts';
import { principalKey } from '../core/principal.ts';
import type { Clock, StartRecord } from '../core/ports.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { BackendSettings } from '../core/settings.ts';
import type { Snapshot } from '../core/snapshot.ts';

/**
 * `doubtful`: a failure that the agent's own arguments may have brought about. A StartRecord: the call met no backend; what
 * it says of its health is how its starts went.
 */
export type Health = CircuitOutcome | 'doubtful' | StartRecord;

/** The places of a call in the concurrency table, while it lasts. */
export interface Place {
  /** Gives them back, for as long as nothing is asked of the backend. The breaker still waits for its one report. */
  rest(): void;
  /** Takes them again; false: none is free now. */
  resume(): boolean;
}

export interface Lease extends Place {
  /** What the call showed of the backend's health; `neutral` when never said. */
  report(seen: Health): void;
  /** Gives everything back. Safe to call twice. */
  release(): void;
}

type Scope = 'principal' | 'backend' | 'global';
interface Claim extends ConcurrencyClaim { readonly scope: Scope }

/**
 * How long a probe that has not answered keeps the others out. Not until its timeout: that is a minute, or ten with progress,
 * and an agent can spend it with one slow call. A backend that is well answers most calls within this, and to one that
 * is not a call each five seconds is no load.
 */
const PROBE_MS = 5_000;

/** Looks of the gateway itself at once, for one principal; and never more than half of what it may have itself. */
const QUIET_MOST = 2;

/** Principals to remember per backend. */
const WITNESSES = 64;

export class Leases {
  readonly #circuits = new Map<BackendId, CircuitState>();
  /** Who was last served well, and when; whoever failed since is none. */
  readonly #witnesses = new Map<BackendId, Map<string, Instant>>();
  /** Failed starts in a row that have been counted as failures. */
  readonly #failedStarts = new Map<BackendId, number>();
  readonly #concurrency: ConcurrencyTable;
  readonly #clock: Clock;
  readonly #onChange: (view: CircuitView) => void;

  constructor(concurrency: ConcurrencyTable, clock: Clock, onChange: (view: CircuitView) => void) {
    this.#concurrency = concurrency;
    this.#clock = clock;
    this.#onChange = onChange;
  }

  /** `quiet`: for a look of the gateway itself, which must not take what its principal needs. */
  take(call: Call, snapshot: Snapshot, settings: BackendSettings, now: Instant, quiet: boolean = false): Result<Lease, DenyReason> {
    const claims = [...(quiet ? [quietClaim(call, snapshot)] : []), ...claimsOf(call, snapshot, settings)];
    const room = this.#concurrency.acquire(claims);
    if (!room.ok) return err({ code: 'busy', scope: room.claim.scope, limit: room.claim.limit });
    const rules: CircuitRules = { ...settings.breaker, probeMs: Math.min(PROBE_MS, settings.breaker.recoveryMs, settings.timeoutMs) };
    const [state, admission] = admitCall(this.#state(settings.id), rules, now);
    this.#set(settings.id, state);
    if (!admission.admitted) {
      room.lease.release();
      return err({ code: 'circuit_open', retryAfterMs: admission.retryAfterMs });
    }
    let seen: Health = 'neutral';
    let settled = false;
    let places = room.lease;
    return ok({
      rest: () => places.release(),
      resume: () => {
        if (settled) return false;
        const again = places.released ? this.#concurrency.acquire(claims) : undefined;
        if (again?.ok === true) places = again.lease;
        return again?.ok !== false;
      },
      report: (health) => {
        seen = health;
      },
      release: () => {
        places.release();
        if (settled) return;
        settled = true;
        const at = this.#clock.mono();
        const outcome = this.#outcomeOf(seen, settings, principalKey(call.principal), at);
        this.#set(settings.id, settleCall(this.#state(settings.id), rules, admission.ticket, outcome, at));
      },
    });
  }

  /**
   * A request that the gateway keeps open at a backend for as long as a task lasts: within half of what its principal, and of what all
   * may have there, so that nobody is kept out by it, its own agent least of all. Gives back; undefined when there is no place.
   */
  hold(call: Call, snapshot: Snapshot, settings: BackendSettings): (() => void) | undefined {
    const all = claimsOf(call, snapshot, settings);
    const halves = all.map(({ key, limit, scope }) => ({ key: `held\u0000${key}`, limit: half(limit), scope }));
    const room = this.#concurrency.acquire([...halves, ...all.filter(({ limit }) => limit > 1)]);
    return room.ok ? () => room.lease.release() : undefined;
  }

  /** Of the backends that are configured now. */
  circuits(backends: readonly BackendId[]): readonly CircuitView[] {
    return backends.map((backend) => ({ backend, state: this.#state(backend).phase }));
  }

  /** Forgets what no longer exists, so that the map stays as small as the configuration. */
  retain(backends: ReadonlySet<BackendId>): void {
    for (const table of [this.#circuits, this.#witnesses, this.#failedStarts]) for (const id of table.keys()) if (!backends.has(id)) table.delete(id);
  }

  /**
   * One agent must not close a backend for all others by calls that fail by their arguments (a tool that sleeps, an error on
   * demand): such a failure counts only while no other principal was served well within the window. A backend that is really
   * down soon has no such witness.
   */
  #outcomeOf(seen: Health, settings: BackendSettings, by: string, now: Instant): CircuitOutcome {
    if (typeof seen === 'object') return this.#outcomeOfAbsence(seen, settings.id);
    const witnesses = this.#witnesses.get(settings.id) ?? new Map<string, Instant>();
    this.#witnesses.set(settings.id, witnesses);
    if (seen === 'neutral') return seen;
    this.#failedStarts.delete(settings.id);
    witnesses.delete(by);
    if (seen === 'success') witnesses.set(by, now);
    const [oldest] = witnesses.keys();
    if (witnesses.size > WITNESSES && oldest !== undefined) witnesses.delete(oldest);
    if (seen !== 'doubtful') return seen;
    return [...witnesses.values()].some((at) => now - at < settings.breaker.windowMs) ? 'neutral' : 'failure';
  }

  /**
   * A backend that crashed is back after about a second: five quick calls in its pause must not close it for thirty. So the
   * calls do not count; each start that failed counts once, however many calls met it, and one that was given up always.
   */
  #outcomeOfAbsence({ failed, givenUp }: StartRecord, backend: BackendId): CircuitOutcome {
    const counted = this.#failedStarts.get(backend) ?? 0;
    this.#failedStarts.set(backend, failed);
    return givenUp || failed > counted ? 'failure' : 'neutral';
  }

  #state(backend: BackendId): CircuitState {
    return this.#circuits.get(backend) ?? CLOSED_CIRCUIT;
  }

  #set(backend: BackendId, next: CircuitState): void {
    const before = this.#state(backend).phase;
    this.#circuits.set(backend, next);
    if (before !== next.phase) this.#onChange({ backend, state: next.phase });
  }
}

function half(limit: number): number {
  return Math.max(1, Math.floor(limit / 2));
}

function quietClaim({ principal }: Call, { settings }: Snapshot): Claim {
  return { key: `quiet\u0000${principalKey(principal)}`, limit: Math.min(QUIET_MOST, half(settings.concurrency.perPrincipal)), scope: 'principal' };
}

function claimsOf(call: Call, snapshot: Snapshot, settings: BackendSettings): readonly Claim[] {
  const { concurrency } = snapshot.settings;
  return [
    { key: `principal\u0000${principalKey(call.principal)}`, limit: concurrency.perPrincipal, scope: 'principal' },
    { key: `backend\u0000${settings.id}`, limit: settings.concurrency, scope: 'backend' },
    { key: 'global', limit: concurrency.global, scope: 'global' },
  ];
}
