// Opens what must outlive the process: the journal of the audit, its way to PostgreSQL, and the operators' overrides. A gateway that cannot
// read its kills does not start: it might let through what somebody switched off.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import pRetry from 'p-retry';
import { showMode, writableByOthers } from '../core/file-mode.ts';
import type { Override } from '../core/override.ts';
import type { Disguise, OverrideStore, StoreFault } from '../core/ports.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { AuditSettings } from '../core/audit/settings.ts';
import type { Settings } from '../core/settings.ts';
import { createCapture, type Capture } from '../stores/capture/capture.ts';
import { truncatePeer } from '../stores/record-text.ts';
import { openDatabase, type Database } from '../stores/database.ts';
import { journalDirectories } from '../stores/journal/folder.ts';
import { createJournal, type Journal, type JournalHealth } from '../stores/journal/journal.ts';
import { threadJournal } from '../stores/journal/session.ts';
import { keptOverrides, type KeptOverrides } from '../stores/kept-overrides.ts';
import { migrate } from '../stores/migrate.ts';
import { loadNode, type Node } from '../stores/node.ts';
import { createOverrides } from '../stores/overrides.ts';
import { type ShipSession, threadShipping } from '../stores/ship/session.ts';
import type { ShipperHealth } from '../stores/ship/shipper.ts';
import type { AppDeps } from './deps.ts';
import { startFault, type StartFault } from './fault.ts';
import { originalsFault } from './originals.ts';

export interface Memory {
  readonly audit: Omit<Journal, 'start' | 'close'>;
  readonly overrides: OverrideStore;
  readonly engine: Database['engine'];
  /** Active ones, as they stood at the start. */
  readonly active: readonly Override[];
  /** They are those of the last run, because PostgreSQL cannot be asked: told with the true ones as soon as it can. */
  late(listener: (active: readonly Override[]) => void): void;
  /** How the journal comes to PostgreSQL; undefined where it is the store itself. */
  shipping(): ShipperHealth | undefined;
  /** Whose the keys of captured values are, and who holds one. */
  readonly captures: { readonly node: string; readonly stateDir: string; tick(): void };
  /** As its records have it. */
  readonly disguise: Disguise;
  /** For the ids of tasks, which outlive the process. */
  readonly taskKey: Uint8Array;
  /** `closed`: what reads the journal to its very end, run beside the last shipping. */
  close(closed?: () => Promise<void>): Promise<void>;
}

export interface MemoryOptions {
  /** Read at each record, so that a reload counts. */
  readonly audit: () => AuditSettings;
  readonly onChange: (health: JournalHealth) => void;
  /** A segment of the journal cannot be written any more, and another took its place. */
  readonly onAbandoned: (segment: number, why: string) => void;
  readonly onShipping: (health: ShipperHealth) => void;
  /** Something that an operator has said was lost by the store: it is in force, and stored again. */
  readonly onLost: (override: Override) => void;
  /** The key of captured values cannot be had; undefined: it can be had again. */
  readonly onCapture: (detail: string | undefined) => void;
}

export async function openMemory(settings: Settings, deps: AppDeps, options: MemoryOptions): Promise<Result<Memory, StartFault>> {
  const node = loadNode(settings.gateway.stateDir, deps.random);
  if (!node.ok) return err(startFault(1, 'SEN-0601', `the state directory cannot be used: ${node.error.detail}`, 'sentinel doctor'));
  const database = openDatabase(settings.store, { readOnly: false, thread: true });
  const overrides = keptOverrides(createOverrides(database), join(settings.gateway.stateDir, 'overrides.json'), options.onLost);
  const opened = await openTables(database, overrides, deps, settings);
  if (!opened.ok) {
    await database.close();
    return opened;
  }
  const { stateDir } = settings.gateway;
  const capture = createCapture({ node: node.value.id, stateDir, clock: deps.clock, settings: options.audit, onFault: (fault) => options.onCapture(fault?.detail) });
  const journal = await openJournal(settings, node.value, capture, deps, options);
  if (!journal.ok) {
    await database.close();
    return journal;
  }
  const shipping = settings.store.postgresUrl === undefined || !settings.audit.enabled ? undefined
    : threadShipping(SHIP_THREAD, { url: settings.store.postgresUrl.reveal(), node: node.value.id, stateDir: settings.gateway.stateDir, directories: journalDirectories(settings) }, deps.env, options.onShipping);
  return ok(memoryOf({ database, overrides, journal: journal.value, shipping, opened: opened.value, captures: { node: node.value.id, stateDir, tick: () => capture.tick() }, disguise: { digest: node.value.hmac, network: truncatePeer }, taskKey: node.value.keyFor('task ids') }, deps));
}

/** Of one segment of the journal: what is dropped at once when its time is over, and what a look at all of it costs at most. */
export const SEGMENT_BYTES: number = 256 * 2 ** 20;

// Built files end in .js; `new URL` is not rewritten by the compiler.
const SOURCE = import.meta.url.endsWith('.ts');
const JOURNAL_THREAD = new URL(SOURCE ? './journal-thread.ts' : './journal-thread.js', import.meta.url);
const SHIP_THREAD = new URL(SOURCE ? './ship-thread.ts' : './ship-thread.js', import.meta.url);

