// Opens what must outlive the process: the audit and the operators' overrides, in one database. A gateway that cannot read
// its kills does not start: it might let through what somebody switched off.
import pRetry from 'p-retry';
import type { LifecycleEvent } from '../core/lifecycle.ts';
import type { Override } from '../core/override.ts';
import type { AuditStore, OverrideStore, StoreFault } from '../core/ports.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { AuditSettings, Settings } from '../core/settings.ts';
import { openDatabase, type Database } from '../stores/database.ts';
import { createJournal, type Journal, type JournalHealth } from '../stores/journal.ts';
import { processLife } from '../stores/life.ts';
import { migrate } from '../stores/migrate.ts';
import { loadNode } from '../stores/node.ts';
import { createOverrides } from '../stores/overrides.ts';
import type { AppDeps } from './deps.ts';
import { startFault, type StartFault } from './fault.ts';

export interface Memory {
  readonly audit: AuditStore;
  readonly overrides: OverrideStore;
  readonly engine: Database['engine'];
  /** Active ones, as they stood at the start. */
  readonly active: readonly Override[];
  /** For the ids of tasks, which outlive the process. */
  readonly taskKey: Uint8Array;
  note(event: LifecycleEvent): Promise<void>;
  close(): Promise<void>;
}

export interface MemoryOptions {
  /** Read at each record, so that a reload counts. */
  readonly audit: () => AuditSettings;
  readonly onChange: (health: JournalHealth) => void;
}

export async function openMemory(settings: Settings, deps: AppDeps, options: MemoryOptions): Promise<Result<Memory, StartFault>> {
  const node = loadNode(settings.gateway.stateDir, deps.random);
  if (!node.ok) return err(startFault(1, 'SEN-0601', `the state directory cannot be used: ${node.error.detail}`, 'sentinel doctor'));
  const database = openDatabase(settings.store, { readOnly: false, thread: true });
  const opened = await openTables(database, deps, settings);
  if (!opened.ok) {
    await database.close();
    return opened;
  }
  const journal = createJournal({ database, node: node.value, life: processLife(), clock: deps.clock, random: deps.random, after: (ms, run) => deps.timers.after(ms, run), settings: options.audit, onChange: options.onChange });
  const started = await journal.start();
  if (!started.ok) {
    await database.close();
    return err(storeFault(settings, started.error.code, started.error.detail));
  }
  return ok(memoryOf(database, journal, opened.value, node.value.keyFor('task ids')));
}

/** A database that starts beside us, as under Compose, is there within this time; a wrong address is told after it. */
const PATIENCE = { retries: 5, minTimeout: 250, factor: 2, maxTimeout: 4_000, maxRetryTime: 10_000 } as const;

class Unavailable extends Error {
  readonly fault: StoreFault;

  constructor(fault: StoreFault) {
    super(fault.detail);
    this.fault = fault;
  }
}

async function openTables(database: Database, deps: AppDeps, settings: Settings): Promise<Result<readonly Override[], StartFault>> {
  const open = async (): Promise<Result<readonly Override[], StoreFault>> => {
    const migrated = await migrate(database, { now: deps.clock.wall });
    const active = migrated.ok ? await createOverrides(database).list() : migrated;
    // A file that cannot be opened now cannot be opened in a second either.
    if (!active.ok && active.error.code === 'unavailable' && settings.store.postgresUrl !== undefined) throw new Unavailable(active.error);
    return active;
  };
  const opened = await pRetry(open, PATIENCE).catch((error: unknown) => {
    if (error instanceof Unavailable) return err(error.fault);
    throw error;
  });
  return opened.ok ? opened : err(storeFault(settings, opened.error.code, opened.error.detail));
}

function storeFault(settings: Settings, code: string, detail: string): StartFault {
  const where = settings.store.postgresUrl === undefined ? settings.store.sqlitePath : 'PostgreSQL';
  if (code === 'schema') return startFault(15, 'SEN-0602', `the store (${where}) has another schema: ${detail}`, 'run the version of Sentinel that wrote it, or newer');
  return startFault(1, 'SEN-0601', `the store (${where}) cannot be used: ${detail}`, 'sentinel doctor');
}

function memoryOf(database: Database, journal: Journal, active: readonly Override[], taskKey: Uint8Array): Memory {
  return {
    audit: journal,
    overrides: createOverrides(database),
    engine: database.engine,
    active,
    taskKey,
    note: async (event) => {
      await journal.note(event);
    },
    close: async () => {
      await journal.close();
      await database.close();
    },
  };
}
