// The shipping thread as the event loop sees it: how it stands, and its end. Nothing waits for it.
import { Worker } from 'node:worker_threads';
import { messageIn } from '../../core/thrown.ts';
import type { ShipperHealth } from './shipper.ts';

export interface ShipOptions {
  readonly url: string;
  readonly node: string;
  readonly stateDir: string;
  readonly directories: readonly [string, ...string[]];
}

/** What of the environment the thread gets: what the driver reads of it (libpq's variables; HOME is for ~/.pgpass), so that it connects as the gateway itself does. */
export function driverEnv(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const wanted = (name: string): boolean => name.startsWith('PG') || name === 'HOME' || name === 'USER';
  return Object.fromEntries(Object.entries(env).flatMap(([name, value]) => (value !== undefined && wanted(name) ? [[name, value]] : [])));
}

export interface ShipReport {
  readonly health: ShipperHealth;
}

export interface ShipSession {
  /** As it was last told; undefined before the first word. */
  health(): ShipperHealth | undefined;
  /** After what can be shipped within a moment. Idempotent. */
  end(): Promise<void>;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

export function isShipOptions(value: unknown): value is ShipOptions {
  return isRecord(value) && typeof value['url'] === 'string' && typeof value['node'] === 'string' && typeof value['stateDir'] === 'string' && Array.isArray(value['directories']);
}

function isReport(value: unknown): value is ShipReport {
  return isRecord(value) && isRecord(value['health']);
}

/** In a thread that runs `program`. One that ends by itself is started again by the next run; what it has not shipped stays in the journal. */
export function threadShipping(program: URL, options: ShipOptions, env: Readonly<Record<string, string | undefined>>, onChange: (health: ShipperHealth) => void): ShipSession {
  let health: ShipperHealth | undefined;
  let ending: Promise<void> | undefined;
  const worker = new Worker(program, { workerData: options, stdin: false, env: driverEnv(env) });
  worker.unref();
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  const heard = (next: ShipperHealth): void => {
    const same = health !== undefined && health.state === next.state && health.fault?.detail === next.fault?.detail && health.trouble === next.trouble;
    health = next;
    if (!same) onChange(next);
  };
  worker.on('message', (report: unknown) => {
    if (isReport(report)) heard(report.health);
  });
  worker.on('error', (thrown) => heard({ ...(health ?? NOTHING), state: 'halted', fault: { code: 'unavailable', detail: `the shipping thread failed: ${messageIn(thrown)}` } }));
  return {
    health: () => health,
    end: () => {
      ending ??= (async () => {
        // The process waits for this, and for nothing else maybe.
        worker.ref();
        worker.postMessage('end');
        await exited;
      })();
      return ending;
    },
  };
}

const NOTHING: ShipperHealth = { state: 'waiting', cursor: 0, lagRecords: 0, lagOldest: undefined, fault: undefined, trouble: undefined, shipped: 0, resent: 0, refused: 0, conflicts: 0, setBack: 0 };
