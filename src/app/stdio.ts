// `sentinel stdio` without a daemon: the whole gateway in this process, for the one agent on stdin and stdout.
import type { Readable, Writable } from 'node:stream';
import type { Secret } from '../core/secret.ts';
import { serveStdio, type StdioEnd, type StdioSurface } from '../surfaces/mcp/stdio.ts';
import { compose } from './compose.ts';
import { readConfiguration, readConfigurationFile, type Configuration, type ConfigurationOptions } from './configuration.ts';
import { startFault, type StartFault } from './fault.ts';
import { reloaderOf } from './serve.ts';
import { onSignals } from './signals.ts';
import { processDeps } from './system.ts';

export interface StdioRun extends ConfigurationOptions {
  readonly version: string;
  /** Asked at each message: a token file that was renewed counts from then on. */
  readonly token: () => Secret | undefined;
  readonly stdin: Readable;
  readonly stdout: Writable;
  fail(fault: StartFault): number;
  /** Told once the configuration is read: to forget where its secrets came from. */
  loaded(configuration: Configuration): void;
}

/**
 * How long the first message may wait for backends that are quick: a client that lists once and never listens would otherwise
 * see nothing. Slow ones do not hold it up longer; their tools arrive with list_changed.
 */
export const FIRST_LIST_MS = 2_000;

export async function runStdio(options: StdioRun): Promise<number> {
  const configuration = readConfiguration(options);
  if (!configuration.ok) return options.fail(configuration.error);
  options.loaded(configuration.value);
  let early = false;
  const running: Running = {
    surface: undefined,
    reload: () => {
      early = true;
    },
    wasTold: () => early,
    drainMs: configuration.value.settings.gateway.drainMs,
  };
  const undo = listenToSignals(running);
  try {
    return await converse(options, configuration.value, running);
  } finally {
    undo();
  }
}

/** What the signals act on, as far as there is something. */
interface Running {
  /** While there is an agent. */
  surface: StdioSurface | undefined;
  reload: () => void;
  /** A HUP during the start: the file may have been read before the change it tells of. */
  wasTold(): boolean;
  readonly drainMs: number;
}

function listenToSignals(running: Running): () => void {
  const force = (signal: 'SIGTERM' | 'SIGINT'): never => process.exit(signal === 'SIGINT' ? 130 : 143);
  return onSignals({
    reload: () => running.reload(),
    drain: (signal) => {
      // Before and after the talk nobody is waiting for an answer, and clients follow up with SIGKILL after two seconds.
      if (running.surface === undefined) force(signal);
      else running.surface.close(running.drainMs).catch(() => {});
    },
    force,
  });
}

async function converse(options: StdioRun, configuration: Configuration, running: Running): Promise<number> {
  const deps = processDeps(options.env, options.version);
  const composed = await compose(configuration, deps);
  if (!composed.ok) return options.fail(composed.error);
  const gateway = composed.value;
  const { file, settings, hash } = configuration;
  const { reload } = reloaderOf({ configuration, read: () => readConfigurationFile(file, options.env), deps }, gateway);
  running.reload = () => {
    reload('signal').catch((error: unknown) => gateway.telemetry.fault(error));
  };
  gateway.edges.apply(settings);
  gateway.edges.warm();
  await gateway.announce({ id: deps.random.uuid(), wall: deps.clock.wall(), by: 'system', revision: 1, kind: 'started', version: deps.version, configHash: hash });
  if (running.wasTold()) running.reload();
  await gateway.edges.settled(FIRST_LIST_MS);
  running.surface = serveStdio(gateway.ingress, { input: options.stdin, output: options.stdout, token: () => options.token()?.reveal(), peer: 'local' });
  const end = await running.surface.done;
  running.surface = undefined;
  gateway.inflight.cancel(() => true, 'shutdown');
  await gateway.announce({ id: deps.random.uuid(), wall: deps.clock.wall(), by: 'system', revision: gateway.cell.current().revision, kind: 'stopped', reason: end.kind });
  await gateway.stack.disposeAsync();
  return exitOf(end, options);
}

function exitOf(end: StdioEnd, options: StdioRun): number {
  switch (end.kind) {
    case 'eof':
    case 'closed': return 0;
    case 'unauthenticated': return options.fail(startFault(20, 'SEN-0201', `the token was refused (${end.failure.code})`, 'sentinel token inspect'));
    case 'broken': return options.fail(startFault(1, 'SEN-0502', `the agent\u2019s side of the connection broke: ${end.detail}`));
  }
}
