// The daemon: composed, bound, reloadable, and taken down in order. Signals belong to whoever calls this.
import { userInfo } from 'node:os';
import { showAddress } from '../config/units.ts';
import type { Operations } from '../core/operations.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { Address, Settings } from '../core/settings.ts';
import { startAdmin, type AdminSurface } from '../surfaces/admin.ts';
import { startControl, type ControlSurface } from '../surfaces/control.ts';
import type { ListenFault } from '../surfaces/listen.ts';
import { startHttp, type HttpSurface } from '../surfaces/mcp/http.ts';
import type { SurfacesSample } from '../telemetry/metrics.ts';
import { authFaultCode } from './authenticate.ts';
import { cancelKilled, compose, type Gateway } from './compose.ts';
import type { Configuration } from './configuration.ts';
import type { AppDeps } from './deps.ts';
import { startFault, type StartFault } from './fault.ts';
import { signingKeys } from './keys.ts';
import { createOperations } from './operations.ts';
import { createReloader } from './reload.ts';
import { statusReport, type Standing } from './status.ts';
import { noteUnrecorded } from './unrecorded.ts';

export interface RunningGateway {
  /** URL of `/mcp` as agents use it. */
  readonly endpoint: string;
  /** URL of the operators' listener. */
  readonly health: string;
  readonly control: string;
  readonly settings: Settings;
  readonly operations: Operations;
  /** Resolves when every backend has listed its tools or shown that it cannot, or after `waitMs`. */
  settled(waitMs: number): Promise<void>;
  /** Drains, ends backends, writes the last record. Idempotent. */
  shutdown(reason: string): Promise<void>;
}

export interface ServeOptions {
  readonly configuration: Configuration;
  /** Reads the file again, for a reload. */
  readonly read: () => Result<Configuration, StartFault>;
  readonly deps: AppDeps;
}

interface Surfaces {
  readonly http: HttpSurface;
  readonly admin: AdminSurface;
  readonly control: ControlSurface;
}

export async function serve(options: ServeOptions): Promise<Result<RunningGateway, StartFault>> {
  const { configuration, deps } = options;
  const composed = await compose(configuration, deps);
  if (!composed.ok) return composed;
  const gateway = composed.value;
  let surfaces: Surfaces | undefined;
  let draining = false;
  const startedAt = deps.clock.wall();
  const { reload, last } = reloaderOf(options, gateway);
  const standing = (): Standing => ({
    startedAt, configFile: configuration.file, draining, listening: surfaces !== undefined, lastReload: last(),
    endpoint: endpointOf(configuration.settings, surfaces?.http.address), health: `http://${showAddress(surfaces?.admin.address ?? configuration.settings.gateway.healthListen)}`,
    sessions: (surfaces?.http.stats().sessions ?? 0) + (surfaces?.control.stats().attached ?? 0),
  });
  const operations = operationsOf(gateway, deps, reload, () => statusReport(gateway, standing(), deps));
  const bound = await bindSurfaces(operations, gateway, configuration.settings);
  if (!bound.ok) {
    await gateway.stack.disposeAsync();
    return bound;
  }
  surfaces = bound.value;
  gateway.telemetry.surfaces(() => sampleOf(bound.value, standing().sessions, gateway.unrecorded()));
  gateway.stack.defer(noteUnrecorded({
    clock: deps.clock, random: deps.random, timers: deps.timers, revision: () => gateway.cell.current().revision,
    count: () => bound.value.http.stats().unrecorded + gateway.unrecorded(), note: (event) => void gateway.memory.audit.note(event),
  }));
  gateway.edges.apply(configuration.settings);
  gateway.edges.warm();
  await gateway.announce({ id: deps.random.uuid(), wall: deps.clock.wall(), by: 'system', revision: 1, kind: 'started', version: deps.version, configHash: configuration.hash });
  let ended: Promise<void> | undefined;
  return ok({
    endpoint: standing().endpoint, health: standing().health, control: surfaces.control.path, settings: configuration.settings, operations,
    settled: (waitMs) => gateway.edges.settled(waitMs),
    shutdown: (reason) => {
      draining = true;
      ended ??= takeDown(gateway, bound.value, deps, reason);
      return ended;
    },
  });
}

function sampleOf({ http, admin, control }: Surfaces, sessions: number, unrecorded: number): SurfacesSample {
  const stats = http.stats();
  return { ...stats, unrecorded: stats.unrecorded + unrecorded, hits: { ...stats.hits, connections: stats.hits.connections + admin.refused() }, attached: control.stats().attached, sessions };
}

