// One connection to the PostgreSQL that a node ships to: every wait bounded, writable, and its commits on the disk.
import { Socket } from 'node:net';
import type pg from 'pg';
import type { StoreFault } from '../../core/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { messageIn } from '../../core/thrown.ts';
import { writeFault } from '../fault.ts';
import { strictUrl } from './url.ts';

export interface Timeouts {
  readonly connectMs: number;
  readonly statementMs: number;
  readonly lockMs: number;
  /** Longer than the server's own limit: reached only when the server or the network is frozen (F31). */
  readonly readMs: number;
}

export const TIMEOUTS: Timeouts = { connectMs: 3000, statementMs: 5000, lockMs: 1000, readMs: 8000 };

export interface Answer {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly count: number;
}

export interface Connection {
  /** Throws what the driver throws. */
  ask(text: string, values?: readonly unknown[]): Promise<Answer>;
  /** Why it is of no use any more: the server has ended it, or the network has. */
  broken(): string | undefined;
  /** At once, whatever runs. */
  close(): void;
}

const INT8 = 20;

export async function connect(url: string, timeouts: Timeouts): Promise<Result<Connection, StoreFault>> {
  let connection: Connection | undefined;
  try {
    // Reads the certificates that the URL names, and so may throw.
    const made = await make(url, timeouts);
    connection = made.connection;
    await made.client.connect();
    const refused = await prepare(connection);
    if (refused === undefined) return ok(connection);
    connection.close();
    return err(refused);
  } catch (thrown) {
    connection?.close();
    return err(writeFault(thrown).fault);
  }
}

async function make(url: string, timeouts: Timeouts): Promise<{ readonly client: pg.Client; readonly connection: Connection }> {
  const { default: driver } = await import('pg');
  const types = new driver.TypeOverrides();
  types.setTypeParser(INT8, Number);
  const socket = new Socket();
  const client = new driver.Client({
    connectionString: strictUrl(url), application_name: 'sentinel-ship', types, keepAlive: true,
    connectionTimeoutMillis: timeouts.connectMs, statement_timeout: timeouts.statementMs, lock_timeout: timeouts.lockMs, query_timeout: timeouts.readMs,
    idle_in_transaction_session_timeout: timeouts.statementMs, stream: () => socket,
  });
  return { client, connection: connectionOver(client, socket) };
}

function connectionOver(client: pg.Client, socket: Socket): Connection {
  let broken: string | undefined;
  client.on('error', (thrown) => (broken ??= messageIn(thrown)));
  client.on('end', () => (broken ??= 'the server has ended the connection'));
  return {
    broken: () => broken,
    ask: async (text, values) => {
      const { rows, rowCount } = await client.query<Record<string, unknown>>(text, values === undefined ? undefined : [...values]);
      return { rows, count: rowCount ?? 0 };
    },
    // A client's own end waits for a server that may be frozen.
    close: () => {
      void client.end().catch(() => undefined);
      socket.destroySoon();
      setImmediate(() => socket.destroy());
    },
  };
}

async function prepare(connection: Connection): Promise<StoreFault | undefined> {
  const { rows: [session] } = await connection.ask(`select current_setting('transaction_read_only') as closed, current_setting('synchronous_commit') as commits`);
  // As target_session_attrs=read-write of libpq (F33): the old primary of a failover answers, and takes nothing.
  if (session?.['closed'] !== 'off') return { code: 'unavailable', detail: 'the server is read-only: a standby, or the primary before a failover' };
  // The cursor moves on at the server's word that a batch is kept, so that word must be true.
  if (session['commits'] === 'off') await connection.ask('set synchronous_commit = on');
  return undefined;
}
