// Log, metrics and live tail as one thing the composition hands outcomes and events to. None of them can hold up a call.
import type { BackendLogLine } from '../backends/deps.ts';
import type { WitnessedFact } from '../core/audit/witness.ts';
import type { LifecycleEvent } from '../core/lifecycle.ts';
import type { CircuitView, LiveEvent } from '../core/operations.ts';
import type { Outcome } from '../core/outcome.ts';
import type { Override } from '../core/override.ts';
import type { Target } from '../core/call.ts';
import type { BackendId } from '../core/ids.ts';
import type { QuestionRefused, StoreFault } from '../core/ports.ts';
import type { Settings } from '../core/settings.ts';
import { storyIn } from '../core/thrown.ts';
import { lifecycleLine, outcomeLine } from '../telemetry/lines.ts';
import { createLog } from '../telemetry/log.ts';
import { createMetrics, type MetricsSample, type SurfacesSample } from '../telemetry/metrics.ts';
import { createTail } from '../telemetry/tail.ts';
import type { ExporterEvent } from '../stores/export/exporter.ts';
import type { AppDeps } from './deps.ts';

/** What a scrape asks of the composed gateway; the rest telemetry knows itself. */
export type SampleSource = () => Omit<MetricsSample, 'surfaces' | 'logDropped' | 'lastReload'>;

export interface Telemetry {
  outcome(outcome: Outcome): void;
  lifecycle(event: LifecycleEvent): void;
  /** A bug or a part that failed: logged, never shown to agents. */
  fault(error: unknown): void;
  backendLine(line: BackendLogLine): void;
  questionRefused(backend: BackendId, why: QuestionRefused): void;
  circuit(view: CircuitView): void;
  auditHealth(health: { readonly queued: number; readonly failed: number; readonly fault: StoreFault | undefined }): void;
  /** Another segment took the place of one that cannot be written. */
  auditAbandoned(segment: number, why: string): void;
  /** Keys of captured values: why one cannot be had or destroyed; undefined: it can be had again. */
  auditCapture(detail: string | undefined): void;
  /** How the journal comes to PostgreSQL. */
  auditShipping(health: { readonly state: string; readonly lagRecords: number; readonly conflicts: number; readonly fault: StoreFault | undefined; readonly trouble: string | undefined }): void;
  /** An export of the audit fails, works again, or has something to say. */
  auditExport(event: ExporterEvent): void;
  /** A checkpoint of another gateway contradicts one that is kept here. */
  auditConflict(fact: WitnessedFact): void;
  /** What an import of an older audit at the start has to say. */
  auditImported(said: { readonly text: string; readonly warns: boolean }): void;
  /** The store has lost what an operator said. */
  overrideLost(override: Override): void;
  /** Which file is in force: with several places to look, it may be another than its operator thinks. */
  configuration(file: string): void;
  /** After a reload: the log level. */
  configure(settings: Settings): void;
  reloaded(ok: boolean): void;
  surfaces(count: () => SurfacesSample): void;
  metrics(): Promise<string>;
  tail(listener: (event: LiveEvent) => void): () => void;
}

export interface TelemetryInput {
  readonly settings: Settings;
  readonly deps: AppDeps;
  readonly sample: SampleSource;
  exposedName(target: Target): string | undefined;
}

/** Before they are bound, and where there are none. */
const NO_SURFACES: SurfacesSample = { sessions: 0, attached: 0, connections: 0, exchanges: 0, subscriptions: 0, keptBytes: 0, hits: {}, malformed: 0, strayResponses: 0, unrecorded: 0 };