async function openJournal(settings: Settings, node: Node, capture: Capture, deps: AppDeps, options: MemoryOptions): Promise<Result<Journal, StartFault>> {
  const { quota, reserve } = settings.audit;
  const directories = journalDirectories(settings);
  const flaw = flawIn(directories);
  if (flaw !== undefined) return err(flaw);
  const session = threadJournal(JOURNAL_THREAD, { directories, stateDir: settings.gateway.stateDir, node: node.id, segmentBytes: SEGMENT_BYTES, bounds: { quota, reserve }, recovers: true }, options.onAbandoned);
  const journal = createJournal({ session, node, capture, clock: deps.clock, random: deps.random, after: (ms, run) => deps.timers.after(ms, run), settings: options.audit, onChange: options.onChange });
  const started = await journal.start();
  if (started.ok) return ok(journal);
  await session.end();
  return err(storeFault(directories[0], started.error.code, started.error.detail));
}

/** Who else may write there could put in a segment, or take one away. */
function flawIn(directories: readonly string[]): StartFault | undefined {
  const there = directories.flatMap((path) => {
    const found = statSync(path, { throwIfNoEntry: false });
    return found === undefined ? [] : [{ path, mode: found.mode, inode: `${found.dev} ${found.ino}` }];
  });
  const open = there.find(({ mode }) => writableByOthers(mode));
  if (open !== undefined) return startFault(1, 'SEN-0601', `the directory ${open.path} of the journal can be written by others (mode ${showMode(open.mode)})`, `chmod go-w ${open.path}`);
  if (new Set(there.map(({ inode }) => inode)).size === there.length && new Set(directories).size === directories.length) return undefined;
  return startFault(1, 'SEN-0601', `\`second_dir\` of [audit] is the directory of the journal itself (${directories[0]})`, 'name another one, best on another disk');
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

interface Opened {
  readonly active: readonly Override[];
  /** They are a copy. */
  readonly late: boolean;
}

async function openTables(database: Database, overrides: KeptOverrides, deps: AppDeps, settings: Settings): Promise<Result<Opened, StartFault>> {
  const open = async (): Promise<Result<readonly Override[], StoreFault>> => {
    const migrated = await migrate(database, { now: deps.clock.wall });
    const active = migrated.ok ? await overrides.list() : migrated;
    // A file that cannot be opened now cannot be opened in a second either.
    if (!active.ok && active.error.code === 'unavailable' && settings.store.postgresUrl !== undefined) throw new Unavailable(active.error);
    return active;
  };
  // With a copy of what operators said there is no reason to wait for PostgreSQL.
  const copy = settings.store.postgresUrl === undefined ? undefined : overrides.copy();
  const opened = await pRetry(open, copy === undefined ? PATIENCE : { retries: 0 }).catch((error: unknown) => {
    if (error instanceof Unavailable) return err(error.fault);
    throw error;
  });
  if (opened.ok) return ok({ active: opened.value, late: false });
  if (copy !== undefined && opened.error.code === 'unavailable') return ok({ active: copy, late: true });
  return err(storeFault(settings.store.postgresUrl === undefined ? settings.store.sqlitePath : 'PostgreSQL', opened.error.code, opened.error.detail));
}

function storeFault(where: string, code: string, detail: string): StartFault {
  const originals = originalsFault(detail);
  if (originals !== undefined) return originals;
  // insufficient_privilege, PostgreSQL's word for it
  if (/\b42501\b/.test(detail)) return startFault(15, 'SEN-0602', `the store (${where}) is not up to date, and this role may not change it: ${detail}`, 'sentinel migrate once, with the URL of the role that owns the tables (docs/audit-postgres.md)');
  if (code === 'schema') return startFault(15, 'SEN-0602', `the store (${where}) has another schema: ${detail}`, 'run the version of Sentinel that wrote it, or newer');
  return startFault(1, 'SEN-0601', `the store (${where}) cannot be used: ${detail}`, 'sentinel doctor');
}

interface Parts {
  readonly database: Database;
  readonly overrides: KeptOverrides;
  readonly journal: Journal;
  readonly shipping: ShipSession | undefined;
  readonly opened: Opened;
  readonly captures: Memory['captures'];
  readonly disguise: Disguise;
  readonly taskKey: Uint8Array;
}

const LATE_MS = 2000;

function memoryOf({ database, overrides, journal, shipping, opened, captures, disguise, taskKey }: Parts, deps: AppDeps): Memory {
  let undo: (() => void) | undefined;
  const late = (listener: (active: readonly Override[]) => void): void => {
    undo = deps.timers.after(LATE_MS, () => void again(listener));
  };
  const again = async (listener: (active: readonly Override[]) => void): Promise<void> => {
    const migrated = await migrate(database, { now: deps.clock.wall });
    const active = migrated.ok ? await overrides.list() : migrated;
    if (active.ok) listener(active.value);
    else if (undo !== undefined) late(listener);
  };
  return {
    audit: journal, overrides, engine: database.engine, active: opened.active, captures, disguise, taskKey,
    late: (listener) => {
      if (opened.late) late(listener);
    },
    shipping: () => shipping?.health(),
    close: async (closed) => {
      undo?.();
      undo = undefined;
      await journal.close();
      await Promise.all([shipping?.end(), closed?.()]);
      await database.close();
    },
  };
}
