// Where else the audit goes while the gateway runs: an exporter for each `[[audit.exports]]`, made anew when its settings change. None of them is in
// the way of a call.
import { hostname } from 'node:os';
import { guardedLookup, literalProblem } from '../backends/http/egress.ts';
import type { ExportSettings } from '../core/audit/exports.ts';
import { EVERYTHING } from '../core/audit/filter.ts';
import { parseFilter } from '../core/audit/parse.ts';
import { predicateOf } from '../core/audit/predicate.ts';
import type { Clock, Random, Timers } from '../core/ports.ts';
import { err, ok } from '../core/result.ts';
import { Secret } from '../core/secret.ts';
import type { Exporter, ExporterEvent, ExporterHealth } from '../stores/export/exporter.ts';
import { openExporter } from '../stores/export/open.ts';
import type { Egress } from '../stores/export/transport.ts';
import { type JournalSource, openSource } from '../stores/journal/source.ts';

export interface ExportsDeps {
  readonly stateDir: string;
  /** Of the journal. */
  readonly directories: readonly string[];
  readonly node: string;
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly timers: Timers;
  readonly onEvent: (event: ExporterEvent) => void;
}

export interface Exports {
  /** After the start and after each reload. */
  follow(wanted: readonly ExportSettings[]): Promise<void>;
  health(): readonly ExporterHealth[];
  stop(): Promise<void>;
}

interface Running {
  readonly key: string;
  readonly exporter: Exporter;
  readonly source: JournalSource;
}

/** The door that backends go through. */
const egress: Egress = (host, allowPrivate) => {
  const problem = literalProblem({ host, allowPrivate });
  return problem === undefined ? ok(guardedLookup({ host, allowPrivate })) : err(problem);
};

export function createExports(deps: ExportsDeps): Exports {
  let running: ReadonlyMap<string, Running> = new Map();
  const end = async ({ exporter, source }: Running): Promise<void> => {
    await exporter.stop();
    source.close();
  };
  return {
    async follow(wanted) {
      const keep = new Map([...running].filter(([name, { key }]) => wanted.some((one) => one.name === name && keyOf(one) === key)));
      await Promise.all([...running].filter(([name]) => !keep.has(name)).map(([, one]) => end(one)));
      running = new Map(wanted.map((one) => [one.name, keep.get(one.name) ?? begin(one, deps)]));
    },
    health: () => [...running.values()].map(({ exporter }) => exporter.health()),
    async stop() {
      await Promise.all([...running.values()].map(end));
      running = new Map();
    },
  };
}

function begin(settings: ExportSettings, { directories, version, node, ...deps }: ExportsDeps): Running {
  // Read once already, when the file was checked.
  const filter = parseFilter(settings.filter ?? '', { now: undefined, suggest: () => undefined });
  const source = openSource(directories, deps.clock.wall);
  const exporter = openExporter(settings, {
    ...deps, source, egress, behind: (rowId) => source.behind(rowId), accepts: predicateOf(filter.ok ? filter.value : EVERYTHING), context: { version, host: hostname(), node },
  });
  exporter.start();
  return { key: keyOf(settings), exporter, source };
}

/** Equal texts for equal settings, secrets among them. */
function keyOf(settings: ExportSettings): string {
  return JSON.stringify(revealed(settings));
}

function revealed(value: unknown): unknown {
  if (value instanceof Secret) return { secret: value.reveal() };
  return typeof value === 'object' && value !== null ? Object.entries(value).map(([name, member]) => [name, revealed(member)]) : value;
}