export function reloaderOf(options: ServeOptions, gateway: Gateway): ReturnType<typeof createReloader> {
  const { deps } = options;
  return createReloader({
    cell: gateway.cell, clock: deps.clock, random: deps.random, read: options.read, announce: gateway.announce,
    prepareKeys: async (settings) => {
      const prepared = await gateway.authenticator.prepare(settings.auth);
      return prepared.ok ? prepared : err({ code: authFaultCode(prepared.error), message: prepared.error.message });
    },
    apply: (settings) => {
      // First: what the new file kills must end, whatever comes after.
      cancelKilled(gateway, deps);
      gateway.telemetry.configure(settings);
      gateway.exports.follow(settings.audit.enabled ? settings.audit.exports : []).catch((error: unknown) => gateway.telemetry.fault(error));
      gateway.edges.apply(settings);
      gateway.leases.retain(new Set(settings.backends.map((row) => row.id)));
    },
  });
}

function operationsOf(gateway: Gateway, deps: AppDeps, reload: Operations['reload'], status: Operations['status']): Operations {
  return createOperations({
    cell: gateway.cell, clock: deps.clock, random: deps.random, overrides: gateway.memory.overrides, inflight: gateway.inflight, endTasks: gateway.endTasks, countTasks: gateway.countTasks,
    schemas: gateway.schemas, windows: gateway.windows, announce: gateway.announce, noted: gateway.noted, status,
    metrics: () => gateway.telemetry.metrics(),
    reload: async (by) => {
      try {
        const report = await reload(by);
        gateway.telemetry.reloaded(report.ok);
        return report;
      } catch (error) {
        // A reload by signal has nobody who waits for it: said here, or not at all.
        gateway.telemetry.fault(error);
        gateway.telemetry.reloaded(false);
        throw error;
      }
    },
    rekey: async () => {
      const read = await gateway.authenticator.rekey();
      return read.ok ? ok(await signingKeys(gateway.cell.current().settings)) : err(read.error.message);
    },
    refreshRevocations: () => gateway.authenticator.refreshRevocations(),
    tail: (listener) => gateway.telemetry.tail(listener),
  });
}

async function bindSurfaces(operations: Operations, gateway: Gateway, settings: Settings): Promise<Result<Surfaces, StartFault>> {
  const current = (): Settings => gateway.cell.current().settings;
  const control = await startControl(operations, gateway.ingress, { path: settings.gateway.controlSocket, operator: userInfo().username });
  if (!control.ok) return err(listenFault('control socket', control.error));
  const admin = await startAdmin(operations, current);
  if (!admin.ok) {
    await control.value.close(0);
    return err(listenFault('health listener', admin.error));
  }
  const http = await startHttp(gateway.ingress, settings, gateway.witness);
  if (!http.ok) {
    await Promise.all([control.value.close(0), admin.value.close()]);
    return err(listenFault('listener', http.error));
  }
  return ok({ control: control.value, admin: admin.value, http: http.value });
}

function listenFault(what: string, fault: ListenFault): StartFault {
  const exit = fault.code === 'address_in_use' ? 14 : 1;
  return startFault(exit, 'SEN-0501', `the ${what} could not be bound: ${fault.detail}`, fault.code === 'address_in_use' ? what === 'control socket' ? 'a gateway with this state runs already: sentinel status; to end it: sentinel stop' : 'stop what holds it, or set another address in [gateway]' : 'sentinel doctor');
}

/** Readiness is false from the first moment; agents are served until what they asked for has ended or the drain time is over. */
async function takeDown(gateway: Gateway, surfaces: Surfaces, deps: AppDeps, reason: string): Promise<void> {
  const { drainMs } = gateway.cell.current().settings.gateway;
  const cut = deps.timers.after(drainMs, () => {
    gateway.inflight.cancel(() => true, 'shutdown');
  });
  await Promise.all([surfaces.http.close(drainMs), surfaces.control.close(drainMs)]);
  gateway.parking.close();
  await gateway.inflight.idle();
  cut();
  await surfaces.admin.close();
  await gateway.announce({ id: deps.random.uuid(), wall: deps.clock.wall(), by: 'signal', revision: gateway.cell.current().revision, kind: 'stopped', reason });
  await gateway.stack.disposeAsync();
}

function endpointOf(settings: Settings, address: Address | undefined): string {
  return `${settings.gateway.publicUrl ?? `http://${showAddress(address ?? settings.gateway.listen)}`}/mcp`;
}
