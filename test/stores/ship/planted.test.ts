// What somebody who could once make things in the gateway's database may have left there, or may ask for now, to run with another's rights.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createDatabase, type PostgresServer, startPostgres, testServer } from '../../support/postgres.ts';
import { ask, migrated } from './synthetic.ts';

const tested = testServer();
const skip = 'skip' in tested ? tested.skip : false;
const SQL = readFileSync(join(import.meta.dirname, '../../../packaging/postgres/roles.sql'), 'utf8');

type Url = (role?: string) => string;

// Roles belong to a whole server, so this one is nobody else's.
let own: PostgresServer | undefined;

async function database(): Promise<Url> {
  own ??= await startPostgres();
  const admin = await createDatabase(own.url);
  // The role that one gateway had for everything.
  await ask(admin, `do $$ begin if not exists (select from pg_roles where rolname = 'gw') then create role gw login password '${new URL(admin).password}'; end if; end $$`);
  return (role) => {
    const url = new URL(admin);
    if (role !== undefined) url.username = role;
    return url.href;
  };
}

async function grant(as: Url): Promise<void> {
  await ask(as(), SQL);
  for (const role of ['sentinel_owner', 'sentinel_app', 'sentinel_auditor']) await ask(as(), `alter role ${role} password '${new URL(as()).password}'`);
}

after(() => own?.stop());

const ROW = `insert into audit_record (v, node, epoch, seq, id, ts, mono_ns, kind) values (2, 'n', 1, 1, 'i', 1, 1, 'refused')`;
const EVIL = 'alter table audit_record disable trigger all; delete from audit_record';

async function rowsIn(as: Url): Promise<unknown> {
  return (await ask(as(), 'select count(*)::int as rows from audit_record'))[0]?.['rows'];
}

test('a function that is none of the gateway\'s is not taken over with the owner\'s rights', { skip }, async (t) => {
  const as = await database();
  await ask(as(), 'grant create on schema public to gw');
  await migrated(t, as('gw'));
  await ask(as('gw'), 'create function sentinel_audit_x(t text) returns void language plpgsql security definer as $$ begin execute t; end $$');
  await assert.rejects(grant(as), /the function sentinel_audit_x\(text\) is none of the gateway's: drop it first/);
  await ask(as(), 'drop function sentinel_audit_x(text)');
  await grant(as);
});

test('functions put before those of PostgreSQL run neither as who sets up the roles nor as the owner', { skip }, async (t) => {
  const [first, as] = [await database(), await database()];
  await grant(first);
  await ask(as(), 'grant create on schema public to gw');
  const planted = (head: string, answer: string): string => `create function ${head} language plpgsql as $$ begin
    if current_user <> 'gw' then ${EVIL}; end if; return ${answer}; end $$`;
  await ask(as(), 'grant create on schema public to gw');
  await ask(as('gw'), planted('format(text, text) returns text', 'pg_catalog.format($1, $2)'));
  await ask(as('gw'), planted('to_char(date, text) returns text', 'pg_catalog.to_char($1::timestamp, $2)'));
  await ask(as('gw'), planted('pg_has_role(text, oid, text) returns boolean', 'false'));
  await ask(as('gw'), planted('equals(oid, regnamespace) returns boolean', 'true'));
  await ask(as('gw'), 'create operator = (leftarg = oid, rightarg = regnamespace, function = equals)');
  await ask(as(), 'grant create on schema public to sentinel_owner');
  await migrated(t, as('sentinel_owner'));
  await ask(as(), ROW);
  await ask(as(), SQL);
  await ask(as('sentinel_app'), 'select sentinel_audit_partition(current_date - 100)');
  await ask(as('sentinel_owner'), 'select sentinel_audit_partitions(14)');
  assert.equal(await rowsIn(as), 1);
});

test('a gateway\'s role that once made the tables keeps no right to make anything', { skip }, async (t) => {
  const [first, as] = [await database(), await database()];
  await grant(first);
  await ask(as(), 'grant create on schema public to sentinel_app');
  await migrated(t, as('sentinel_app'));
  await grant(as);
  await assert.rejects(ask(as('sentinel_app'), 'create function to_char(date, text) returns text language sql as $$ select $2 $$'), { code: '42501' });
  await assert.rejects(ask(as('sentinel_app'), 'delete from audit_record'), { code: '42501' });
});

test('a gateway\'s role that owns the database is refused: it could take all of it away', { skip }, async () => {
  const [first, as] = [await database(), await database()];
  await grant(first);
  await ask(as(), `alter database ${new URL(as()).pathname.slice(1)} owner to sentinel_app`);
  // Before version 15 the schema is not the database owner's, and there is nothing to refuse.
  const [schema] = await ask(as(), `select pg_has_role('sentinel_app', nspowner, 'member') as owns from pg_namespace where nspname = 'public'`);
  if (schema?.['owns'] === true) await assert.rejects(grant(as), /sentinel_app owns the schema public or its database/);
});

test('days are made and detached as they are meant, whatever style of dates the caller has', { skip }, async (t) => {
  const as = await database();
  await grant(as);
  await migrated(t, as('sentinel_owner'));
  await ask(as('sentinel_owner'), 'update audit_policy set min_age_days = 300');
  for (const style of ['SQL, DMY', 'German, MDY', 'Postgres, MDY', 'ISO, DMY']) {
    const url = `${as('sentinel_app')}?options=${encodeURIComponent(`-c datestyle=${style.replace(/ /g, '')}`)}`;
    await ask(url, 'select sentinel_audit_partition(day::date) from generate_series(current_date - 60, current_date - 20, interval \'1 day\') day');
    await ask(url, 'select sentinel_audit_detach(current_date - 301)');
  }
  const wrong = await ask(as(), `select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'audit_record'::regclass and c.relname ~ '[0-9]{8}$'
    and pg_get_expr(c.relpartbound, c.oid) not like '%(''' || to_char(to_date(right(c.relname, 8), 'YYYYMMDD'), 'YYYY-MM-DD') || ''')%TO%'`);
  assert.deepEqual(wrong, []);
});

test('nobody but the owner chooses the number of a row', { skip }, async (t) => {
  const as = await database();
  await grant(as);
  await migrated(t, as('sentinel_owner'));
  await assert.rejects(ask(as('sentinel_app'), ROW.replace('(v,', '(row_id, v,').replace('(2,', '(9223372036854775807, 2,')), { code: '42501' });
  await assert.rejects(ask(as('sentinel_app'), `select setval('audit_record_arrival', 9223372036854775807)`), { code: '42501' });
  await ask(as('sentinel_app'), ROW);
  assert.equal(await rowsIn(as), 1);
});
