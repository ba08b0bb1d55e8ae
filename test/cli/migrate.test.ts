import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { createDatabase, testServer } from '../support/postgres.ts';
import { DDL, inDatabase, insertLog } from '../stores/import/original-table.ts';
import { oldRow, oldRows, oldStore } from '../stores/import/old-store.ts';
import { recordsIn } from '../stores/sample.ts';
import { configured, done, start } from './audit-world.ts';

const server = testServer();

/** Content of every file but those that readers of SQLite leave beside a database. */
function filesIn(folder: string): readonly (readonly [string, string])[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((one) => one.isFile() && !/-(?:wal|shm)$/.test(one.name))
    .map((one) => join(one.parentPath, one.name)).toSorted().map((path) => [path, createHash('sha256').update(readFileSync(path)).digest('hex')]);
}

test('brings the tables to this version and the audit of before into the journal, which verifies', async (t) => {
  const folder = configured(t);
  await oldStore(join(folder, 'state', 'sentinel.db'), oldRows(300));
  const out = await done(start(folder, ['migrate']));
  assert.match(out, /applied 0003_shipped/);
  assert.match(out, /imported 300 records from .*sentinel\.db/);
  assert.match(await done(start(folder, ['audit', 'verify'])), /302 records, 1 epoch, 0 problems/);
  const records = recordsIn(join(folder, 'state'));
  assert.deepEqual([records.length, records.at(-1)?.event, records.at(-1)?.actor, records.at(-1)?.detail], [302, 'imported', 'tester', '{"from":"v1","records":300}']);
  assert.match(await done(start(folder, ['migrate'])), /nothing to do/);
  assert.equal(recordsIn(join(folder, 'state')).length, 302);
  assert.match(await done(start(folder, ['audit', 'show', 'call-1'])), /fs\/read/);
});

test('a dry run says what would be done and writes nothing', async (t) => {
  const folder = configured(t);
  await oldStore(join(folder, 'state', 'sentinel.db'), oldRows(5));
  const before = filesIn(folder);
  assert.deepEqual(JSON.parse(await done(start(folder, ['migrate', '--dry-run', '--json']))), {
    dry_run: true, applied: ['0003_shipped'], imported: { from: 'v1', source: join(folder, 'state', 'sentinel.db'), records: 5, interrupted: false },
  });
  assert.match(await done(start(folder, ['migrate', '--dry-run'])), /would apply 0003_shipped\nwould import 5 records/);
  assert.deepEqual(filesIn(folder), before);
});

test('where there was never a store, it is made; a dry run does not make it', async (t) => {
  const folder = configured(t);
  assert.match(await done(start(folder, ['migrate', '--dry-run'])), /would apply 0001_audit/);
  assert.deepEqual(readdirSync(join(folder, 'state')), []);
  assert.match(await done(start(folder, ['migrate'])), /applied 0001_audit/);
  assert.ok(!existsSync(join(folder, 'state', 'journal')));
});

test('a store of a newer version is refused with exit status 15, before anything is written', async (t) => {
  const folder = configured(t);
  const path = join(folder, 'state', 'sentinel.db');
  await oldStore(path, oldRows(5));
  const database = new DatabaseSync(path);
  database.exec("insert into sentinel_migration values ('9999_later', 1)");
  database.close();
  for (const argv of [['migrate'], ['migrate', '--dry-run'], ['migrate', '--import', path]]) {
    const running = start(folder, argv);
    assert.equal(await running.status, 15, running.err());
    assert.match(running.err(), /SEN-0602[^]*9999_later/);
  }
  assert.ok(!existsSync(join(folder, 'state', 'journal')));
});

test('--import takes another file of the first form, and says what is wrong with one that is none', async (t) => {
  const folder = configured(t);
  const copy = join(folder, 'copy.db');
  await oldStore(copy, [oldRow(1), oldRow(2)]);
  assert.match(await done(start(folder, ['migrate', '--import', 'copy.db'])), /imported 2 records/);
  assert.ok(!existsSync(join(folder, 'state', 'sentinel.db')), 'only the import was asked for');
  for (const [path, said] of [['none.db', /SEN-0908[^]*is not there/], ['sentinel.toml', /SEN-0601/], ['state/journal/00000001.db', /holds no audit of the first form/]] as const) {
    const running = start(folder, ['migrate', '--import', path]);
    assert.equal(await running.status, 1, running.err());
    assert.match(running.err(), said);
  }
});

describe('from PostgreSQL', { skip: 'skip' in server ? server.skip : false }, () => {
  test("--import brings the original's audit_log into the journal, and its password nowhere", async (t) => {
    if ('skip' in server) throw new Error(server.skip);
    const url = await createDatabase(server.url);
    await inDatabase(url, async (client) => {
      await client.query(DDL);
      await insertLog(client, Array.from({ length: 300 }, () => ({})));
    });
    const folder = configured(t);
    const dry = start(folder, ['migrate', '--import', url, '--dry-run']);
    assert.match(await done(dry), /would import 300 records from audit_log of 127\.0\.0\.1/);
    assert.deepEqual(readdirSync(join(folder, 'state')), []);
    const running = start(folder, ['migrate', '--import', url]);
    assert.match(await done(running), /imported 300 records/);
    assert.match(await done(start(folder, ['audit', 'verify'])), /302 records, 1 epoch, 0 problems/);
    assert.match(await done(start(folder, ['migrate', '--import', url])), /^0 new records from audit_log of 127\.0\.0\.1.*, 300 already here\n/);
    const wrong = new URL(url);
    wrong.password = 'not-the-password';
    const refused = start(folder, ['migrate', '--import', wrong.href]);
    assert.equal(await refused.status, 1);
    const said = [dry, running, refused].map((one) => one.out() + one.err()).join('\n');
    for (const secret of [new URL(url).password, 'not-the-password']) assert.ok(!said.includes(secret));
  });

  test("a database that still is the original's is refused with the way out, and the way out works", async (t) => {
    if ('skip' in server) throw new Error(server.skip);
    const url = await createDatabase(server.url);
    await inDatabase(url, async (client) => {
      await client.query(DDL);
      await insertLog(client, [{}, {}, {}]);
    });
    const folder = configured(t);
    const refused = start(folder, ['migrate'], { DATABASE_URL: url });
    assert.equal(await refused.status, 15);
    assert.match(refused.err(), /alter table audit_log rename to audit_log_original/);
    await inDatabase(url, (client) => client.query('alter table audit_log rename to audit_log_original'));
    assert.match(await done(start(folder, ['migrate'], { DATABASE_URL: url })), /applied 0001_audit/);
    assert.match(await done(start(folder, ['migrate', '--import', url], { DATABASE_URL: url })), /imported 3 records/);
  });

  test('a PostgreSQL of this gateway is brought to this version, and a newer one refused', async (t) => {
    if ('skip' in server) throw new Error(server.skip);
    const url = await createDatabase(server.url);
    const folder = configured(t);
    assert.match(await done(start(folder, ['migrate', '--dry-run'], { DATABASE_URL: url })), /would apply 0001_audit/);
    assert.match(await done(start(folder, ['migrate'], { DATABASE_URL: url })), /applied 0001_audit, 0002_override, 0003_shipped/);
    assert.match(await done(start(folder, ['migrate'], { DATABASE_URL: url })), /nothing to do/);
    await inDatabase(url, (client) => client.query("insert into sentinel_migration values ('9999_later', 1)"));
    assert.equal(await start(folder, ['migrate'], { DATABASE_URL: url }).status, 15);
    assert.equal(await start(folder, ['migrate', '--dry-run'], { DATABASE_URL: url }).status, 15);
  });
});
