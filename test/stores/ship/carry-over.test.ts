import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { Secret } from '../../../src/core/secret.ts';
import { openDatabase, type Database } from '../../../src/stores/database.ts';
import { loadMigrations, migrate, MIGRATIONS, type Migration } from '../../../src/stores/migrate.ts';
import { createDatabase, testServer } from '../../support/postgres.ts';
import { ask, CLOCK, DAY, drained, Journal, NODE, shipping, temporary } from './synthetic.ts';

const server = testServer();
const now = CLOCK.wall;

async function known(): Promise<readonly Migration[]> {
  const loaded = await loadMigrations(MIGRATIONS);
  if (!loaded.ok) throw new Error(loaded.error.detail);
  return loaded.value;
}

interface Old {
  readonly url: string;
  readonly database: Database;
}

/** A store of the release before, with `rows` records over some days. */
async function old(t: TestContext, rows: number, last = Date.now()): Promise<Old> {
  if ('skip' in server) throw new Error(server.skip);
  const url = await createDatabase(server.url);
  const database = openDatabase({ postgresUrl: new Secret(url), maxConnections: 2, sqlitePath: '' }, { readOnly: false, thread: false });
  t.after(() => database.close());
  const done = await migrate(database, { now, migrations: (await known()).slice(0, 2) });
  assert.ok(done.ok, JSON.stringify(done));
  await ask(url, `insert into audit_record (v, node, epoch, seq, id, ts, mono_ns, kind, call_id, subject, roles, method, backend, object_type, object_name, exposed, decision, args, status, code)
    select 1, $1, 1 + n % 3, n, 'id-' || n, $2::bigint - (n % 40) * 86400000::bigint, n, case n % 2 when 0 then 'intent' else 'outcome' end, 'call-' || n / 2, 'alice', '["dev","ops"]', 'tools/call', 'fs',
      'tool', 'read', 'fs__read', 'allow', case n % 2 when 0 then '{"a" : 1.0}' end, 'success', 'ok' from generate_series(1, ${rows}) n`, [NODE, last]);
  return { url, database };
}

const MEMBERS = 'row_id::text, v, node, epoch::text, seq::text, id, ts::text, kind, call_id, subject, roles, args, status, code';

