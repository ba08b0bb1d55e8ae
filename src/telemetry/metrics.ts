// Prometheus metrics in a registry of their own. Counts outcomes as they come, asks for the rest at each scrape. Labels are names
// of the catalogue and closed words: nothing an agent writes can make a new series (E11).
import { collectDefaultMetrics } from 'prom-client';
import { targetKey, type Target } from '../core/call.ts';
import type { BackendId } from '../core/ids.ts';
import type { CircuitView } from '../core/operations.ts';
import { statusOf, type CallOutcome, type Outcome, type Refusal, type Status } from '../core/outcome.ts';
import type { QuestionRefused } from '../core/ports.ts';
import { codeOf, verdictOf } from '../core/ruling.ts';
import { Board } from './board.ts';

/** What the agents' surfaces hold, and what they turned away without a call. */
export interface SurfacesSample {
  readonly sessions: number;
  /** Over the control socket. */
  readonly attached: number;
  readonly connections: number;
  /** HTTP requests that are being answered. */
  readonly exchanges: number;
  /** Open GET streams. */
  readonly subscriptions: number;
  readonly keptBytes: number;
  /** Times a bound was run into, by its name: a closed set. */
  readonly hits: Readonly<Record<string, number>>;
  readonly malformed: number;
  readonly strayResponses: number;
  readonly unrecorded: number;
}

/** Read at each scrape. */
export interface MetricsSample {
  readonly inflight: number;
  /** Calls that have a place to wait for their agent in, between two of its requests. */
  readonly parked: number;
  /** Resources and tasks that agents follow. */
  readonly follows: number;
  /** Tasks of agents that the gateway knows. */
  readonly tasks: number;
  /** Times there was no room for more of those, by the name of the bound: a closed set. */
  readonly hits: Readonly<Record<string, number>>;
  readonly surfaces: SurfacesSample;
  readonly tools: number;
  readonly kills: number;
  readonly revision: number;
  readonly backends: readonly { readonly id: string; readonly up: boolean; readonly restarts: number }[];
  readonly circuits: readonly CircuitView[];
  readonly audit: AuditSample;
  readonly logDropped: number;
  /** `at` in milliseconds since the epoch; undefined: none was tried. */
  readonly lastReload: { readonly at: number; readonly ok: boolean } | undefined;
}

export interface AuditSample {
  readonly enabled: boolean;
  readonly queued: number;
  readonly failed: number;
  readonly fault: unknown;
  readonly space: { readonly bytes: number; readonly free: number } | undefined;
  /** Undefined where nothing is shipped. */
  readonly shipping: { readonly state: string; readonly lagRecords: number; readonly shipped: number; readonly resent: number; readonly refused: number; readonly conflicts: number } | undefined;
  /** Checkpoints of others. Undefined where nobody's are taken. */
  readonly witnessed?: Readonly<Record<'recorded' | 'known' | 'conflict' | 'refused' | 'delayed', number>> | undefined;
  readonly exports: readonly { readonly name: string; readonly lag: number | undefined; readonly inARow: number; readonly delivered: number; readonly failed: number; readonly missing: number }[];
}

export interface MetricsDeps {
  readonly version: string;
  /** Of Node.js. */
  readonly node: string;
  readonly sample: () => MetricsSample;
  /** The name under which a target is in the catalogue now; undefined: it is not. */
  readonly exposedName: (target: Target) => string | undefined;
  /** Process and runtime metrics of prom-client too. They cannot be taken back, so tests leave them out. */
  readonly runtime: boolean;
}

export interface Metrics {
  /** A subscriber of outcomes. */
  readonly outcome: (outcome: Outcome) => void;
  /** A backend of the configuration asked, and nobody was asked. */
  readonly questionRefused: (backend: BackendId, why: QuestionRefused) => void;
  /** Text exposition 0.0.4. */
  scrape(): Promise<string>;
}

const UNKNOWN = 'unknown';
const OTHER = 'other';
/**
 * Backends may rename their tools for ever: this many targets have series of their own, the rest share one. A scrape of a
 * thousand histograms holds the event loop for some 40 ms.
 */
const MOST_TARGETS = 1000;
const CIRCUIT: Readonly<Record<CircuitView['state'], number>> = { closed: 0, half_open: 1, open: 2 };

