// Opens the configured database. Nothing here knows what is stored; migrate.ts makes the tables.
import { Kysely } from 'kysely';
import type { StoreSettings } from '../core/settings.ts';
import { postgresDialect } from './postgres.ts';
import type { Schema } from './schema.ts';
import { sqliteDialect } from './sqlite-dialect.ts';
import { inlineSession, threadSession } from './sqlite-session.ts';

export type Engine = 'sqlite' | 'postgres';

export interface Database {
  readonly engine: Engine;
  readonly db: Kysely<Schema>;
  /** Waits for what runs, then closes. Idempotent. */
  close(): Promise<void>;
}

export interface OpenOptions {
  /** Readers never create, migrate or write. */
  readonly readOnly: boolean;
  /** SQLite in a thread of its own: the daemon's way. Short-lived commands stay in theirs. */
  readonly thread: boolean;
}

/** Connects at the first statement, so a database that is down is a fault of that statement and not of the start. */
export function openDatabase(settings: StoreSettings, options: OpenOptions): Database {
  const url = settings.postgresUrl?.reveal();
  if (url !== undefined) {
    return wrap('postgres', new Kysely<Schema>({ dialect: postgresDialect({ url, maxConnections: settings.maxConnections, readOnly: options.readOnly }) }));
  }
  const opening = { path: settings.sqlitePath, readOnly: options.readOnly };
  const session = options.thread ? threadSession(opening) : inlineSession(opening);
  return wrap('sqlite', new Kysely<Schema>({ dialect: sqliteDialect(session) }));
}

function wrap(engine: Engine, db: Kysely<Schema>): Database {
  return { engine, db, close: () => db.destroy() };
}
