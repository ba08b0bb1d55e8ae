// `sentinel serve` as one call: start, obey signals, end, and say with which status.
import type { StatusReport } from '../core/operations.ts';
import { readConfiguration, readConfigurationFile, type Configuration, type ConfigurationOptions } from './configuration.ts';
import type { StartFault } from './fault.ts';
import { serve, type RunningGateway } from './serve.ts';
import { onSignals } from './signals.ts';
import { processDeps } from './system.ts';

export interface DaemonOptions extends ConfigurationOptions {
  readonly version: string;
  /** Told once, when every backend has listed its tools or shown that it cannot. */
  ready(gateway: RunningGateway, status: StatusReport, configuration: Configuration): void;
  /** Renders a fault and gives its exit status. */
  fail(fault: StartFault): number;
  /** Told once the configuration is read: for its warnings, and to forget where its secrets came from. */
  loaded(configuration: Configuration): void;
}

/** How long the ready line waits for slow backends; they go on starting after it. */
const SETTLE_MS = 15_000;
const STATUS_OF = { SIGINT: 130, SIGTERM: 143 } as const;

export async function runDaemon(options: DaemonOptions): Promise<number> {
  const configuration = readConfiguration(options);
  if (!configuration.ok) return options.fail(configuration.error);
  options.loaded(configuration.value);
  const { file } = configuration.value;
  let running: RunningGateway | undefined;
  /** A HUP during the start: the file may have been read before the change it tells of. */
  let reloadWanted = false;
  let isEnding = false;
  const ended = Promise.withResolvers<number>();
  const undo = onSignals({
    reload: () => {
      reloadWanted = running === undefined;
      running?.operations.reload('signal').catch(() => {});
    },
    drain: (signal) => {
      // Before it runs there is nothing to drain; the composition under way is cut with the process.
      if (running === undefined) process.exit(STATUS_OF[signal]);
      isEnding = true;
      running.shutdown(signal).then(() => ended.resolve(0), () => ended.resolve(1));
    },
    force: (signal) => process.exit(STATUS_OF[signal]),
  });
  try {
    const started = await serve({ configuration: configuration.value, read: () => readConfigurationFile(file, options.env), deps: processDeps(options.env, options.version) });
    if (!started.ok) return options.fail(started.error);
    running = started.value;
    if (reloadWanted) await running.operations.reload('signal');
    await Promise.race([running.settled(SETTLE_MS), ended.promise]);
    if (!isEnding) options.ready(running, running.operations.status(), configuration.value);
    return await ended.promise;
  } finally {
    undo();
  }
}