interface TargetLabels {
  readonly backend: string;
  /** As the backend calls it. */
  readonly tool: string;
  /** As agents call it. */
  readonly exposed: string;
}

export function createMetrics(deps: MetricsDeps): Metrics {
  const board = new Board();
  const labels = labeller(deps.exposedName);
  if (deps.runtime) collectDefaultMetrics({ register: board.registry });
  return {
    outcome: (outcome) => (outcome.kind === 'refused' ? countRefusal(board, outcome) : countCall(board, outcome, labels(outcome.call.target))),
    questionRefused: (backend, reason) => board.counter('sentinel_questions_refused_total').inc({ backend, reason }),
    scrape: () => {
      fill(board, deps);
      return board.registry.metrics();
    },
  };
}

function labeller(exposedName: MetricsDeps['exposedName']): (target: Target) => TargetLabels {
  const seen = new Set<string>();
  return (target) => {
    const exposed = exposedName(target);
    if (exposed === undefined) return { backend: target.backend, tool: UNKNOWN, exposed: UNKNOWN };
    const key = targetKey(target);
    if (!seen.has(key)) {
      if (seen.size >= MOST_TARGETS) return { backend: target.backend, tool: OTHER, exposed: OTHER };
      seen.add(key);
    }
    return { backend: target.backend, tool: target.name, exposed };
  };
}

function countCall(board: Board, outcome: CallOutcome, { backend, tool, exposed }: TargetLabels): void {
  const { took, call } = outcome;
  board.counter('sentinel_calls_total').inc({ backend, tool, decision: verdictOf(outcome), code: codeOf(outcome) });
  board.histogram('sentinel_admit_duration_seconds').observe(took.admitMs / 1000);
  // A refused call took no time at a backend: observing 0 would make slow tools look fast (E11).
  if (took.dispatchMs !== undefined) board.histogram('sentinel_dispatch_duration_seconds').observe({ backend }, took.dispatchMs / 1000);
  if (call.kind !== 'tool') return;
  countRequest(board, exposed, statusOf(outcome));
  if (took.dispatchMs === undefined) return;
  const ms = took.admitMs + (took.queueMs ?? 0) + took.dispatchMs + (took.screenMs ?? 0);
  board.histogram('sentinel_request_duration_seconds').observe({ tool: exposed }, ms / 1000);
}

function countRefusal(board: Board, refusal: Refusal): void {
  board.counter('sentinel_calls_total').inc({ backend: UNKNOWN, tool: UNKNOWN, decision: 'deny', code: refusal.reason.code });
  if (refusal.reason.code === 'unauthenticated') board.counter('sentinel_auth_failures_total').inc({ reason: refusal.reason.failure });
  if (refusal.method === 'tools/call') countRequest(board, UNKNOWN, statusOf(refusal));
}

function countRequest(board: Board, tool: string, status: Status): void {
  board.counter('sentinel_requests_total').inc({ tool, status });
  if (status !== 'success') board.counter('sentinel_errors_total').inc({ tool, error_type: status });
  if (status === 'rate_limited') board.counter('sentinel_rate_limit_hits_total').inc({ tool });
}

function fill(board: Board, { sample, version, node }: MetricsDeps): void {
  const now = sample();
  board.gauge('sentinel_build_info').set({ version, node }, 1);
  board.gauge('sentinel_inflight').set(now.inflight);
  board.gauge('sentinel_calls_parked').set(now.parked);
  board.gauge('sentinel_follows').set(now.follows);
  board.gauge('sentinel_tasks').set(now.tasks);
  setCounter(board, 'sentinel_bound_hits_total', Object.entries(now.hits).map(([bound, count]) => [{ bound }, count]));
  fillSurfaces(board, now.surfaces);
  board.gauge('sentinel_tools').set(now.tools);
  board.gauge('sentinel_kills_active').set(now.kills);
  board.gauge('sentinel_config_revision').set(now.revision);
  board.gauge('sentinel_config_last_reload_successful').set(now.lastReload?.ok === false ? 0 : 1);
  board.gauge('sentinel_config_last_reload_timestamp_seconds').set((now.lastReload?.at ?? 0) / 1000);
  fillAudit(board, now.audit);
  setCounter(board, 'sentinel_log_dropped_total', [[{}, now.logDropped]]);
  fillBackends(board, now);
}

