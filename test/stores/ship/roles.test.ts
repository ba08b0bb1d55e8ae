import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { Secret } from '../../../src/core/secret.ts';
import { openDatabase } from '../../../src/stores/database.ts';
import { migrate } from '../../../src/stores/migrate.ts';
import { createDatabase, startPostgres, testServer } from '../../support/postgres.ts';
import { ask, CLOCK, compared, drained, Journal, migrated, shipping, until } from './synthetic.ts';

const tested = testServer();
const skip = 'skip' in tested ? tested.skip : false;
const SQL = readFileSync(join(import.meta.dirname, '../../../packaging/postgres/roles.sql'), 'utf8');

interface Roles {
  readonly admin: string;
  readonly as: (role: string) => string;
  readonly grant: (by?: string) => Promise<void>;
}

/** Roles belong to a whole server, so this one is nobody else's. */
async function server(t: TestContext): Promise<Roles> {
  const own = await startPostgres();
  t.after(() => own.stop());
  const admin = await createDatabase(own.url);
  return {
    admin,
    as: (role) => {
      const url = new URL(admin);
      url.username = role;
      return url.href;
    },
    grant: async (by = admin) => {
      await ask(by, SQL);
      for (const role of ['sentinel_owner', 'sentinel_app', 'sentinel_auditor']) await ask(by, `alter role ${role} password '${new URL(admin).password}'`);
    },
  };
}

async function refused(url: string, text: string): Promise<void> {
  await assert.rejects(ask(url, text), (thrown) => {
    assert.ok(thrown instanceof Error && 'code' in thrown && thrown.code === '42501', `${text}: ${String(thrown)}`);
    return true;
  });
}

const CHANGES = [
  `update audit_record set decision = 'allow'`, 'delete from audit_record', 'truncate audit_record', 'drop table audit_record', 'alter table audit_record disable trigger all',
  'alter table audit_record detach partition audit_record_default', 'truncate audit_record_default', 'drop table audit_record_default', 'drop trigger audit_record_no_change on audit_record',
  'create or replace function audit_record_frozen() returns trigger language plpgsql as $$ begin return null; end $$', 'drop view audit_log', `set session_replication_role = 'replica'`,
  'update checkpoint set size = 1', 'delete from checkpoint', 'delete from audit_start', 'delete from audit_refused', 'update audit_policy set min_age_days = 1', 'delete from audit_policy',
  'select sentinel_audit_settle()', `select sentinel_audit_make('2020-01-01')`, `select sentinel_audit_grant('sentinel_app', 'sentinel_auditor')`, `insert into sentinel_migration values ('9999_x', 1)`,
  'create table mine (a int)', 'create function format(text, text) returns text language sql as $$ select $1 $$', 'alter sequence audit_record_arrival restart', 'delete from override',
  'insert into audit_record_default select * from audit_record', 'set role sentinel_owner', 'alter role sentinel_app superuser', 'drop schema public cascade',
];

