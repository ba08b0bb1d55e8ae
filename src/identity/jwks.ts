// A remote issuer's keys over time: cached, refetched at a bounded rate, served stale for a bounded while. A token can cause a fetch
// only by naming an unknown kid of a configured issuer, and can never say from where.
import type { Clock } from '../core/ports.ts';
import type { Instant } from '../core/ids.ts';
import { ok } from '../core/result.ts';
import type { RemoteIssuerSettings } from '../core/settings.ts';
import type { ClaimRules } from './claims.ts';
import type { FetchKeys } from './fetch-keys.ts';
import { importPublicJwk, parseKeySet, type RemoteKey } from './jwk.ts';
import { refuse } from './token.ts';
import type { FoundKey, Verifier, VerifyingKey } from './verifier.ts';

export interface KeySetStatus {
  readonly issuer: string;
  readonly keys: number;
  /** Since the last good fetch; undefined before the first. */
  readonly ageMs: number | undefined;
  /** Why the last fetch failed; undefined when it did not. */
  readonly fault: string | undefined;
}

export interface RemoteKeys {
  find(kid: string | undefined, alg: string): FoundKey | Promise<FoundKey>;
  holds: Verifier['holds'];
  status(): KeySetStatus;
  /** Ends a running fetch; nothing is fetched afterwards. */
  dispose(): void;
  /** False after `dispose`: of no more use to a later setup. */
  alive(): boolean;
}

interface KeySet {
  readonly keys: readonly RemoteKey[];
  readonly imported: Map<string, VerifyingKey>;
  readonly fetchedAt: Instant;
}

/** `fresh` < cacheMs ≤ `due` (ask again first) or `stale` (asked, no answer) < cacheMs + maxStaleMs ≤ `dead`. */
type Phase = 'fresh' | 'due' | 'stale' | 'dead';

/** From here on a busy gateway refetches beside the requests, so that none has to wait for it. */
const EARLY = 0.8;

export interface RemoteKeysDeps {
  readonly clock: Pick<Clock, 'mono'>;
  readonly fetchKeys: FetchKeys;
}

export function createRemoteKeys(settings: RemoteIssuerSettings, deps: RemoteKeysDeps): RemoteKeys {
  const stop = new AbortController();
  const state: State = { settings, deps, stop: stop.signal, set: undefined, attemptAt: undefined, fault: undefined, running: undefined };
  return {
    find: (kid, alg) => find(state, kid, alg),
    holds: (key) => {
      const phase = phaseOf(state);
      if (phase === 'dead') return 'dead';
      if (phase === 'due' && mayFetch(state)) return 'ask';
      refetchBeside(state);
      return state.set?.keys.some((known) => idOf(known) === key.id && known.print === key.print) === true ? 'yes' : 'no';
    },
    status: () => ({
      issuer: settings.issuer,
      keys: state.set?.keys.length ?? 0,
      ageMs: state.set === undefined ? undefined : deps.clock.mono() - state.set.fetchedAt,
      fault: state.fault,
    }),
    dispose: () => stop.abort(),
    alive: () => !stop.signal.aborted,
  };
}

interface State {
  readonly settings: RemoteIssuerSettings;
  readonly deps: RemoteKeysDeps;
  readonly stop: AbortSignal;
  set: KeySet | undefined;
  attemptAt: Instant | undefined;
  /** Of the last attempt. */
  fault: string | undefined;
  running: Promise<void> | undefined;
}

function phaseOf({ set, settings, deps, fault }: State): Phase {
  if (set === undefined) return 'dead';
  const age = deps.clock.mono() - set.fetchedAt;
  if (age < settings.cacheMs) return 'fresh';
  if (age >= settings.cacheMs + settings.maxStaleMs) return 'dead';
  return fault === undefined ? 'due' : 'stale';
}

