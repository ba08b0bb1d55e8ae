// The whole file or none of it. A reload is read, checked, compared and prepared before anything changes; then one tick
// swaps keys, snapshot and backends. Reloads asked for while one runs become one more.
import { diffSettings } from '../config/diff.ts';
import type { LifecycleEvent } from '../core/lifecycle.ts';
import type { Diagnostic, ReloadReport } from '../core/operations.ts';
import type { Clock, Random } from '../core/ports.ts';
import type { Result } from '../core/result.ts';
import type { Settings } from '../core/settings.ts';
import type { Configuration } from './configuration.ts';
import type { StartFault } from './fault.ts';
import type { RuntimeCell } from './runtime.ts';

export interface ReloadDeps {
  readonly cell: RuntimeCell;
  readonly clock: Clock;
  readonly random: Random;
  read(): Result<Configuration, StartFault>;
  /** Prepares the keys of the new settings; the returned function swaps them in. */
  prepareKeys(settings: Settings): Promise<Result<() => void, { readonly code: string; readonly message: string }>>;
  /** Runs in the same tick as the swap: backends, log level, bounds. */
  apply(settings: Settings): void;
  announce(event: LifecycleEvent): Promise<void>;
}

export interface LastReload {
  readonly at: ReturnType<Clock['wall']>;
  readonly ok: boolean;
  readonly problems: readonly Diagnostic[];
}

export interface Reloader {
  reload(by: string): Promise<ReloadReport>;
  last(): LastReload | undefined;
}

export function createReloader(deps: ReloadDeps): Reloader {
  let last: LastReload | undefined;
  let running: Promise<ReloadReport> | undefined;
  let queued: Promise<ReloadReport> | undefined;
  const start = (by: string): Promise<ReloadReport> => {
    running = reloadOnce(by, deps).then((report) => {
      last = { at: deps.clock.wall(), ok: report.ok, problems: report.problems };
      return report;
    }).finally(() => {
      running = undefined;
    });
    return running;
  };
  return {
    last: () => last,
    reload(by) {
      if (running === undefined) return start(by);
      // The one that runs may have read the file before this change: exactly one more is enough for any number of askers.
      queued ??= running.catch(() => undefined).then(() => {
        queued = undefined;
        return start(by);
      });
      return queued;
    },
  };
}

async function reloadOnce(by: string, deps: ReloadDeps): Promise<ReloadReport> {
  const read = deps.read();
  if (!read.ok) return refuse(by, read.error.problems.length > 0 ? read.error.problems : [plain(read.error)], deps);
  const { settings, hash, file, warnings } = read.value;
  const { changes, refusals } = diffSettings(deps.cell.current().settings, settings, read.value);
  if (refusals.length > 0) return refuse(by, refusals, deps);
  const keys = await deps.prepareKeys(settings);
  if (!keys.ok) return refuse(by, [{ code: keys.error.code, severity: 'error', message: keys.error.message, file, line: undefined, column: undefined, help: undefined }], deps);
  const { settings: before, revision } = deps.cell.current();
  const announce = (of: number): Promise<void> => deps.announce({ id: deps.random.uuid(), wall: deps.clock.wall(), by, revision: of, kind: 'reloaded', configHash: hash, changes });
  // The last that is on record of an audit that is switched off is who did it.
  const endsAudit = before.audit.enabled && !settings.audit.enabled;
  if (endsAudit) await announce(revision);
  keys.value();
  const next = deps.cell.configure({ settings, configHash: hash });
  deps.apply(settings);
  if (!endsAudit) await announce(next.revision);
  return { ok: true, revision: next.revision, changes, problems: warnings };
}

async function refuse(by: string, problems: readonly Diagnostic[], deps: ReloadDeps): Promise<ReloadReport> {
  const { revision } = deps.cell.current();
  await deps.announce({ id: deps.random.uuid(), wall: deps.clock.wall(), by, revision, kind: 'reload_refused', problems: problems.length, first: unquoted(problems[0]?.message ?? '') });
  return { ok: false, revision, changes: [], problems };
}

/** What stands in the place of a value may be a secret that was put there by mistake: it is told to who reloads, and not written down. */
function unquoted(message: string): string {
  return message.replace(/, not ".*$/su, '');
}

function plain(fault: StartFault): Diagnostic {
  return { code: fault.code, severity: 'error', message: fault.message, file: '', line: undefined, column: undefined, help: fault.help };
}
