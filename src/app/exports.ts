// Where else the audit goes while the gateway runs: an exporter for each `[[audit.exports]]`, made anew when its settings change. None of them is in
// the way of a call.
import { hostname } from 'node:os';
import { guardedLookup, literalProblem } from '../backends/http/egress.ts';
import type { ExportSettings } from '../core/audit/exports.ts';
import { EVERYTHING } from '../core/audit/filter.ts';
import { parseFilter } from '../core/audit/parse.ts';
import { predicateOf } from '../core/audit/predicate.ts';
import type { Timestamp } from '../core/ids.ts';
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
  /** Records so far that only say that checkpoints of others were kept here. */
  readonly echoes: () => number;
  readonly onEvent: (event: ExporterEvent) => void;
}

export interface Exports {
  /** After the start and after each reload. Those that fail and stay try again at once: what was wrong with them may be why there is a reload. */
  follow(wanted: readonly ExportSettings[]): Promise<void>;
  health(): readonly ExportHealth[];
  /** Once the journal is closed: sends what is left of it, for a moment, and ends. What cannot go out now goes after the next start. */
  finish(): Promise<void>;
}

export interface ExportHealth extends ExporterHealth {
  readonly failingSince: Timestamp | undefined;
}

interface Running {
  readonly key: string;
  readonly exporter: Exporter;
  readonly source: JournalSource;
  /** How long the last records may take. */
  readonly lastMs: number;
}

/** A receiver that is away must not keep a gateway from its end. */
const LAST_MS = 2000;

/** The door that backends go through. */
const egress: Egress = (host, allowPrivate) => {
  const problem = literalProblem({ host, allowPrivate });
  return problem === undefined ? ok(guardedLookup({ host, allowPrivate })) : err(problem);
};

export function createExports(deps: ExportsDeps): Exports {
  let running: ReadonlyMap<string, Running> = new Map();
  let ending = false;
  const failing = new Map<string, Timestamp>();
  const onEvent = (event: ExporterEvent): void => {
    if (event.kind === 'recovered') failing.delete(event.exporter);
    if (event.kind === 'failing' || event.kind === 'conflict') failing.set(event.exporter, failing.get(event.exporter) ?? deps.clock.wall());
    deps.onEvent(event);
  };
  // At the end nothing is held back for another gateway's sake.
  const own: ExportsDeps = { ...deps, onEvent, echoes: () => (ending ? 0 : deps.echoes()) };
  const end = async ({ exporter, source }: Running): Promise<void> => {
    await exporter.stop();
    source.close();
  };
  return {
    async follow(wanted) {
      const keep = new Map([...running].filter(([name, { key }]) => wanted.some((one) => one.name === name && keyOf(one) === key)));
      const gone = [...running].filter(([name]) => !keep.has(name));
      await Promise.all(gone.map(([, one]) => end(one)));
      for (const [name] of gone) failing.delete(name);
      running = new Map(wanted.map((one) => [one.name, keep.get(one.name) ?? begin(one, own)]));
      for (const { exporter } of keep.values()) exporter.retry();
    },
    health: () => [...running].map(([name, { exporter }]) => ({ ...exporter.health(), failingSince: failing.get(name) })),
    async finish() {
      ending = true;
      await Promise.all([...running.values()].map(async (one) => {
        await sendRest(one, deps.timers);
        await end(one);
      }));
      running = new Map();
    },
  };
}

async function sendRest({ exporter, lastMs }: Running, timers: Timers): Promise<void> {
  const late = Promise.withResolvers<void>();
  let over = false;
  const undo = timers.after(lastMs, () => {
    over = true;
    late.resolve();
  });
  const rest = async (): Promise<void> => {
    // One that was under way may have looked before the journal was closed.
    await exporter.step();
    while (!over && exporter.health().inARow === 0 && (await exporter.step()) === 0);
  };
  await Promise.race([rest(), late.promise]);
  undo();
}

function timeoutOf(settings: ExportSettings): number {
  if (settings.kind === 'file') return LAST_MS;
  return settings.kind === 'syslog' ? settings.target.timeoutMs : settings.timeoutMs;
}

function begin(settings: ExportSettings, { directories, version, node, ...deps }: ExportsDeps): Running {
  // Read once already, when the file was checked.
  const filter = parseFilter(settings.filter ?? '', { now: undefined, suggest: () => undefined });
  const source = openSource(directories, deps.clock.wall);
  const exporter = openExporter(settings, {
    ...deps, source, egress, behind: (rowId) => source.behind(rowId), accepts: predicateOf(filter.ok ? filter.value : EVERYTHING), context: { version, host: hostname(), node },
  });
  exporter.start();
  return { key: keyOf(settings), exporter, source, lastMs: Math.min(LAST_MS, timeoutOf(settings)) };
}

/** Equal texts for equal settings, secrets among them. */
function keyOf(settings: ExportSettings): string {
  return JSON.stringify(revealed(settings));
}

function revealed(value: unknown): unknown {
  if (value instanceof Secret) return { secret: value.reveal() };
  return typeof value === 'object' && value !== null ? Object.entries(value).map(([name, member]) => [name, revealed(member)]) : value;
}
