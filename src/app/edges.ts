// The ways out: backends, the watchdog over their processes, and the worker that checks arguments.
import { setTimeout as sleep } from 'node:timers/promises';
import { BACKEND_LIMITS } from '../backends/deps.ts';
import { createBackend } from '../backends/create.ts';
import { createSchemaChecker } from '../backends/schema/checker.ts';
import { execaSpawn } from '../backends/stdio/launch.ts';
import { createWatchdog } from '../backends/stdio/watchdog.ts';
import { toRaw } from '../core/json/compose.ts';
import type { LifecycleEvent } from '../core/lifecycle.ts';
import type { Backend, BackendEvents, BackendStatus, SchemaChecker } from '../core/ports.ts';
import type { Settings } from '../core/settings.ts';
import type { Inflight } from '../pipeline/inflight.ts';
import type { AppDeps } from './deps.ts';
import { drained } from './drain.ts';
import { Fleet } from './fleet.ts';
import type { RuntimeCell } from './runtime.ts';
import { sha256, systemTimers } from './system.ts';
import type { Telemetry } from './telemetry.ts';

export interface EdgesInput {
  readonly settings: Settings;
  readonly deps: AppDeps;
  readonly cell: RuntimeCell;
  readonly telemetry: Pick<Telemetry, 'fault' | 'backendLine' | 'questionRefused'>;
  /** Calls that are being made: those of a replaced backend are waited for. */
  readonly inflight: Pick<Inflight, 'list' | 'has'>;
  announce(event: LifecycleEvent): Promise<void>;
  /** As in `BackendEvents`. */
  completed(backend: Backend, elicitation: string): boolean;
}

export interface Edges {
  readonly fleet: Fleet;
  readonly schemas: SchemaChecker;
  /** Starts the checker's thread now: the first call of a day should not pay for it. */
  warm(): void;
  /** Starts, replaces and lets go of backends so that they are those of the settings. Returns at once. */
  apply(settings: Settings): void;
  /** Until no backend is still on its way to its first list, or the time is over. */
  settled(waitMs: number): Promise<void>;
  close(): Promise<void>;
}

const SETTLE_POLL_MS = 25;

export function openEdges(input: EdgesInput): Edges {
  const { settings, deps, telemetry } = input;
  const watchdog = createWatchdog({ random: deps.random });
  const schemas = createSchemaChecker({
    clock: deps.clock,
    timers: systemTimers,
    // Read at each check, so that a reload counts.
    get deadlineMs() { return input.cell.current().settings.arguments.deadlineMs; },
    get schemaBytes() { return input.cell.current().settings.arguments.schemaBytes; },
    log: (text) => telemetry.fault(new Error(text)),
  });
  const fleet = new Fleet({
    digest: sha256,
    onFault: (id, error, part) => {
      if (part === 'start') input.cell.unavailable(id);
      telemetry.fault(new Error(part === 'start' ? `backend ${id} could not be made` : `backend ${id} did not stop cleanly`, { cause: error }));
    },
    create: (backend) => {
      const made: Backend = createBackend(backend, {
        clock: deps.clock, random: deps.random, timers: systemTimers, events: { ...backendEvents(input, () => fleet.runs(made)), completed: (elicitation) => input.completed(made, elicitation), questionRefused: (why) => telemetry.questionRefused(backend.id, why) }, log: (line) => telemetry.backendLine(line),
        limits: { ...BACKEND_LIMITS, lineBytes: settings.bounds.lineBytes }, client: { name: 'sentinel', version: deps.version },
        stateDir: settings.gateway.stateDir, gatewayEnv: deps.env, spawn: execaSpawn, watchdog,
      });
      return made;
    },
  });
  return {
    fleet,
    schemas,
    warm: () => {
      schemas.check(toRaw({ type: 'object' }), 'warm', toRaw({}), 'sentinel').catch((error: unknown) => telemetry.fault(error));
    },
    apply: (next) => fleet.apply(next.backends, (backend) => drained(backend, next.gateway.drainMs, { clock: deps.clock, timers: systemTimers, inflight: input.inflight })),
    settled: async (waitMs) => {
      const end = deps.clock.mono() + waitMs;
      const waiting = (): boolean => fleet.statuses().some(({ state }) => state === 'idle' || state === 'starting');
      while (waiting() && deps.clock.mono() < end) await sleep(SETTLE_POLL_MS);
    },
    close: async () => {
      await fleet.stop();
      await schemas.close();
      watchdog.close();
    },
  };
}

/** Neither serving nor on its way to it. */
function isDown(state: BackendStatus['state']): boolean {
  return state === 'backing_off' || state === 'failed' || state === 'stopped';
}

function backendEvents({ cell, telemetry, deps, announce }: EdgesInput, runs: () => boolean): Pick<BackendEvents, 'listed' | 'changed'> {
  let before: BackendStatus['state'] | undefined;
  return {
    listed: (id, listing) => {
      // While the calls of a replaced backend drain, its list must not come to stand under the name of its successor.
      if (runs()) cell.listed(id, listing);
    },
    changed: (status) => {
      if (status.state === before) return;
      before = status.state;
      if (isDown(status.state) && runs()) cell.unavailable(status.id);
      // Not while it starts: what fails to start again and again would come and go in every list.
      if (status.state === 'ready' && runs()) cell.available(status.id);
      announce({ id: deps.random.uuid(), wall: deps.clock.wall(), by: 'system', revision: cell.current().revision, kind: 'backend', backend: status.id, state: status.state, note: status.lastFault?.code ?? '' })
        .catch((error: unknown) => telemetry.fault(error));
    },
  };
}