/** Begun anew each time, like backends. */
function fillExports(board: Board, exports: AuditSample['exports']): void {
  for (const name of ['sentinel_audit_export_up', 'sentinel_audit_export_lag_records'] as const) board.gauge(name).reset();
  for (const { name, lag, inARow } of exports) {
    board.gauge('sentinel_audit_export_up').set({ export: name }, inARow === 0 ? 1 : 0);
    if (lag !== undefined) board.gauge('sentinel_audit_export_lag_records').set({ export: name }, lag);
  }
  setCounter(board, 'sentinel_audit_exported_total', exports.flatMap(({ name, delivered, failed, missing }) => [[{ export: name, what: 'delivered' }, delivered], [{ export: name, what: 'failed' }, failed], [{ export: name, what: 'missing' }, missing]] as const));
}

/** Counted elsewhere; shown here as it stands. */
function fillAudit(board: Board, { enabled, queued, failed, fault, space, shipping, exports, witnessed }: AuditSample): void {
  board.gauge('sentinel_audit_up').set(enabled && fault === undefined ? 1 : 0);
  board.gauge('sentinel_audit_queue').set(queued);
  setCounter(board, 'sentinel_audit_failed_total', [[{}, failed]]);
  board.gauge('sentinel_audit_journal_bytes').set(space?.bytes ?? 0);
  board.gauge('sentinel_audit_disk_free_bytes').set(space?.free ?? 0);
  fillExports(board, exports);
  if (witnessed !== undefined) setCounter(board, 'sentinel_audit_witnessed_total', Object.entries(witnessed).map(([what, count]) => [{ what }, count]));
  if (shipping === undefined) return;
  board.gauge('sentinel_audit_shipping_up').set(shipping.state === 'shipping' || shipping.state === 'standby' ? 1 : 0);
  board.gauge('sentinel_audit_shipping_lag_records').set(shipping.lagRecords);
  setCounter(board, 'sentinel_audit_shipped_total', [[{ what: 'new' }, shipping.shipped], [{ what: 'again' }, shipping.resent], [{ what: 'refused' }, shipping.refused], [{ what: 'conflict' }, shipping.conflicts]]);
}

function fillSurfaces(board: Board, now: SurfacesSample): void {
  board.gauge('sentinel_sessions').set(now.sessions);
  board.gauge('sentinel_attached_agents').set(now.attached);
  board.gauge('sentinel_http_connections').set(now.connections);
  board.gauge('sentinel_http_requests_active').set(now.exchanges);
  board.gauge('sentinel_http_streams').set(now.subscriptions);
  board.gauge('sentinel_http_resumable_bytes').set(now.keptBytes);
  setCounter(board, 'sentinel_http_bound_hits_total', Object.entries(now.hits).map(([bound, count]) => [{ bound }, count]));
  setCounter(board, 'sentinel_http_malformed_total', [[{}, now.malformed]]);
  setCounter(board, 'sentinel_http_stray_responses_total', [[{}, now.strayResponses]]);
  setCounter(board, 'sentinel_refusals_unrecorded_total', [[{}, now.unrecorded]]);
}

/** Begun anew each time, so that a backend that was removed from the configuration leaves no series behind. */
function fillBackends(board: Board, now: MetricsSample): void {
  const open = new Set(now.circuits.filter((circuit) => circuit.state === 'open').map((circuit) => circuit.backend));
  for (const name of ['sentinel_backend_up', 'sentinel_backend_healthy', 'sentinel_circuit_state'] as const) board.gauge(name).reset();
  for (const { id, up } of now.backends) {
    board.gauge('sentinel_backend_up').set({ backend: id }, Number(up));
    board.gauge('sentinel_backend_healthy').set({ backend: id }, Number(up && !open.has(id)));
  }
  for (const { backend, state } of now.circuits) board.gauge('sentinel_circuit_state').set({ backend }, CIRCUIT[state]);
  setCounter(board, 'sentinel_backend_restarts_total', now.backends.map(({ id, restarts }) => [{ backend: id }, restarts]));
}

function setCounter(board: Board, name: Parameters<Board['counter']>[0], values: readonly (readonly [labels: Record<string, string>, value: number])[]): void {
  const counter = board.counter(name);
  counter.reset();
  for (const [labels, value] of values) counter.inc(labels, value);
}
