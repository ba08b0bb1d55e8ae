import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { timestamp } from '../../src/core/ids.ts';
import { openDatabase } from '../../src/stores/database.ts';
import { checkSchema, loadMigrations, migrate, MIGRATIONS, type Migration } from '../../src/stores/migrate.ts';
import { ENGINES, temporaryFolder } from './sample.ts';

const now = () => timestamp(1_700_000_000_000);

test('every file of migrations/ is numbered without a gap and loads', async () => {
  const files = readdirSync(MIGRATIONS).toSorted();
  const loaded = await loadMigrations(MIGRATIONS);
  assert.ok(loaded.ok);
  assert.deepEqual(loaded.value.map((one) => one.name), files.map((file) => file.replace(/\.ts$/, '')));
  assert.deepEqual(files.map((file) => Number(file.slice(0, 4))), files.map((_, at) => at + 1));
});

for (const engine of ENGINES) {
  describe(`migrations on ${engine.name}`, { skip: engine.skip }, () => {
    test('apply once, in order, and a second start finds nothing to do', async (t) => {
      const { open } = await engine.fresh(t);
      const first = await migrate(open(), { now });
      assert.ok(first.ok && first.value[0] === '0001_audit' && first.value[1] === '0002_override');
      assert.deepEqual(await migrate(open(), { now }), { ok: true, value: [] });
    });

    test('of several processes that start at once, one migrates and none fails', async (t) => {
      const { open } = await engine.fresh(t);
      const results = await Promise.all([1, 2, 3].map(() => migrate(open(), { now })));
      assert.deepEqual(results.map((one) => one.ok), [true, true, true], JSON.stringify(results));
      assert.equal(results.filter((one) => one.ok && one.value.length > 0).length, 1);
    });

    test('a schema made by a newer version is refused by writers and readers', async (t) => {
      const { open } = await engine.fresh(t);
      const database = open();
      await migrate(database, { now });
      await database.db.insertInto('sentinel_migration').values({ name: '9999_later', applied_at: 1 }).execute();
      for (const result of [await migrate(database, { now }), await checkSchema(database)]) {
        assert.ok(!result.ok && result.error.code === 'schema' && result.error.detail.includes('9999_later'), JSON.stringify(result));
      }
    });

    test('a migration that fails leaves nothing behind', async (t) => {
      const { open } = await engine.fresh(t);
      const database = open();
      const broken: Migration = {
        name: '0001_broken',
        up: async (db) => {
          await db.schema.createTable('half').addColumn('a', 'text').execute();
          throw new Error('stopped in the middle');
        },
      };
      const result = await migrate(database, { now, migrations: [broken] });
      assert.ok(!result.ok && result.error.detail.includes('stopped in the middle'));
      assert.deepEqual((await database.db.introspection.getTables()).map((one) => one.name), []);
      assert.ok((await migrate(database, { now })).ok);
    });

    test('a reader of an empty store is told to start the gateway', async (t) => {
      const { open } = await engine.fresh(t);
      const result = await checkSchema(open());
      assert.ok(!result.ok && result.error.code === 'schema' && result.error.detail.includes('empty'), JSON.stringify(result));
    });
  });
}

test('a database that cannot be opened is a fault, not a throw, and opening it later works', async (t) => {
  const folder = temporaryFolder(t);
  const database = openDatabase({ postgresUrl: undefined, maxConnections: 1, sqlitePath: join(folder, 'file', 'a.db') }, { readOnly: false, thread: true });
  t.after(() => database.close());
  const { mkdirSync, rmSync } = await import('node:fs');
  mkdirSync(join(folder, 'file', 'a.db'), { recursive: true });
  const first = await migrate(database, { now });
  assert.ok(!first.ok && first.error.code === 'unavailable', JSON.stringify(first));
  rmSync(join(folder, 'file', 'a.db'), { recursive: true });
  assert.ok((await migrate(database, { now })).ok);
});

test('a read-only opening writes nothing and needs a store that exists', async (t) => {
  const folder = temporaryFolder(t);
  const sqlitePath = join(folder, 'none', 'a.db');
  const reader = openDatabase({ postgresUrl: undefined, maxConnections: 1, sqlitePath }, { readOnly: true, thread: false });
  t.after(() => reader.close());
  const result = await checkSchema(reader);
  assert.ok(!result.ok && result.error.code === 'unavailable', JSON.stringify(result));
  assert.deepEqual(readdirSync(folder), []);
});
