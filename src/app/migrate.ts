// Brings the store of a configuration to this version, and older audits into its journal: asked for by an operator, or at a gateway's start.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { StoreFault } from '../core/ports.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { Settings } from '../core/settings.ts';
import { openDatabase } from '../stores/database.ts';
import { openFirstForm } from '../stores/import/first-form.ts';
import { importAll, type Imported, pendingIn } from '../stores/import/importer.ts';
import { openOriginal } from '../stores/import/original.ts';
import { guarded } from '../stores/fault.ts';
import { type ImportedFrom, type ImportSource, NO_ROW } from '../stores/import/source.ts';
import { journalDirectories } from '../stores/journal/folder.ts';
import { inlineJournal, type JournalSession } from '../stores/journal/session.ts';
import { processLife } from '../stores/life.ts';
import { migrate, missingMigrations } from '../stores/migrate.ts';
import { loadNode, type Node } from '../stores/node.ts';
import { createEncoder } from '../stores/record.ts';
import { startFault, type StartFault } from './fault.ts';
import { SEGMENT_BYTES } from './memory.ts';
import { originalsFault } from './originals.ts';
import { otherOwner } from './owner.ts';
import { systemClock, systemRandom, systemTimers } from './system.ts';

type Given = Pick<Settings, 'gateway' | 'store' | 'audit'>;

export interface MigrateRequest {
  /** A PostgreSQL URL or a file, as it was typed; undefined: the store of the configuration. */
  readonly from: string | undefined;
  readonly cwd: string;
  readonly dryRun: boolean;
  /** Login name of who does it, or `system`. */
  readonly by: string;
  readonly onProgress: (records: number, of: number | undefined) => void;
  readonly signal: AbortSignal;
}

export interface MigrateReport {
  /** Steps of the schema, done now or (dry run) to be done. */
  readonly applied: readonly string[];
  /** Undefined: there was nothing to import from. */
  readonly imported: ImportReport | undefined;
}

export interface ImportReport {
  readonly from: ImportedFrom;
  /** Where; no secrets. */
  readonly source: string;
  /** Imported now or (dry run) to be imported; undefined: too many to count in time. */
  readonly records: number | undefined;
  /** Rows of it, new ones too; undefined: too many to count in time. */
  readonly rows: number | undefined;
  readonly interrupted: boolean;
}

type Doing = Omit<MigrateRequest, 'from' | 'cwd'>;

export async function migrateStore(settings: Given, request: MigrateRequest): Promise<Result<MigrateReport, StartFault>> {
  const strange = request.dryRun ? undefined : strangeOwner(settings);
  if (strange !== undefined) return err(strange);
  if (request.from !== undefined) {
    const imported = await importFrom(settings, request.from, request);
    return imported.ok ? ok({ applied: [], imported: imported.value }) : imported;
  }
  const applied = await bringUpToDate(settings, request.dryRun);
  if (!applied.ok) return applied;
  const imported = settings.audit.enabled ? await importOwn(settings, request) : ok(undefined);
  return imported.ok ? ok({ applied: applied.value, imported: imported.value }) : imported;
}

/** What another user makes in the state directory, the gateway could not write to any more. */
function strangeOwner({ gateway }: Given): StartFault | undefined {
  const owner = otherOwner(gateway.stateDir);
  if (owner === undefined) return undefined;
  return startFault(1, 'SEN-0601', `nothing was changed: ${gateway.stateDir} belongs to user ${owner}, who could not write to what this user makes there: run this as that user`, 'sentinel doctor');
}

async function bringUpToDate({ store }: Given, dryRun: boolean): Promise<Result<readonly string[], StartFault>> {
  const where = store.postgresUrl === undefined ? store.sqlitePath : 'PostgreSQL';
  const isNew = store.postgresUrl === undefined && !existsSync(store.sqlitePath);
  const database = dryRun && isNew ? undefined : openDatabase(store, { readOnly: dryRun, thread: false });
  try {
    const done = database === undefined || dryRun ? await missingMigrations(database) : await migrate(database, { now: systemClock.wall });
    return done.ok ? done : err(originalsFault(done.error.detail) ?? storeFault(`the store (${where})`, done.error));
  } finally {
    await database?.close();
  }
}

/** The audit of the first form that a gateway with this configuration wrote before. */
async function importOwn(settings: Given, doing: Doing): Promise<Result<ImportReport | undefined, StartFault>> {
  const { sqlitePath } = settings.store;
  if (!existsSync(sqlitePath)) return ok(undefined);
  const source = await openFirstForm(sqlitePath);
  if (!source.ok) return err(storeFault(`the store (${sqlitePath})`, source.error));
  return source.value === undefined ? ok(undefined) : within(source.value, (open) => runImport(settings, open, doing));
}

