// Puts rows into audit_record: one statement for a group, each row exactly once however often it is sent.
import { CompiledQuery } from 'kysely';
import { err, ok, type Result } from '../core/result.ts';
import type { Database, Engine } from './database.ts';
import { writeFault, type WriteFault } from './fault.ts';
import { AUDIT_COLUMNS, type AuditRow } from './schema.ts';

/** Rows of one statement: times 50 columns, well under SQLite's 32766 and PostgreSQL's 65535 parameters. */
export const GROUP = 128;

const texts: Readonly<Record<Engine, string[]>> = { sqlite: [], postgres: [] };

function insertText(engine: Engine, count: number): string {
  return texts[engine][count] ??= makeText(engine, count);
}

function makeText(engine: Engine, count: number): string {
  const width = AUDIT_COLUMNS.length;
  const mark = (place: number): string => (engine === 'postgres' ? `$${place + 1}` : '?');
  const row = (at: number): string => `(${AUDIT_COLUMNS.map((_, column) => mark(at * width + column)).join(',')})`;
  const rows = Array.from({ length: count }, (_, at) => row(at)).join(',');
  return `insert into audit_record (${AUDIT_COLUMNS.join(',')}) values ${rows} on conflict do nothing`;
}

/**
 * All rows of the group or none. A row that is there already counts as written, so a group whose commit was in doubt may be
 * sent again; an intent that another row has displaced does not.
 */
export async function insertRows(database: Database, rows: readonly AuditRow[]): Promise<Result<void, WriteFault>> {
  try {
    const parameters = rows.flatMap((row) => AUDIT_COLUMNS.map((column) => row[column]));
    const { numAffectedRows } = await database.db.executeQuery(CompiledQuery.raw(insertText(database.engine, rows.length), parameters));
    if (Number(numAffectedRows ?? 0) === rows.length) return ok(undefined);
    return await checkIntents(database, rows);
  } catch (thrown) {
    return err(writeFault(thrown));
  }
}

async function checkIntents(database: Database, rows: readonly AuditRow[]): Promise<Result<void, WriteFault>> {
  const ids = rows.filter((row) => row.kind === 'intent').map((row) => row.id);
  if (ids.length === 0) return ok(undefined);
  const found = await database.db.selectFrom('audit_record').select('id').where('id', 'in', ids).execute();
  if (found.length === ids.length) return ok(undefined);
  return err({ fault: { code: 'corrupt', detail: 'another record stands where the intent belongs' }, row: true });
}
