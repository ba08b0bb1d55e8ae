// The circuit breaker of one backend as a state machine over frozen data: state and event in, state and answer out.
// It owns no clock and no map; the caller keeps the state under the backend's name, so that a reload closes nothing.
import type { Instant } from '../ids.ts';
import type { BreakerSettings } from '../settings.ts';

export interface CircuitRules extends BreakerSettings {
  /** How long an unanswered probe keeps all others out; then one more is let in. At most `recoveryMs`, or a second probe could run after a reopening. */
  readonly probeMs: number;
}

/** Answers in one tenth of the window. */
interface Tally {
  readonly bucket: number;
  readonly succeeded: number;
  readonly failed: number;
}

/** `epoch` grows with every change of phase and every probe: an answer to an older ticket says nothing about now. */
export type CircuitState =
  | { readonly phase: 'closed'; readonly epoch: number; readonly consecutive: number; readonly tallies: readonly Tally[] }
  | { readonly phase: 'open'; readonly epoch: number; readonly openedAt: Instant }
  /** `late`: epochs of probes that lost their place and have not answered yet. */
  | { readonly phase: 'half_open'; readonly epoch: number; readonly probeSince: Instant | undefined; readonly late: readonly number[] };

/** Held by an admitted call; give it back through `settleCall` exactly once, whatever happens. */
export interface CircuitTicket {
  readonly epoch: number;
  readonly probe: boolean;
}

export type CircuitAdmission =
  | { readonly admitted: true; readonly ticket: CircuitTicket }
  /** > 0. When open: until a probe is due. While a probe runs: no longer than one more recovery. */
  | { readonly admitted: false; readonly retryAfterMs: number };

/** `failure`: the backend's fault. `neutral`: a client's error, a cancelled call, a refusal after admission. The caller classifies. */
export type CircuitOutcome = 'success' | 'failure' | 'neutral';

const BUCKETS = 10;
/**
 * Probes to remember; what an older one says counts for nothing. More than can wait at once: with one each 5 s and a timeout of 60 s there
 * are twelve, with progress 120, with one each second 600. Eight were fewer, and none was left to be heard. Those that wait hold a place
 * of the backend's concurrency each, so it is seldom near this.
 */
const MOST_LATE = 1024;

export const CLOSED_CIRCUIT: CircuitState = closed(0);

export function admitCall(state: CircuitState, rules: CircuitRules, now: Instant): readonly [CircuitState, CircuitAdmission] {
  if (!isEnabled(rules) && state.phase !== 'closed') return admitCall(closed(state.epoch + 1), rules, now);
  switch (state.phase) {
    case 'closed':
      return [state, { admitted: true, ticket: { epoch: state.epoch, probe: false } }];
    case 'open': {
      const waited = Math.max(0, now - state.openedAt);
      return waited >= rules.recoveryMs ? probe(state, now) : [state, { admitted: false, retryAfterMs: rules.recoveryMs - waited }];
    }
    case 'half_open': {
      if (state.probeSince === undefined) return probe(state, now);
      const waited = Math.max(0, now - state.probeSince);
      // One agent's slow call must not keep everybody out until its end (ten minutes, where it reports progress).
      if (waited >= rules.probeMs) return probe(state, now);
      return [state, { admitted: false, retryAfterMs: Math.max(1, Math.min(rules.recoveryMs, rules.probeMs - waited)) }];
    }
  }
}

/**
 * Each probe of this half-open phase speaks for the backend, also one that lost its place: a server whose every call takes
 * longer than `probeMs` could otherwise never close its breaker, and one that lets every call time out never open it.
 */
export function settleCall(state: CircuitState, rules: CircuitRules, ticket: CircuitTicket, outcome: CircuitOutcome, now: Instant): CircuitState {
  const isLate = state.phase === 'half_open' && state.late.includes(ticket.epoch);
  if (ticket.epoch !== state.epoch && !isLate) return state;
  switch (state.phase) {
    case 'closed':
      return outcome === 'neutral' || !isEnabled(rules) ? state : tally(state, rules, outcome, now);
    case 'open':
      return state;
    case 'half_open':
      if (outcome === 'success') return closed(state.epoch + 1);
      if (outcome === 'failure') return open(state.epoch + 1, now);
      if (isLate) return Object.freeze({ ...state, late: state.late.filter((epoch) => epoch !== ticket.epoch) });
      return Object.freeze({ ...state, epoch: state.epoch + 1, probeSince: undefined });
  }
}

function isEnabled(rules: CircuitRules): boolean {
  return rules.threshold > 0;
}

function closed(epoch: number): CircuitState {
  return Object.freeze({ phase: 'closed', epoch, consecutive: 0, tallies: Object.freeze([]) });
}

function open(epoch: number, openedAt: Instant): CircuitState {
  return Object.freeze({ phase: 'open', epoch, openedAt });
}

/** One call in, and the door shut behind it: the original let all hundred through. */
function probe(state: CircuitState, now: Instant): readonly [CircuitState, CircuitAdmission] {
  const epoch = state.epoch + 1;
  return [Object.freeze({ phase: 'half_open', epoch, probeSince: now, late: lateOf(state) }), { admitted: true, ticket: { epoch, probe: true } }];
}

function lateOf(state: CircuitState): readonly number[] {
  if (state.phase !== 'half_open') return [];
  return state.probeSince === undefined ? state.late : [...state.late, state.epoch].slice(-MOST_LATE);
}

function tally(state: CircuitState & { readonly phase: 'closed' }, rules: CircuitRules, outcome: 'success' | 'failure', now: Instant): CircuitState {
  const failed = outcome === 'failure';
  const consecutive = failed ? state.consecutive + 1 : 0;
  const tallies = addTo(recent(state.tallies, rules, now), rules, failed, now);
  if (failed && (consecutive >= rules.threshold || failsTooOften(tallies, rules))) return open(state.epoch + 1, now);
  return Object.freeze({ phase: 'closed', epoch: state.epoch, consecutive, tallies });
}

function bucketOf(rules: CircuitRules, now: Instant): number {
  return Math.floor(now / Math.max(1, rules.windowMs / BUCKETS));
}

/** Also drops buckets ahead of now: a reload that widens the window renumbers them. */
function recent(tallies: readonly Tally[], rules: CircuitRules, now: Instant): readonly Tally[] {
  const current = bucketOf(rules, now);
  return tallies.filter(({ bucket }) => bucket <= current && bucket > current - BUCKETS);
}

function addTo(tallies: readonly Tally[], rules: CircuitRules, failed: boolean, now: Instant): readonly Tally[] {
  const bucket = bucketOf(rules, now);
  const last = tallies.at(-1);
  const base = last?.bucket === bucket ? last : { bucket, succeeded: 0, failed: 0 };
  const next = Object.freeze({ bucket, succeeded: base.succeeded + (failed ? 0 : 1), failed: base.failed + (failed ? 1 : 0) });
  return Object.freeze([...(base === last ? tallies.slice(0, -1) : tallies), next]);
}

/** A rate of 0 would open at the first failure, so it means "do not ask for a rate". */
function failsTooOften(tallies: readonly Tally[], rules: CircuitRules): boolean {
  if (!(rules.failureRate > 0)) return false;
  let failed = 0;
  let calls = 0;
  for (const one of tallies) {
    failed += one.failed;
    calls += one.failed + one.succeeded;
  }
  return calls >= rules.minimumCalls && failed / calls >= rules.failureRate;
}
