// Brings a database to the newest schema by the numbered files of migrations/, one process at a time, all or nothing.
// A schema newer than this program is refused: writing into what one does not know is how records get lost.
import { readdir } from 'node:fs/promises';
import { sql, type Kysely, type QueryExecutorProvider, type SchemaModule, type Transaction } from 'kysely';
import { err, ok, type Result } from '../core/result.ts';
import type { StoreFault } from '../core/ports.ts';
import type { Timestamp } from '../core/ids.ts';
import { messageIn } from '../core/thrown.ts';
import type { Database, Engine } from './database.ts';
import { guarded } from './fault.ts';
import type { Schema } from './schema.ts';

type Up = (db: QueryExecutorProvider & { readonly schema: SchemaModule }, engine: Engine) => Promise<void>;

export interface Migration {
  /** File name without its ending: `0001_audit`. */
  readonly name: string;
  readonly up: Up;
}

/** Next to src/ in the source tree and in the built package alike. */
export const MIGRATIONS: URL = new URL('../../migrations/', import.meta.url);
const FILE = /^(\d{4}_[a-z0-9_]+)\.(?:ts|js)$/;
/** Any number will do, as long as nobody else in this database uses it for an advisory lock. */
const LOCK = 7_365_110_117;

export async function loadMigrations(folder: URL): Promise<Result<readonly Migration[], StoreFault>> {
  try {
    const found: Migration[] = [];
    for (const file of (await readdir(folder)).toSorted()) {
      const name = FILE.exec(file)?.[1];
      if (name === undefined) continue;
      const module: unknown = await import(new URL(file, folder).href);
      if (!hasUp(module)) return err({ code: 'schema', detail: `migration ${file} has no up()` });
      found.push({ name, up: module.up });
    }
    return found.length === 0 ? err({ code: 'schema', detail: `no migrations in ${folder.pathname}` }) : ok(found);
  } catch (thrown) {
    return err({ code: 'schema', detail: `migrations could not be read: ${messageIn(thrown)}` });
  }
}

function hasUp(module: unknown): module is { readonly up: Up } {
  return typeof module === 'object' && module !== null && 'up' in module && typeof module.up === 'function';
}

export interface MigrateOptions {
  readonly now: () => Timestamp;
  readonly migrations?: readonly Migration[];
  /** A store that is there stays as it is, and an older one is refused: a gateway of that version may be running on it. */
  readonly onlyNew?: boolean;
}

/** The names that were applied now; empty when the schema was the newest already. */
export async function migrate(database: Database, options: MigrateOptions): Promise<Result<readonly string[], StoreFault>> {
  const loaded = options.migrations === undefined ? await loadMigrations(MIGRATIONS) : ok(options.migrations);
  if (!loaded.ok) return loaded;
  return guarded(() => database.db.transaction().execute((trx) => apply(trx, database.engine, loaded.value, options)));
}

/** Names of what `migrate` would apply, in order. Undefined: a database that is not there yet. */
export async function missingMigrations(database: Database | undefined): Promise<Result<readonly string[], StoreFault>> {
  const looked = await standing(database);
  return looked.ok ? ok(looked.value.missing) : looked;
}

/** For readers: whether the schema is exactly the one this program knows. */
export async function checkSchema(database: Database): Promise<Result<void, StoreFault>> {
  const looked = await standing(database);
  if (!looked.ok) return looked;
  const { missing: [missing], isEmpty } = looked.value;
  if (isEmpty) return err({ code: 'schema', detail: 'the store is empty: start the gateway once to create it' });
  return missing === undefined ? ok(undefined) : err(olderSchema(missing));
}

async function standing(database: Database | undefined): Promise<Result<{ readonly missing: readonly string[]; readonly isEmpty: boolean }, StoreFault>> {
  const loaded = await loadMigrations(MIGRATIONS);
  if (!loaded.ok) return loaded;
  const read = database === undefined ? ok(new Set<string>()) : await guarded(async () => ok(await appliedNames(database.db)));
  // There is no such table: nothing was ever applied.
  const applied = !read.ok && read.error.code === 'schema' ? ok(new Set<string>()) : read;
  if (!applied.ok) return applied;
  const newer = unknownOf(applied.value, loaded.value);
  if (newer !== undefined) return err(newerSchema(newer));
  return ok({ missing: loaded.value.map(({ name }) => name).filter((name) => !applied.value.has(name)), isEmpty: applied.value.size === 0 });
}

async function apply(trx: Transaction<Schema>, engine: Engine, migrations: readonly Migration[], { now, onlyNew = false }: MigrateOptions): Promise<Result<readonly string[], StoreFault>> {
  if (engine === 'postgres') {
    // Waiting for another instance's migration may take longer than an ordinary lock.
    await sql`set local lock_timeout = '6s'`.execute(trx);
    await sql`select pg_advisory_xact_lock(${LOCK})`.execute(trx);
  }
  if (!(await isMade(trx, engine))) {
    await trx.schema.createTable('sentinel_migration').ifNotExists()
      .addColumn('name', 'text', (c) => c.primaryKey())
      .addColumn('applied_at', 'bigint', (c) => c.notNull())
      .execute();
  }
  const applied = await appliedNames(trx);
  const newer = unknownOf(applied, migrations);
  if (newer !== undefined) return err(newerSchema(newer));
  const missing = migrations.filter((one) => !applied.has(one.name));
  if (onlyNew && applied.size > 0 && missing[0] !== undefined) return err(olderSchema(missing[0].name));
  for (const { name, up } of missing) {
    await up(trx, engine);
    await trx.insertInto('sentinel_migration').values({ name, applied_at: now() }).execute();
  }
  return ok(missing.map((one) => one.name));
}

/** Asked first: a role that may make no tables is not even let to make one that is there. */
async function isMade(trx: Transaction<Schema>, engine: Engine): Promise<boolean> {
  if (engine === 'sqlite') return false;
  const { rows: [found] } = await sql<{ made: boolean }>`select to_regclass('sentinel_migration') is not null as made`.execute(trx);
  return found?.made === true;
}

async function appliedNames(db: Kysely<Schema>): Promise<ReadonlySet<string>> {
  const rows = await db.selectFrom('sentinel_migration').select('name').execute();
  return new Set(rows.map((row) => row.name));
}

function unknownOf(applied: ReadonlySet<string>, migrations: readonly Migration[]): string | undefined {
  const known = new Set(migrations.map((one) => one.name));
  return [...applied].find((name) => !known.has(name));
}

function newerSchema(name: string): StoreFault {
  return { code: 'schema', detail: `the store was made by a newer version (it has ${name}); use that version, or another store` };
}

function olderSchema(missing: string): StoreFault {
  return { code: 'schema', detail: `the store lacks ${missing}: start the gateway once to bring it up to date` };
}
