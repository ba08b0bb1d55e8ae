// What can be asked without a daemon: whether backends answer, and what the policy would decide. Backends are really
// started for it and ended again; no agent is served.
import type { ExplainReport, ExplainRequest } from '../core/operations.ts';
import type { BackendStatus } from '../core/ports.ts';
import type { Settings } from '../core/settings.ts';
import { compileNames, compilePolicy } from '../config/compile.ts';
import type { Override } from '../core/override.ts';
import { Inflight } from '../pipeline/inflight.ts';
import { readConfiguration, type ConfigurationOptions } from './configuration.ts';
import type { AppDeps, Env } from './deps.ts';
import { openEdges, type Edges } from './edges.ts';
import { explain } from './explain.ts';
import type { StartFault } from './fault.ts';
import { storedOverrides } from './overrides.ts';
import { RuntimeCell } from './runtime.ts';
import { processDeps, sha256 } from './system.ts';
import { quietTelemetry } from './telemetry.ts';

export interface Probe {
  readonly backend: string;
  readonly ok: boolean;
  readonly tools: number;
  readonly note: string;
}

/** Starts every backend, waits for its list at most its handshake time, and ends it. */
export async function probeConfig(options: { readonly settings: Settings; readonly env: Env }): Promise<readonly Probe[]> {
  const bench = openBench(options.settings, '', [], processDeps(options.env));
  try {
    await bench.listed();
    return bench.edges.fleet.statuses().map(probeOf);
  } finally {
    await bench.edges.close();
  }
}

function probeOf(status: BackendStatus): Probe {
  const fault = status.lastFault;
  const detail = fault !== undefined && 'detail' in fault ? `: ${fault.detail}` : '';
  return { backend: status.id, ok: status.state === 'ready', tools: status.tools, note: fault === undefined ? '' : `${fault.code}${detail}` };
}

export interface ExplainOffline extends ConfigurationOptions {
  readonly request: ExplainRequest;
  fail(fault: StartFault): number;
  err(text: string): void;
}

/** The report, or the exit status of a fault that was already told. */
export async function explainOffline(options: ExplainOffline): Promise<ExplainReport | number> {
  const configuration = readConfiguration(options);
  if (!configuration.ok) return options.fail(configuration.error);
  const deps = processDeps(options.env);
  const { settings, hash } = configuration.value;
  const overrides = await storedOverrides(settings);
  if (overrides === undefined) options.err('note: operators\u2019 kills could not be read; only those of the file are taken into account');
  options.err('note: answered from the configuration file, not by a running gateway; its backends are asked for their tools and ended again');
  const bench = openBench(settings, hash, overrides ?? [], deps);
  try {
    await bench.listed();
    return await explain(options.request, bench.cell.current(), { clock: deps.clock, schemas: bench.edges.schemas, windows: undefined });
  } finally {
    await bench.edges.close();
  }
}

interface Bench {
  readonly cell: RuntimeCell;
  readonly edges: Edges;
  listed(): Promise<void>;
}

function openBench(settings: Settings, configHash: string, overrides: readonly Override[], deps: AppDeps): Bench {
  const telemetry = quietTelemetry();
  const cell = new RuntimeCell({ settings, configHash }, overrides, {
    digest: sha256,
    compile: (from, said) => {
      const policy = compilePolicy(from, said);
      if (!policy.ok) throw new Error(`policy could not be compiled: ${policy.error.map((one) => one.rule).join(', ')}`);
      return policy.value;
    },
    names: compileNames, onListenerFault: () => {},
  });
  const edges = openEdges({ settings, deps, cell, telemetry, inflight: new Inflight(), announce: () => Promise.resolve(), completed: () => false });
  edges.apply(settings);
  const longest = Math.max(1000, ...settings.backends.map((row) => (row.type === 'stdio' ? row.handshakeMs : row.timeoutMs)));
  return {
    cell,
    edges,
    listed: () => edges.settled(longest),
  };
}

