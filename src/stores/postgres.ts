// Kysely over a pg pool with a bound on every wait, loaded only where PostgreSQL is used. TLS is what the URL's sslmode says (ship/url.ts).
import {
  CompiledQuery, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler,
  type DatabaseConnection, type Dialect, type Driver, type QueryResult,
} from 'kysely';
import type pg from 'pg';
import { TIMEOUTS } from './ship/connection.ts';
import { strictUrl } from './ship/url.ts';

export interface PostgresOptions {
  readonly url: string;
  readonly maxConnections: number;
  readonly readOnly: boolean;
}

/** A person waits for it, and holds nobody up: a filter without an index reads the whole audit. */
const READER_STATEMENT_MS = 60_000;
const INT8 = 20;

export function postgresDialect(options: PostgresOptions): Dialect {
  return {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => driverOver(options),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  };
}

function driverOver(options: PostgresOptions): Driver {
  let pool: pg.Pool | undefined;
  const clients = new WeakMap<DatabaseConnection, () => void>();
  const command = async (connection: DatabaseConnection, text: string): Promise<void> => {
    await connection.executeQuery(CompiledQuery.raw(text));
  };
  return {
    init: async () => {
      pool = await openPool(options);
    },
    acquireConnection: async () => {
      if (pool === undefined) throw new Error('the pool is closed');
      const { connection, release } = connectionOver(await pool.connect());
      clients.set(connection, release);
      return connection;
    },
    beginTransaction: (connection) => command(connection, 'begin'),
    commitTransaction: (connection) => command(connection, 'commit'),
    rollbackTransaction: (connection) => command(connection, 'rollback'),
    releaseConnection: async (connection) => clients.get(connection)?.(),
    destroy: async () => {
      const closing = pool;
      pool = undefined;
      await closing?.end();
    },
  };
}

/** A connection on which a query broke off without the server's word is never given to the next caller (F31, F33). */
function connectionOver(client: pg.PoolClient): { readonly connection: DatabaseConnection; readonly release: () => void } {
  let broken = false;
  const connection: DatabaseConnection = {
    executeQuery: async <R>(query: CompiledQuery): Promise<QueryResult<R>> => {
      try {
        const answer = await client.query(query.sql, [...query.parameters]);
        // oxlint-disable-next-line typescript/no-unsafe-assignment -- R is what Kysely derived from the query; no driver can know it
        const rows: R[] = answer.rows;
        return { rows, numAffectedRows: BigInt(answer.rowCount ?? 0) };
      } catch (thrown) {
        broken ||= !(thrown instanceof Error && 'severity' in thrown);
        throw thrown;
      }
    },
    streamQuery: () => {
      throw new Error('streaming is not offered: page with a cursor');
    },
  };
  return { connection, release: () => client.release(broken) };
}

async function openPool(options: PostgresOptions): Promise<pg.Pool> {
  const { default: driver } = await import('pg');
  const { connectMs, statementMs, lockMs, readMs } = TIMEOUTS;
  const types = new driver.TypeOverrides();
  // Row numbers, sizes and times come as bigint; all of ours fit a double.
  types.setTypeParser(INT8, Number);
  const pool = new driver.Pool({
    connectionString: strictUrl(options.url),
    max: options.maxConnections,
    application_name: 'sentinel',
    connectionTimeoutMillis: connectMs,
    statement_timeout: options.readOnly ? READER_STATEMENT_MS : statementMs,
    lock_timeout: lockMs,
    query_timeout: options.readOnly ? READER_STATEMENT_MS + readMs - statementMs : readMs,
    idle_in_transaction_session_timeout: statementMs,
    keepAlive: true,
    allowExitOnIdle: true,
    types,
    ...(options.readOnly ? { options: '-c default_transaction_read_only=on' } : {}),
  });
  // Without a listener, an idle connection that the server closes ends the process.
  pool.on('error', () => undefined);
  return pool;
}
