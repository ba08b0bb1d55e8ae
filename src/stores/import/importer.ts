// Carries an older audit into the journal: in groups, each on the disk before the next, and each row once, however often it was broken off.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { StoreFault } from '../../core/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { guarded } from '../fault.ts';
import type { Entry } from '../journal/appender.ts';
import type { Directories } from '../journal/folder.ts';
import { tailOf } from '../journal/members.ts';
import type { JournalSession } from '../journal/session.ts';
import type { Values } from '../record.ts';
import { takeLock } from '../lock.ts';
import { importedBehind, newestRow, type Progress, readProgress, saveProgress } from './progress.ts';
import { type ImportRow, type ImportSource, NO_ROW } from './source.ts';

export interface ImportDeps {
  readonly source: ImportSource;
  readonly directories: Directories;
  /** Only asked where there is something to write. Its caller ends it. */
  readonly session: () => JournalSession;
  /** The event `imported`, as a record. */
  readonly told: (records: number) => Values;
  readonly onProgress: (records: number, of: number | undefined) => void;
  readonly signal: AbortSignal;
}

export interface Imported {
  /** By this run. */
  readonly records: number;
  /** Broken off by the signal: the next run goes on. */
  readonly interrupted: boolean;
}

const GROUP = 256;

export function importAll(deps: ImportDeps): Promise<Result<Imported, StoreFault>> {
  return guarded(async () => {
    // Nothing is made for nothing.
    if ((await deps.source.after(NO_ROW, 1)).length === 0) return ok({ records: 0, interrupted: false });
    const [directory] = deps.directories;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const lock = takeLock(join(directory, 'import.lock'));
    if (!lock.ok) return lock;
    if (lock.value === undefined) return err({ code: 'unavailable', detail: 'another process imports into this journal just now' });
    try {
      return await importGroups(deps);
    } finally {
      lock.value.release();
    }
  });
}

/** Rows that an import would bring in; undefined: too many to count in time. Writes nothing. */
export function pendingIn(source: ImportSource, directories: Directories): Promise<Result<number | undefined, StoreFault>> {
  return guarded(async () => {
    const from = await resume(source, directories);
    if (!from.ok) return from;
    const { row, known } = from.value;
    if (known.size === 0) return ok(await source.count(row));
    let pending = 0;
    for (let last = row; ;) {
      const page = await source.after(last, GROUP);
      pending += page.filter(({ values }) => !known.has(values.id)).length;
      last = page.at(-1)?.row ?? last;
      if (page.length < GROUP) return ok(pending);
    }
  });
}

interface Standing {
  readonly row: number;
  readonly id: string;
  /** Ids of what may be in the journal behind that row. */
  readonly known: ReadonlySet<string>;
  readonly untold: number;
}

const NOTHING = { at: 0, untold: 0 } as const;

async function resume(source: ImportSource, directories: Directories): Promise<Result<Standing, StoreFault>> {
  let saved: Progress | undefined;
  // Another table may stand in the place of the one that was read then: its rows are other ones.
  for (const one of readProgress(directories, nameOf(source), source.from)) {
    if ((await source.after(one.row - 1, 1)).some(({ row, values }) => row === one.row && values.id === one.id)) saved ??= one;
  }
  const found = importedBehind(directories, saved ?? NOTHING, source.from);
  if (!found.ok) return found;
  const { ids, untold } = found.value;
  return ok(saved !== undefined ? { row: saved.row, id: saved.id, known: ids, untold } : { row: NO_ROW, id: '', known: ids, untold });
}

function nameOf({ from, name }: ImportSource): string {
  return `${from} ${name}`;
}

async function importGroups(deps: ImportDeps): Promise<Result<Imported, StoreFault>> {
  const { source, directories, onProgress, signal } = deps;
  const from = await resume(source, directories);
  if (!from.ok) return from;
  const { known } = from.value;
  let { row, id, untold } = from.value;
  let records = 0;
  const total = await source.count(row);
  while (!signal.aborted) {
    const page = await source.after(row, GROUP);
    const fresh = page.filter(({ values }) => !known.has(values.id));
    const isLast = page.length < GROUP;
    const tells = isLast && untold + fresh.length > 0;
    const written = await write(deps, fresh, tells ? [deps.told(untold + fresh.length)] : []);
    if (!written.ok) return written;
    records += fresh.length;
    untold = tells ? 0 : untold + fresh.length;
    const last = page.at(-1);
    if (last !== undefined) [row, id] = [last.row, last.values.id];
    if (last !== undefined || tells) {
      const saved = keep(deps, { row, id, untold });
      if (!saved.ok) return saved;
    }
    onProgress(records, total);
    if (isLast) return ok({ records, interrupted: false });
  }
  return ok({ records, interrupted: true });
}

function keep({ source, directories }: ImportDeps, progress: Omit<Progress, 'at'>): Result<void, StoreFault> {
  return saveProgress(directories, nameOf(source), { ...progress, at: newestRow(directories) });
}

async function write({ session }: ImportDeps, rows: readonly ImportRow[], events: readonly Values[]): Promise<Result<void, StoreFault>> {
  const entries = [...rows.map(({ values }) => values), ...events].map(entryOf);
  if (entries.length === 0) return ok(undefined);
  const opened = await session().open();
  if (!opened.ok) return opened;
  const report = session().space();
  // What is left is for calls.
  if (report !== undefined && report.space !== 'enough') return err({ code: 'full', detail: `the journal has ${report.bytes} bytes, and ${report.free} are free on its disk: raise audit.quota, or make room` });
  return session().append(entries);
}

/** Without its call: this run has none under way. */
function entryOf(values: Values): Entry {
  return { n: 0, tail: tailOf(values), kind: values.kind, call: undefined };
}
