// Kysely over a SqliteSession: Kysely's own adapter, compiler and introspector, our driver.
import {
  CompiledQuery, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler,
  type DatabaseConnection, type Dialect, type Driver, type QueryResult,
} from 'kysely';
import type { SQLInputValue } from 'node:sqlite';
import type { SqliteSession } from './sqlite-session.ts';

export function sqliteDialect(session: SqliteSession): Dialect {
  return {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => driverOver(session),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

function driverOver(session: SqliteSession): Driver {
  const connection: DatabaseConnection = {
    executeQuery: async <R>(query: CompiledQuery): Promise<QueryResult<R>> => {
      const { rows, changes } = await session.execute(query.sql, query.parameters.map(bindable));
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- R is what Kysely derived from the query; no driver can know it
      return { rows: rows as R[], numAffectedRows: BigInt(changes) };
    },
    streamQuery: () => {
      throw new Error('streaming is not offered: page with a cursor');
    },
  };
  // Kysely itself lets one caller at a time have the only connection.
  return {
    init: async () => undefined,
    acquireConnection: async () => connection,
    // IMMEDIATE: a transaction that begins by reading and then writes would fail at once when another process writes.
    beginTransaction: async (one) => void (await one.executeQuery(CompiledQuery.raw('begin immediate'))),
    commitTransaction: async (one) => void (await one.executeQuery(CompiledQuery.raw('commit'))),
    rollbackTransaction: async (one) => void (await one.executeQuery(CompiledQuery.raw('rollback'))),
    releaseConnection: async () => undefined,
    destroy: () => session.close(),
  };
}

function bindable(value: unknown): SQLInputValue {
  if (value === null || typeof value === 'number' || typeof value === 'bigint' || typeof value === 'string') return value;
  throw new TypeError(`a ${typeof value} cannot be stored`);
}