test('with the roles set up first, the owner migrates, the gateway ships, and neither it nor the auditor can change what is written', { skip }, async (t) => {
  const { admin, as, grant } = await server(t);
  await grant();
  const early = shipping(t, as('sentinel_app'), new Journal());
  await until(() => early.shipper.health().fault !== undefined);
  assert.match(String(early.shipper.health().fault?.detail), /lacks 0001_audit, and this role may not create tables: migrate as their owner/);
  await early.shipper.close();
  await migrated(t, as('sentinel_owner'));
  const journal = new Journal();
  journal.add({ ts: Date.now() - 90 * 86_400_000 });
  journal.many(20);
  journal.add({ more: String.raw`,"fault":"\u0000"` });
  journal.sign();
  const one = shipping(t, as('sentinel_app'), journal);
  const { shipped, refused: aside, trouble } = await drained(one);
  assert.deepEqual([shipped, aside, trouble], [21, 1, undefined]);
  await until(async () => (await ask(admin, 'select 1 from checkpoint')).length === 1);
  for (const role of ['sentinel_app', 'sentinel_auditor']) {
    for (const change of CHANGES) await refused(as(role), change);
    assert.equal((await ask(as(role), 'select * from audit_record')).length, 21);
    assert.equal((await ask(as(role), 'select * from audit_log')).length, 0);
  }
  const add = `insert into audit_record (v, node, epoch, seq, id, ts, mono_ns, kind) values (2, 'n', 1, 1, 'i', 1, 1, 'refused')`;
  for (const change of [add, `insert into checkpoint values ('n', 1, 1, '')`, 'insert into override select * from override', 'select sentinel_audit_partitions(1)', `select sentinel_audit_detach('1999-01-01')`]) await refused(as('sentinel_auditor'), change);
  await refused(as('sentinel_app'), 'select sentinel_audit_detach(current_date - 399)');
  await refused(as('sentinel_app'), 'select sentinel_audit_detach(null)');
  assert.deepEqual(await ask(as('sentinel_app'), 'select sentinel_audit_detach(current_date - 400) as name'), []);
  assert.equal((await ask(as('sentinel_app'), add)).length, 0);
  await ask(as('sentinel_app'), `insert into override (id, kind, subject, actor, reason, at) values ('a', 'kill', '{}', 'x', 'y', 1)`);
  await ask(as('sentinel_app'), `update override set undone_at = 2 where id = 'a'`);
});

test('a store that one role has made before is handed over, and owned by nobody who is used at run time', { skip }, async (t) => {
  const { admin, as, grant } = await server(t);
  const journal = new Journal();
  journal.many(20);
  const before = shipping(t, admin, journal);
  await drained(before);
  await before.shipper.close();
  await grant();
  await grant();
  const owners = await ask(admin, `select distinct tableowner as owner from pg_tables where schemaname = 'public'`);
  assert.deepEqual(owners, [{ owner: 'sentinel_owner' }]);
  const journals = journal.records.length;
  journal.many(10);
  const one = shipping(t, as('sentinel_app'), journal);
  assert.deepEqual(await drained(one).then(({ shipped, resent }) => [shipped, resent]), [10, journals]);
  for (const change of CHANGES) await refused(as('sentinel_app'), change);
  assert.deepEqual(await compared(admin, journal), { missing: 0, rows: 30 });
  const database = openDatabase({ postgresUrl: new Secret(as('sentinel_owner')), maxConnections: 1, sqlitePath: '' }, { readOnly: false, thread: false });
  t.after(() => database.close());
  assert.deepEqual(await migrate(database, { now: CLOCK.wall }), { ok: true, value: [] });
});

test('where no superuser is to be had, the owner of the database sets the roles up', { skip }, async (t) => {
  const { admin, as, grant } = await server(t);
  await ask(admin, `create role hoster login createrole password '${new URL(admin).password}'`);
  await ask(admin, `alter database ${new URL(admin).pathname.slice(1)} owner to hoster`);
  const journal = new Journal();
  journal.many(5);
  const before = shipping(t, as('hoster'), journal);
  await drained(before);
  await before.shipper.close();
  await grant(as('hoster'));
  await grant(as('hoster'));
  journal.many(5);
  assert.equal((await drained(shipping(t, as('sentinel_app'), journal))).shipped, 5);
  for (const change of CHANGES) await refused(as('sentinel_app'), change);
});

test('the owner cannot change records either without taking the triggers away first, and a partition is as frozen as the whole', { skip }, async (t) => {
  const { as, grant } = await server(t);
  await grant();
  const owner = as('sentinel_owner');
  await migrated(t, owner);
  const journal = new Journal();
  journal.many(3);
  await drained(shipping(t, as('sentinel_app'), journal));
  const [part] = await ask(owner, 'select distinct tableoid::regclass::text as name from audit_record');
  for (const table of ['audit_record', String(part?.['name']), 'audit_record_default', 'checkpoint', 'audit_start', 'audit_refused']) {
    await refused(owner, `truncate ${table}`);
    if (/^audit_(record(?!_default)|start)/.test(table)) {
      await refused(owner, `delete from ${table}`);
      await refused(owner, `update ${table} set node = 'x'`);
    }
  }
});