async function importFrom(settings: Given, from: string, request: MigrateRequest): Promise<Result<ImportReport, StartFault>> {
  if (!settings.audit.enabled) return err(startFault(1, 'SEN-0904', 'the audit of this configuration is switched off: there is no journal to import into', 'name the configuration of the gateway: --config <file>'));
  const isUrl = /^postgres(ql)?:\/\//.test(from);
  const path = resolve(request.cwd, from);
  if (!isUrl && !existsSync(path)) return err(startFault(1, 'SEN-0908', `${path} is not there`, 'sentinel help migrate'));
  const node = request.dryRun ? ok(NOBODY) : loadNode(settings.gateway.stateDir, systemRandom);
  if (!node.ok) return err(storeFault('the state directory', node.error));
  const source = isUrl ? await openOriginal(from, node.value) : await openFirstForm(path);
  if (!source.ok) return err(storeFault(isUrl ? 'the database' : path, withoutPassword(source.error, from)));
  if (source.value === undefined) return err(startFault(1, 'SEN-0601', `${path} holds no audit of the first form`, 'sentinel help migrate'));
  return within(source.value, (open) => runImport(settings, open, request));
}

/** A dry run makes nothing, not even the node's keys; what it counts does not depend on them. */
const NOBODY: Node = { id: '', hmac: () => '', keyFor: () => new Uint8Array(32) };

async function within<T>(source: ImportSource, run: (source: ImportSource) => Promise<T>): Promise<T> {
  try {
    return await run(source);
  } finally {
    await source.close();
  }
}

async function runImport(settings: Given, source: ImportSource, doing: Doing): Promise<Result<ImportReport, StartFault>> {
  const done = doing.dryRun ? await counted(settings, source) : await imported(settings, source, doing);
  if (!done.ok) return err(storeFault(`the audit of ${source.name}, on its way into the journal,`, done.error));
  const rows = await guarded(async () => ok(await source.count(NO_ROW)));
  return ok({ from: source.from, source: source.name, ...done.value, rows: rows.ok ? rows.value : undefined });
}

async function counted(settings: Given, source: ImportSource): Promise<Result<Pick<ImportReport, 'records' | 'interrupted'>, StoreFault>> {
  const pending = await pendingIn(source, journalDirectories(settings));
  return pending.ok ? ok({ records: pending.value, interrupted: false }) : pending;
}

/** In an epoch of its own, of which nothing is written when there is nothing to import. */
async function imported(settings: Given, source: ImportSource, { by, onProgress, signal }: Doing): Promise<Result<Imported, StoreFault>> {
  const node = loadNode(settings.gateway.stateDir, systemRandom);
  if (!node.ok) return node;
  const encoder = createEncoder({ node: node.value, clock: systemClock, random: systemRandom });
  let session: JournalSession | undefined;
  const done = await importAll({
    source, directories: journalDirectories(settings), onProgress, signal,
    session: () => session ??= sessionFor(settings, node.value),
    told: (records) => encoder.lifecycle({ id: systemRandom.uuid(), wall: systemClock.wall(), by, revision: 0, kind: 'imported', from: source.from, records }),
  });
  const ended = await session?.end() ?? ok(undefined);
  return done.ok && !ended.ok ? ended : done;
}

function sessionFor(settings: Given, node: Node): JournalSession {
  const { quota, reserve } = settings.audit;
  return inlineJournal(
    { directories: journalDirectories(settings), stateDir: settings.gateway.stateDir, node: node.id, segmentBytes: SEGMENT_BYTES, bounds: { quota, reserve }, recovers: false },
    { clock: systemClock, random: systemRandom, timers: systemTimers, life: processLife(), onAbandoned: () => {} },
  );
}

export interface StartImport {
  readonly text: string;
  /** Something is left for an operator. */
  readonly warns: boolean;
}

/** More would keep agents waiting: an operator says when. */
const MOST_AT_START = 100_000;

/** At a gateway's start, before its own run begins. What it has to say, if anything; what fails here never keeps the gateway from starting. */
export async function importAtStart(settings: Given, most: number = MOST_AT_START): Promise<StartImport | undefined> {
  if (!settings.audit.enabled) return undefined;
  const doing: Doing = { dryRun: true, by: 'system', onProgress: () => {}, signal: new AbortController().signal };
  const found = await importOwn(settings, doing);
  if (!found.ok) return { text: `${found.error.message}; to try again: sentinel migrate`, warns: true };
  const pending = found.value?.records ?? 0;
  if (pending === 0) return undefined;
  if (pending >= most) return { text: `${pending} records of the audit of before are not in the journal yet: bring them there by sentinel migrate`, warns: true };
  const done = await importOwn(settings, { ...doing, dryRun: false });
  if (!done.ok) return { text: `${done.error.message}; to try again: sentinel migrate`, warns: true };
  return { text: `${done.value?.records ?? 0} records of the audit of before were brought into the journal`, warns: false };
}

function storeFault(where: string, { code, detail }: StoreFault): StartFault {
  if (code === 'schema') return startFault(15, 'SEN-0602', `${where} has another schema: ${detail}`, 'run the version of Sentinel that wrote it, or newer');
  return startFault(1, 'SEN-0601', `${where} cannot be used: ${detail}`, 'sentinel doctor');
}

/** Drivers repeat what they were given in ways of their own. */
function withoutPassword(fault: StoreFault, from: string): StoreFault {
  const password = URL.canParse(from) ? new URL(from).password : '';
  if (password === '') return fault;
  return { ...fault, detail: [password, decoded(password)].reduce((text, one) => text.replaceAll(one, '…'), fault.detail) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