describe('records of the first form', { skip: 'skip' in server ? server.skip : false }, () => {
  test('are carried over whole, on the days on which they were written, and new ones stand beside them', async (t) => {
    const { url, database } = await old(t, 12_345);
    const before = await ask(url, `select ${MEMBERS} from audit_record order by row_id`);
    const log = await ask(url, 'select * from audit_log order by id limit 100');
    assert.deepEqual(await migrate(database, { now }), { ok: true, value: ['0003_shipped'] });
    assert.deepEqual(await ask(url, `select ${MEMBERS} from audit_record order by row_id`), before);
    assert.deepEqual(await ask(url, 'select * from audit_log order by id limit 100'), log);
    assert.deepEqual(await ask(url, `select count(*)::int as wrong from audit_record where day <> (to_timestamp(ts / 1000.0) at time zone 'UTC')::date or prev is not null`), [{ wrong: 0 }]);
    assert.deepEqual(await ask(url, 'select count(*)::int as kept from audit_record_v1'), [{ kept: before.length }]);
    const journal = new Journal();
    journal.many(30);
    assert.deepEqual(await drained(shipping(t, url, journal)).then(({ shipped, resent, fault, trouble }) => ({ shipped, resent, fault, trouble })), { shipped: 30, resent: 0, fault: undefined, trouble: undefined });
    const rows = await ask(url, 'select min(row_id)::int as first from audit_record where v = 2');
    assert.ok(Number(rows[0]?.['first']) > before.length);
    await assert.rejects(ask(url, 'update audit_record set v = 2 where v = 1'), /insert-only/);
    await assert.rejects(ask(url, 'delete from audit_record_v1'), /insert-only/);
    await assert.rejects(ask(url, 'truncate audit_record_first'), /insert-only/);
  });

  test('are retired in one piece, when the last of them is old enough', async (t) => {
    const { url, database } = await old(t, 50, Date.now() - 5 * DAY);
    assert.ok((await migrate(database, { now })).ok);
    assert.deepEqual(await ask(url, `select sentinel_audit_partition(current_date - 20) as state`), [{ state: 'there' }]);
    await ask(url, 'update audit_policy set min_age_days = 1');
    assert.deepEqual(await ask(url, 'select sentinel_audit_detach(current_date - 6) as name'), []);
    assert.deepEqual(await ask(url, 'select count(*)::int as rows from audit_record'), [{ rows: 50 }]);
    assert.deepEqual(await ask(url, 'select sentinel_audit_detach(current_date - 2) as name'), [{ name: 'audit_record_first' }]);
    assert.deepEqual(await ask(url, 'select count(*)::int as rows from audit_record'), [{ rows: 0 }]);
  });

  test('that no reader could read stay where they are, named, and keep no other one', async (t) => {
    const { url, database } = await old(t, 30);
    await ask(url, `insert into audit_record (v, node, epoch, seq, id, ts, mono_ns, kind, roles) values (1, 'n', 9, 1, 'spoilt', 1, 1, 'refused', 'no json')`);
    assert.ok((await migrate(database, { now })).ok);
    assert.deepEqual(await ask(url, 'select count(*)::int as rows from audit_record'), [{ rows: 30 }]);
    assert.deepEqual(await ask(url, `select node, place::int, state, convert_from(record, 'UTF8')::jsonb->>'id' as id from audit_refused`), [{ node: 'v1 n', place: 31, state: '22P02', id: 'spoilt' }]);
    assert.ok((await ask(url, 'select * from audit_log')).length > 0, 'they can be read');
  });

  test('of a wrong clock are carried over too', async (t) => {
    const { url, database } = await old(t, 5);
    const far = `insert into audit_record (v, node, epoch, seq, id, ts, mono_ns, kind) values (1, 'n', 9, $1, $2, $3, 1, 'refused')`;
    for (const [at, ts] of [0, -1, 8e15, Date.now() + 4000 * DAY].entries()) await ask(url, far, [at, `far-${at}`, ts]);
    assert.ok((await migrate(database, { now })).ok);
    assert.deepEqual(await ask(url, `select seq::int, tableoid::regclass::text as part from audit_record where epoch = 9 order by seq`), [
      { seq: 0, part: 'audit_record_first' }, { seq: 1, part: 'audit_record_first' }, { seq: 2, part: 'audit_record_default' }, { seq: 3, part: 'audit_record_default' },
    ]);
  });

  test('stay as they were when a migration fails at the end', async (t) => {
    const { url, database } = await old(t, 100);
    const before = await ask(url, `select ${MEMBERS} from audit_record order by row_id`);
    const broken: Migration = { name: '0004_broken', up: () => Promise.reject(new Error('stopped at the end')) };
    const failed = await migrate(database, { now, migrations: [...await known(), broken] });
    assert.ok(!failed.ok && failed.error.detail.includes('stopped at the end'), JSON.stringify(failed));
    assert.deepEqual(await ask(url, `select ${MEMBERS} from audit_record order by row_id`), before);
    assert.deepEqual(await ask(url, `select to_regclass('audit_record_v1') as v1, to_regclass('checkpoint') as checkpoint`), [{ v1: null, checkpoint: null }]);
    assert.deepEqual(await migrate(database, { now }), { ok: true, value: ['0003_shipped'] });
  });

  test('of a gateway of the release before, that still runs, are taken', async (t) => {
    const { url, database } = await old(t, 10);
    assert.ok((await migrate(database, { now })).ok);
    await ask(url, `insert into audit_record (v, node, epoch, seq, id, ts, mono_ns, kind) values (1, 'other', 1, 1, 'late', $1, 1, 'refused') on conflict do nothing`, [Date.now()]);
    assert.deepEqual(await ask(url, `select v, day = (now() at time zone 'UTC')::date as today from audit_record where id = 'late'`), [{ v: 1, today: true }]);
  });

  test('a store without any leaves no old table behind', async (t) => {
    const { url, database } = await old(t, 0);
    assert.ok((await migrate(database, { now })).ok);
    assert.deepEqual(await ask(url, `select to_regclass('audit_record_v1') as v1, to_regclass('audit_record_first') as first`), [{ v1: null, first: null }]);
  });
});

test('the embedded store keeps its table and its rows', async (t) => {
  const folder = temporary(t);
  const database = openDatabase({ postgresUrl: undefined, maxConnections: 1, sqlitePath: join(folder, 'sentinel.db') }, { readOnly: false, thread: false });
  t.after(() => database.close());
  const migrations = await known();
  assert.ok((await migrate(database, { now, migrations: migrations.slice(0, 2) })).ok);
  const tables = async (): Promise<readonly string[]> => (await database.db.introspection.getTables()).map(({ name, columns }) => `${name} ${columns.map((one) => one.name).join(' ')}`);
  const before = await tables();
  assert.deepEqual(await migrate(database, { now }), { ok: true, value: ['0003_shipped'] });
  assert.deepEqual(await tables(), before);
});
