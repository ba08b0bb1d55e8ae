import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { createDatabase, startPostgres, testServer, type PostgresServer } from './postgres.ts';

async function ask(url: string, sql: string): Promise<Record<string, unknown>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const answer = await client.query<Record<string, unknown>>(sql);
    return answer.rows[0] ?? {};
  } finally {
    await client.end();
  }
}

describe('a PostgreSQL for tests', () => {
  let server: PostgresServer;
  before(async () => {
    server = await startPostgres();
  });
  after(() => server.stop());

  test('is a real PostgreSQL 18, on loopback only', async () => {
    const row = await ask(server.url, `select current_setting('server_version_num')::int as version, current_setting('listen_addresses') as listen`);
    assert.equal(row['listen'], '127.0.0.1');
    assert.ok(Number(row['version']) >= 180_000, String(row['version']));
  });

  test('asks for the password', async () => {
    const url = new URL(server.url);
    url.password = 'wrong';
    await assert.rejects(ask(url.href, 'select 1'), /password authentication failed/);
  });

  test('gives each asker an empty database of its own', async () => {
    const [one, two] = [await createDatabase(server.url), await createDatabase(server.url)];
    await ask(one, 'create table t (id int)');
    await assert.rejects(ask(two, 'select * from t'), /does not exist/);
  });
});

test('after stop nothing answers and the data is gone', async () => {
  const server = await startPostgres();
  const row = await ask(server.url, `select current_setting('data_directory') as folder`);
  await server.stop();
  await assert.rejects(ask(server.url, 'select 1'), /ECONNREFUSED/);
  assert.equal(existsSync(String(row['folder'])), false);
});

test('without a server the test is told why it is skipped', () => {
  assert.deepEqual(testServer({ SENTINEL_TEST_DATABASE_SKIP: 'no binaries for this platform' }), { skip: 'no binaries for this platform' });
  assert.deepEqual(testServer({ SENTINEL_TEST_DATABASE_URL: 'postgres://x' }), { url: 'postgres://x' });
  assert.ok('skip' in testServer({}));
});
