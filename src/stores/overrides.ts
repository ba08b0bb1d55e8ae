// Kills and revocations that operators gave at run time. Undone ones are kept; whether an `until` has passed is the reader's to say.
import type { KillScope, Override } from '../core/override.ts';
import { backendId, roleName, timestamp, type Timestamp } from '../core/ids.ts';
import type { OverrideStore, StoreFault } from '../core/ports.ts';
import { err, ok, type Result } from '../core/result.ts';
import { cut, storable } from '../core/text.ts';
import type { Database } from './database.ts';
import { guarded } from './fault.ts';
import type { OverrideTable } from './schema.ts';

const WORD_UNITS = 1024;

export interface OverrideRows extends OverrideStore {
  /** Which of these it has at all, undone ones too. */
  known(ids: readonly string[]): Promise<Result<ReadonlySet<string>, StoreFault>>;
}

export function createOverrides({ db }: Database): OverrideRows {
  return {
    known: (ids) => guarded(async () => {
      if (ids.length === 0) return ok(new Set<string>());
      const rows = await db.selectFrom('override').select('id').where('id', 'in', ids).execute();
      return ok(new Set(rows.map(({ id }) => id)));
    }),
    list: () => guarded(async () => {
      const rows = await db.selectFrom('override').selectAll().where('undone_at', 'is', null).orderBy('at').orderBy('id').execute();
      return readAll(rows);
    }),
    add: (override) => guarded(async () => {
      await db.insertInto('override').values(rowOf(override)).execute();
      return ok(undefined);
    }),
    remove: (id, by, reason, at) => guarded(async () => {
      const done = await db.updateTable('override')
        .set({ undone_at: at, undone_by: words(by), undone_reason: words(reason) })
        .where('id', '=', id).where('undone_at', 'is', null).executeTakeFirst();
      return ok(done.numUpdatedRows > 0n);
    }),
  };
}

function words(text: string): string {
  return cut(storable(text), WORD_UNITS);
}

/** The scope is JSON, whose escapes bring any string back exactly: a kill must hit what was named. */
export function rowOf(override: Override): OverrideTable {
  const subject = override.kind === 'kill' ? override.scope : { what: override.what, value: override.value };
  return {
    id: override.id, kind: override.kind, subject: JSON.stringify(subject), actor: words(override.by), reason: words(override.reason),
    at: override.at, until_at: override.until ?? null, undone_at: null, undone_by: null, undone_reason: null,
  };
}

/** One unreadable row makes the list a fault: to skip it would undo somebody's kill without a word. */
function readAll(rows: readonly OverrideTable[]): Result<readonly Override[], StoreFault> {
  const overrides: Override[] = [];
  for (const row of rows) {
    const override = overrideOf(row);
    if (override === undefined) return err({ code: 'corrupt', detail: `override ${row.id} cannot be read` });
    overrides.push(override);
  }
  return ok(overrides);
}

export function overrideOf(row: OverrideTable): Override | undefined {
  const base = { id: row.id, by: row.actor, reason: row.reason, at: timestamp(row.at), until: until(row.until_at) };
  const subject = parsed(row.subject);
  if (row.kind === 'kill') {
    const scope = scopeOf(subject);
    return scope === undefined ? undefined : { ...base, kind: 'kill', scope };
  }
  const { what, value } = subject;
  if (row.kind !== 'revoke' || (what !== 'token' && what !== 'key') || typeof value !== 'string') return undefined;
  return { ...base, kind: 'revoke', what, value };
}

function until(at: number | null): Timestamp | undefined {
  return at === null ? undefined : timestamp(at);
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function scopeOf({ kind, pattern, backend, role, subject }: Readonly<Record<string, unknown>>): KillScope | undefined {
  if (kind === 'all') return { kind };
  if (kind === 'tool' && typeof pattern === 'string') return { kind, pattern };
  if (kind === 'backend' && typeof backend === 'string') return { kind, backend: backendId(backend) };
  if (kind === 'role' && typeof role === 'string') return { kind, role: roleName(role) };
  if (kind === 'subject' && typeof subject === 'string') return { kind, subject };
  return undefined;
}
