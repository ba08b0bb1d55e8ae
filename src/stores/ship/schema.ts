// Whether the tables are those that this version writes. Who may make tables brings them up to date; who may not is told who has to.
import type { Timestamp } from '../../core/ids.ts';
import type { StoreFault } from '../../core/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { Secret } from '../../core/secret.ts';
import { codeIn } from '../../core/thrown.ts';
import { openDatabase } from '../database.ts';
import { loadMigrations, migrate, MIGRATIONS } from '../migrate.ts';
import type { Connection } from './connection.ts';
import { strictUrl } from './url.ts';

export async function bringUpToDate(connection: Connection, url: string, now: () => Timestamp): Promise<Result<void, StoreFault>> {
  const known = await loadMigrations(MIGRATIONS);
  if (!known.ok) return known;
  const applied = await appliedNames(connection);
  const names = new Set(known.value.map(({ name }) => name));
  const newer = [...applied].find((name) => !names.has(name));
  if (newer !== undefined) return err({ code: 'schema', detail: `the database was made by a newer version (it has ${newer}); use that version, or another database` });
  const missing = [...names].find((name) => !applied.has(name));
  if (missing === undefined) return ok(undefined);
  if (!(await mayCreate(connection))) return err({ code: 'schema', detail: `the database lacks ${missing}, and this role may not create tables: migrate as their owner` });
  const database = openDatabase({ postgresUrl: new Secret(strictUrl(url)), maxConnections: 1, sqlitePath: '' }, { readOnly: false, thread: false });
  try {
    const migrated = await migrate(database, { now });
    return migrated.ok ? ok(undefined) : migrated;
  } finally {
    await database.close();
  }
}

const UNDEFINED_TABLE = '42P01';

async function appliedNames(connection: Connection): Promise<ReadonlySet<string>> {
  try {
    const { rows } = await connection.ask('select name from sentinel_migration');
    return new Set(rows.map((row) => String(row['name'])));
  } catch (thrown) {
    if (codeIn(thrown) === UNDEFINED_TABLE) return new Set();
    throw thrown;
  }
}

async function mayCreate(connection: Connection): Promise<boolean> {
  const { rows: [row] } = await connection.ask(`select has_schema_privilege(current_schema(), 'create') as may`);
  return row?.['may'] === true;
}