/** One fetch at a time, and at most one every `refetchMs`, whoever asks (unknown kids are free to invent). */
function mayFetch({ stop, running, attemptAt, deps, settings }: State): boolean {
  if (stop.aborted) return false;
  return running !== undefined || attemptAt === undefined || deps.clock.mono() - attemptAt >= settings.refetchMs;
}

async function find(state: State, kid: string | undefined, alg: string): Promise<FoundKey> {
  const phase = phaseOf(state);
  if ((phase === 'dead' || phase === 'due') && mayFetch(state)) await refetch(state);
  else refetchBeside(state);
  if (phaseOf(state) === 'dead') return unavailable(state);
  const found = await pick(state, kid, alg);
  if (found.ok || kid === undefined || isKnown(state, kid)) return found;
  if (mayFetch(state)) await refetch(state);
  // Unknown because the issuer cannot be asked is another answer than unknown to the issuer.
  return state.fault === undefined ? pick(state, kid, alg) : unavailable(state);
}

function unavailable({ fault }: State): FoundKey {
  return refuse('keys_unavailable', `the issuer's keys cannot be fetched: ${fault ?? 'not asked again yet'}`);
}

function isKnown({ set }: State, kid: string): boolean {
  return set?.keys.some((key) => key.kid === kid) === true;
}

function idOf(key: RemoteKey): string {
  return key.kid ?? key.print;
}

/** Exactly one key for this id and algorithm, or none. Without an id only where the set leaves no choice (RFC 7517 §4.5). */
async function pick({ set }: State, kid: string | undefined, alg: string): Promise<FoundKey> {
  if (set === undefined) return refuse('keys_unavailable', 'no keys were fetched yet');
  if (kid === undefined && set.keys.length > 1) return refuse('unknown_key', 'kid is missing, and there are several keys');
  const fitting = set.keys.filter((key) => (kid === undefined || key.kid === kid) && key.algorithms.some((allowed) => allowed === alg));
  const [only, second] = fitting;
  if (only === undefined || second !== undefined) return refuse('unknown_key', only === undefined ? 'no such key' : 'several keys under one kid');
  const slot = `${only.print} ${alg}`;
  const before = set.imported.get(slot);
  if (before !== undefined) return ok(before);
  const key = await importPublicJwk(only.jwk, alg);
  if (key === undefined) return refuse('unknown_key', 'the key is unusable');
  const imported: VerifyingKey = { id: idOf(only), print: only.print, key };
  set.imported.set(slot, imported);
  return ok(imported);
}

/** While the issuer is away (`stale`), or shortly before the keys are due, nobody waits for the fetch. */
function refetchBeside(state: State): void {
  const { set, settings, deps } = state;
  if (set === undefined || state.running !== undefined || !mayFetch(state)) return;
  if (deps.clock.mono() - set.fetchedAt >= settings.cacheMs * EARLY) void refetch(state);
}

function refetch(state: State): Promise<void> {
  state.running ??= load(state).finally(() => {
    state.running = undefined;
  });
  return state.running;
}

async function load(state: State): Promise<void> {
  const { settings, deps, stop } = state;
  // The age counts from the question: what the issuer withdrew while answering must not live longer for it.
  const askedAt = deps.clock.mono();
  state.attemptAt = askedAt;
  try {
    const text = await deps.fetchKeys(settings.jwksUrl, stop);
    const keys = text.ok ? await parseKeySet(text.value, settings.algorithms) : text;
    if (keys.ok) state.set = { keys: keys.value, imported: new Map(), fetchedAt: askedAt };
    state.fault = keys.ok ? undefined : keys.error;
  } catch {
    state.fault = 'the fetch failed';
  }
}

export function remoteVerifier(settings: RemoteIssuerSettings, rules: ClaimRules, keys: RemoteKeys): Verifier {
  return { kind: 'remote', issuer: settings.issuer, algorithms: settings.algorithms, rules, find: keys.find, holds: keys.holds };
}