export function createTelemetry({ settings, deps, sample, exposedName }: TelemetryInput): Telemetry {
  const log = createLog({ level: settings.gateway.logLevel, ...(deps.logTo === undefined ? {} : { write: deps.logTo }) });
  const tail = createTail({ defer: (task) => setImmediate(task) });
  let surfaces = (): SurfacesSample => NO_SURFACES;
  let lastReload: MetricsSample['lastReload'];
  const metrics = createMetrics({
    version: deps.version, node: process.version, exposedName, runtime: true,
    sample: () => ({ ...sample(), surfaces: surfaces(), logDropped: log.dropped(), lastReload }),
  });
  const outcomes = [metrics.outcome, outcomeLine(log), tail.outcome];
  const events = [lifecycleLine(log), tail.lifecycle];
  return {
    outcome: (outcome) => {
      for (const hear of outcomes) hear(outcome);
    },
    lifecycle: (event) => {
      for (const hear of events) hear(event);
    },
    fault: (error) => log.error({ untrusted: { detail: storyIn(error) } }, 'a part of the gateway failed'),
    backendLine: (line) => log[line.level]({ backend: line.backend, event: line.event, untrusted: { text: line.text } }, `backend ${line.event}`),
    questionRefused: metrics.questionRefused,
    circuit: (view) => log.warn({ backend: view.backend, circuit: view.state }, 'circuit breaker changed'),
    auditHealth: (health) => {
      if (health.fault === undefined) log.info({ queued: health.queued, failed: health.failed }, 'audit store is writing');
      else log.error({ code: health.fault.code, queued: health.queued, failed: health.failed, untrusted: { detail: health.fault.detail } }, 'audit store cannot write');
    },
    auditAbandoned: (segment, why) => log.error({ segment, untrusted: { detail: why } }, 'a segment of the audit cannot be written: the next one took its place'),
    auditCapture: (detail) => {
      if (detail === undefined) log.info({}, 'captured values are kept again');
      else log.error({ untrusted: { detail } }, 'the key of captured values cannot be used: records go without them');
    },
    auditShipping: ({ state, lagRecords, conflicts, fault, trouble }) => {
      if (fault === undefined && trouble === undefined) log.info({ state, behind: lagRecords }, 'audit to PostgreSQL');
      else log[state === 'halted' || conflicts > 0 ? 'error' : 'warn']({ state, behind: lagRecords, code: fault?.code, untrusted: { detail: fault?.detail ?? trouble } }, 'audit to PostgreSQL');
    },
    auditExport: (event) => {
      if (event.kind === 'failing') log.warn({ export: event.exporter, untrusted: { detail: event.fault } }, 'an export of the audit fails');
      else if (event.kind === 'recovered') log.info({ export: event.exporter }, 'an export of the audit works again');
      else if (event.kind === 'conflict') log.error({ code: 'SEN-0604', export: event.exporter, untrusted: { detail: event.fault } }, 'another gateway keeps a checkpoint that contradicts this journal');
      else log.error({ export: event.exporter, untrusted: { detail: JSON.stringify(event.what) } }, 'an export of the audit is not whole');
    },
    auditConflict: ({ node, epoch, size }) => log.error({ code: 'SEN-0604', node, epoch, size }, 'a checkpoint of another gateway contradicts one that is kept here'),
    auditImported: ({ text, warns }) => log[warns ? 'warn' : 'info']({ untrusted: { detail: text } }, 'audit of before the journal'),
    overrideLost: ({ kind, id, by }) => log.error({ override: kind, id, untrusted: { by } }, 'the store has lost what an operator said: it is in force all the same, and stored again'),
    configuration: (file) => log.info({ file }, 'configuration'),
    configure: (next) => {
      log.level = next.gateway.logLevel;
    },
    reloaded: (ok) => {
      lastReload = { at: deps.clock.wall(), ok };
    },
    surfaces: (count) => {
      surfaces = count;
    },
    metrics: () => metrics.scrape(),
    // More watchers than the tail takes: this one hears nothing, rather than slowing the others.
    tail: (listener) => tail.watch(listener) ?? (() => {}),
  };
}

/** For `check --probe` and offline `explain`: nobody watches. */
export function quietTelemetry(): Pick<Telemetry, 'fault' | 'backendLine' | 'questionRefused'> {
  return { fault: () => {}, backendLine: () => {}, questionRefused: () => {} };
}
