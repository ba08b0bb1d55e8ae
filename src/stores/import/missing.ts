// What `migrate` would do to a database, without doing it.
import type { StoreFault } from '../../core/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import type { Database } from '../database.ts';
import { guarded } from '../fault.ts';
import { loadMigrations, MIGRATIONS } from '../migrate.ts';

/** Names in order. Undefined: a database that is not there yet. */
export async function missingMigrations(database: Database | undefined): Promise<Result<readonly string[], StoreFault>> {
  const known = await loadMigrations(MIGRATIONS);
  if (!known.ok) return known;
  const names = known.value.map(({ name }) => name);
  if (database === undefined) return ok(names);
  const applied = await guarded(async () => ok((await database.db.selectFrom('sentinel_migration').select('name').execute()).map(({ name }) => name)));
  // There is no such table: nothing was ever applied.
  if (!applied.ok) return applied.error.code === 'schema' ? ok(names) : applied;
  const newer = applied.value.find((name) => !names.includes(name));
  if (newer !== undefined) return err({ code: 'schema', detail: `the store was made by a newer version (it has ${newer}); use that version, or another store` });
  return ok(names.filter((name) => !applied.value.includes(name)));
}
