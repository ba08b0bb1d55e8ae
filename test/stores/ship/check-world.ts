// Chained and signed records in PostgreSQL, and somebody who may change them: a superuser for whom no trigger fires.
import { Secret } from '../../../src/core/secret.ts';
import type { TestContext } from 'node:test';
import pg from 'pg';
import { openDatabase } from '../../../src/stores/database.ts';
import { checkShipped, type ShippedFindings } from '../../../src/stores/ship/check.ts';
import type { Connection } from '../../../src/stores/ship/connection.ts';
import { sendCheckpoints, sendRecords, sortOut } from '../../../src/stores/ship/sender.ts';
import { nodeOf } from '../../../src/stores/tlog/checkpoint.ts';
import type { VerifierKey } from '../../../src/stores/tlog/note.ts';
import type { Verdict } from '../../../src/stores/tlog/verdict.ts';
import { createVerifier } from '../../../src/stores/tlog/verify.ts';
import { createDatabase, testServer } from '../../support/postgres.ts';
import { type Log, makeLog, NODE, trust, type Wish } from '../tlog/log.ts';
import { DAY, migrated } from './synthetic.ts';

const server = testServer();
export const skip: string | false = 'skip' in server ? server.skip : false;

/** A quiet hour of today, so that what is said to be some minutes later is on the same day. */
export const NOON: number = Math.floor(Date.now() / DAY) * DAY + DAY / 2;

/** What a record says besides its place, at a time. */
export function body(ts: number, more = ''): string {
  return `,"ts":${ts},"mono_ns":5,"kind":"outcome","subject":"alice","roles":["developer"],"method":"tools/call","decision":"allow","trail":[{"stage":"kill","rule":"kill:none","decision":"pass"}],"revision":7,"is_error":0${more}`;
}

export function logOf(wish: Omit<Wish, 'body'> & { readonly ts?: (seq: number) => number; readonly more?: (seq: number) => string }): Log {
  const { ts = () => NOON, more = () => '', ...rest } = wish;
  return makeLog({ ...rest, body: (seq) => body(ts(seq), more(seq)) });
}

export interface Checked extends Verdict {
  readonly said: Omit<ShippedFindings, 'problems'>;
}

export interface Table {
  readonly url: string;
  readonly connection: Connection;
  /** As the shipper does, with checkpoints of these sizes; none said: of all. */
  ship(log: Log, ...sizes: readonly number[]): Promise<void>;
  /** Without triggers. */
  tamper(text: string, values?: readonly unknown[]): Promise<void>;
  check(given?: { readonly keys?: readonly VerifierKey[]; readonly anchors?: readonly string[]; readonly detached?: boolean; readonly url?: string; readonly onRecords?: () => Promise<void> }): Promise<Checked>;
  /** The first problem as one short text. */
  first(given?: Parameters<Table['check']>[0]): Promise<string>;
}

export async function table(t: TestContext): Promise<Table> {
  if ('skip' in server) throw new Error(server.skip);
  const url = await createDatabase(server.url);
  const connection = await migrated(t, url);
  let place = 0;
  const check: Table['check'] = async ({ keys = trust(NODE), anchors = [], detached = false, url: as = url, onRecords = async () => {} } = {}) => {
    const verifier = createVerifier({ keys });
    if (!verifier.ok) throw new Error(verifier.error.detail);
    for (const anchor of anchors) verifier.value.anchor(anchor, 'anchor');
    const database = openDatabase({ postgresUrl: new Secret(as), maxConnections: 2, sqlitePath: '' }, { readOnly: true, thread: false });
    try {
      const nodes = new Set(keys.flatMap((key) => nodeOf(key) ?? []));
      const checked = await checkShipped(verifier.value, database.db, { nodes, detached, onRecords, signal: new AbortController().signal });
      if (!checked.ok) throw new Error(checked.error.detail);
      const { problems, ...said } = checked.value;
      const verdict = verifier.value.finish();
      return { ...verdict, problems: [...problems, ...verdict.problems], said };
    } finally {
      await database.close();
    }
  };
  return {
    url, connection, check,
    ship: async (log, ...sizes) => {
      const waiting = log.records.map((record) => ({ rowId: place += 1, record }));
      while (waiting.length > 0) {
        const sorted = sortOut(waiting.slice(0, 500));
        const sent = await sendRecords(connection, log.node, sorted);
        if (!sent.ok) throw new Error(sent.error.detail);
        waiting.splice(0, sorted.good.length + sorted.bad.length);
      }
      const signed = sizes.length === 0 ? [log.records.length] : sizes;
      await sendCheckpoints(connection, log.node, signed.map((size) => ({ epoch: log.epoch, size, note: log.note(size) })));
    },
    tamper: async (text, values = []) => {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      try {
        await client.query('set session_replication_role = replica');
        await client.query(text, [...values]);
      } finally {
        await client.end();
      }
    },
    first: async (given) => {
      const { problems: [found] } = await check(given);
      return found === undefined ? 'none' : `${found.problem} ${found.epoch}/${found.seq} at ${found.where}`;
    },
  };
}
