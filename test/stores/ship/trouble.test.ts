import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import pg from 'pg';
import { fileCursor } from '../../../src/stores/ship/cursor.ts';
import { createDatabase, testServer } from '../../support/postgres.ts';
import { ask, compared, DAY, drained, Journal, migrated, NODE, shipping, temporary, until } from './synthetic.ts';

const server = testServer();

function fresh(): Promise<string> {
  if ('skip' in server) throw new Error(server.skip);
  return createDatabase(server.url);
}

describe('a shipper in trouble', { skip: 'skip' in server ? server.skip : false }, () => {
  test('another record in the place of one stops nothing: ours is put aside, and somebody is told', async (t) => {
    const [url, journal] = [await fresh(), new Journal()];
    await migrated(t, url);
    journal.many(20);
    const one = shipping(t, url, journal);
    await drained(one);
    // By whoever holds the role that the gateways share: the record that is next, and the checkpoint behind it.
    await ask(url, `insert into audit_record (v, node, epoch, seq, prev, id, ts, mono_ns, kind, day) select 2, node, epoch, 22, 'p', 'forged', $1::bigint, 1, 'outcome', (to_timestamp($1::bigint / 1000.0) at time zone 'UTC')::date
      from audit_record where seq = 20`, [Date.now()]);
    await ask(url, `insert into checkpoint values ($1, 1, 30, 'forged')`, [NODE]);
    const ts = Date.now();
    journal.many(10, { ts });
    journal.sign();
    journal.many(5, { ts });
    journal.sign();
    await until(() => one.shipper.health().conflicts === 2);
    const { state, fault, refused, shipped, trouble } = await drained(one);
    assert.deepEqual([state, fault, refused, shipped], ['shipping', undefined, 1, 34]);
    assert.match(String(trouble), new RegExp(`somebody else writes under the id of this node \\(${NODE}\\): in the place of 2 of its records or checkpoints stand others`));
    const aside = await ask(url, `select state, detail, convert_from(record, 'UTF8') as record from audit_refused`);
    assert.deepEqual(aside, [{ state: 'CONFLICT', detail: 'another record stands at epoch 1, seq 22', record: journal.records[21]?.record }]);
    await until(async () => (await ask(url, 'select 1 from checkpoint where size = 35')).length === 1);
  });

  test('a copy that runs on another day is found too, by the first record of its run', async (t) => {
    const [url, journal, copy] = [await fresh(), new Journal(), new Journal()];
    journal.many(3, { ts: Date.now() - 3 * DAY });
    copy.add({ id: 'another' });
    await drained(shipping(t, url, journal));
    const { state, fault } = await drained(shipping(t, url, copy));
    assert.deepEqual([state, fault?.code], ['halted', 'corrupt']);
    assert.deepEqual(await compared(url, journal), { missing: 0, rows: 3 });
  });

  test('another first record of the run stops it: two directories would mix', async (t) => {
    const [url, journal] = [await fresh(), new Journal()];
    await migrated(t, url);
    await ask(url, `insert into audit_start values ($1, 1, 'forged', 0)`, [NODE]);
    journal.many(3);
    const one = shipping(t, url, journal);
    const { state, fault } = await drained(one);
    assert.deepEqual([state, fault?.code], ['halted', 'corrupt']);
    assert.match(String(fault?.detail), new RegExp(`node id ${NODE} writes from two places: .* epoch 1, seq 1\\.`));
    assert.ok(one.told.some((told) => told.state === 'halted'), 'it was told');
  });

  test('a default partition too large to look through in time keeps no record waiting', async (t) => {
    const [url, journal] = [await fresh(), new Journal()];
    await migrated(t, url);
    await ask(url, `create or replace function sentinel_audit_partitions(days_ahead int) returns table (for_day date, state text) language plpgsql as $$ begin perform pg_sleep(60); end $$`);
    journal.many(50);
    const one = shipping(t, url, journal, { bounds: { timeouts: { connectMs: 3000, statementMs: 150, lockMs: 100, readMs: 8000 } } });
    await until(() => one.shipper.health().shipped === 50);
    assert.match(String(one.shipper.health().trouble), /a partition could not be made: .*statement timeout/);
  });

  test('what readers could not read is no row: one such row would hide all the others', async (t) => {
    const [url, journal] = [await fresh(), new Journal()];
    journal.many(3);
    const spoilt = [
      ',"roles":{"a":1}', String.raw`,"roles":["\u0000"]`, ',"args":{"a":1e999999}', ',"admit_us":9007199254740993', ',"admit_us":-9223372036854775808',
    ].map((more) => journal.put(`{"v":2,"node":"${NODE}","epoch":1,"seq":${journal.records.length + 1},"prev":"${'x'.repeat(43)}","id":"spoilt-${journal.records.length}","ts":${Date.now()},"mono_ns":1,"kind":"intent","object_type":"tool"${more}}`));
    journal.many(3);
    const { shipped, refused, fault } = await drained(shipping(t, url, journal));
    assert.deepEqual([shipped, refused, fault], [6, spoilt.length, undefined]);
    assert.equal((await ask(url, 'select state from audit_refused')).length, spoilt.length);
    await ask(url, `select * from audit_log`);
    await assert.rejects(ask(url, `insert into audit_record (v, node, epoch, seq, id, ts, mono_ns, kind, roles) values (2, 'x', 1, 1, 'i', 1, 1, 'intent', 'not json')`), /invalid input syntax for type json/);
  });

  test('records that PostgreSQL refuses are put aside whole, and the others go on', async (t) => {
    const [url, journal] = [await fresh(), new Journal()];
    journal.many(100);
    const nul = journal.add({ more: String.raw`,"fault":"a\u0000b"` });
    journal.many(100);
    const unknown = journal.put(`{"v":3,"node":"${NODE}","epoch":1,"seq":202,"id":"x","ts":1,"mono_ns":1,"kind":"refused","hue":"red"}`);
    const ancient = journal.add({ ts: -(2 ** 53) + 1 });
    const torn = journal.put('{"v":2,"no');
    journal.many(100);
    const health = await drained(shipping(t, url, journal));
    assert.deepEqual([health.shipped, health.refused, health.resent, health.fault], [300, 4, 0, undefined]);
    const rows = await ask(url, `select place::text, convert_from(record, 'UTF8') as record, state, detail from audit_refused order by audit_refused.place`);
    assert.deepEqual(rows.map(({ place, record, state }) => [Number(place), record, state]), [
      [nul.rowId, nul.record, '22P05'], [unknown.rowId, unknown.record, 'SHAPE'], [ancient.rowId, ancient.record, '22008'], [torn.rowId, torn.record, 'SHAPE'],
    ]);
    assert.match(String(rows[0]?.['detail']), /unsupported Unicode escape sequence/);
  });

  test('a refused record, sent again, is put aside once', async (t) => {
    const [url, journal] = [await fresh(), new Journal()];
    journal.add({ more: String.raw`,"fault":"\u0000"` });
    journal.many(3);
    await drained(shipping(t, url, journal));
    const again = await drained(shipping(t, url, journal));
    assert.deepEqual([again.shipped, again.resent, again.refused], [0, 3, 1]);
    assert.equal((await ask(url, 'select 1 from audit_refused')).length, 1);
  });

  test('a table without its partitions, the default one too, is a fault of the schema and puts no record aside', async (t) => {
    const [url, journal] = [await fresh(), new Journal()];
    await migrated(t, url);
    await ask(url, 'alter table audit_record detach partition audit_record_default');
    await ask(url, `create or replace function sentinel_audit_partition(for_day date) returns text language sql as $$ select 'refused' $$`);
    journal.add({ ts: Date.now() - 20 * DAY });
    const one = shipping(t, url, journal);
    await until(() => one.shipper.health().fault !== undefined);
    assert.match(String(one.shipper.health().fault?.detail), /no partition of relation/);
    await ask(url, 'alter table audit_record attach partition audit_record_default default');
    assert.deepEqual(await drained(one).then(({ shipped, refused }) => ({ shipped, refused })), { shipped: 1, refused: 0 });
  });

  test('a schema of a newer version is refused before anything is written', async (t) => {
    const [url, journal] = [await fresh(), new Journal()];
    await migrated(t, url);
    await ask(url, `insert into sentinel_migration values ('9999_later', 1)`);
    journal.many(3);
    const one = shipping(t, url, journal);
    await until(() => one.shipper.health().fault !== undefined);
    assert.deepEqual([one.shipper.health().fault?.code, one.shipper.health().lagRecords], ['schema', 3]);
    assert.match(String(one.shipper.health().fault?.detail), /9999_later/);
    assert.deepEqual(await compared(url, journal), { missing: 3, rows: 0 });
  });

  test('a server that takes no writes is waited for, and told apart', async (t) => {
    const [url, journal] = [await fresh(), new Journal()];
    await migrated(t, url);
    const name = new URL(url).pathname.slice(1);
    await ask(url, `alter database ${name} set default_transaction_read_only = on`);
    journal.many(3);
    const one = shipping(t, url, journal);
    await until(() => one.shipper.health().fault !== undefined);
    assert.match(String(one.shipper.health().fault?.detail), /read-only/);
    await ask(url, `alter database ${name} reset default_transaction_read_only`).catch(async () => {
      await ask(`${url}?options=-c%20default_transaction_read_only%3Doff`, `alter database ${name} reset default_transaction_read_only`);
    });
    await drained(one);
    assert.deepEqual(await compared(url, journal), { missing: 0, rows: 3 });
  });

  test('a lock that another holds is waited for without a connection left behind, and then all is shipped', async (t) => {
    const [url, journal] = [await fresh(), new Journal()];
    await migrated(t, url);
    const holder = new pg.Client({ connectionString: url });
    await holder.connect();
    await holder.query('begin');
    await holder.query('lock table audit_record in access exclusive mode');
    journal.many(3);
    const one = shipping(t, url, journal, { bounds: { timeouts: { connectMs: 3000, statementMs: 5000, lockMs: 50, readMs: 8000 } } });
    await until(() => one.told.filter(({ fault }) => fault !== undefined).length > 0);
    assert.match(String(one.shipper.health().fault?.detail), /^55P03/);
    await holder.query('rollback');
    await holder.end();
    await drained(one);
    await one.shipper.close();
    assert.deepEqual(await compared(url, journal), { missing: 0, rows: 3 });
    await until(async () => (await ask(url, `select 1 from pg_stat_activity where application_name = 'sentinel-ship' and datname = current_database()`)).length <= 1);
  });

  test('a server too slow for a whole batch is sent less at once', async (t) => {
    const [url, journal] = [await fresh(), new Journal()];
    await migrated(t, url);
    await ask(url, `create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(0.02); return new; end $$`);
    await ask(url, 'create trigger slow before insert on audit_record for each row execute function slow()');
    journal.many(60);
    const one = shipping(t, url, journal, { bounds: { timeouts: { connectMs: 3000, statementMs: 400, lockMs: 300, readMs: 3000 } } });
    const health = await drained(one);
    assert.deepEqual([health.shipped, health.refused], [60, 0]);
    assert.ok(one.told.some(({ fault }) => fault?.detail.startsWith('57014') === true), 'the whole batch was too much');
  });

  test('a cursor that cannot be saved is said, and does not stop it', async (t) => {
    const [url, journal, folder] = [await fresh(), new Journal(), temporary(t)];
    journal.many(10);
    const path = join(folder, 'none', 'cursor');
    const one = shipping(t, url, journal, { folder, deps: { cursor: fileCursor(path) } });
    await drained(one);
    await until(() => one.shipper.health().trouble?.includes('the cursor could not be saved: ENOENT') === true);
    mkdirSync(join(folder, 'none'));
    journal.many(10);
    await drained(one);
    await until(() => one.shipper.health().trouble === undefined);
    assert.equal(readFileSync(path, 'utf8'), `${String(journal.records.at(-1)?.rowId)}\n`);
  });

  test('a journal that cannot be read is a fault, and is read when it can be', async (t) => {
    const [url, journal] = [await fresh(), new Journal()];
    journal.many(10);
    let broken = true;
    const source = {
      after: (rowId: number, limit: number) => {
        if (broken) throw new Error('the segment is gone');
        return journal.after(rowId, limit);
      },
      checkpointsFrom: () => [], behind: (rowId: number) => journal.behind(rowId),
    };
    const one = shipping(t, url, source);
    await until(() => one.shipper.health().fault?.detail === 'the segment is gone' && one.shipper.health().state === 'waiting');
    broken = false;
    assert.equal((await drained(one)).shipped, 10);
  });

  test('a wrong password, a host that is not there and a broken URL are faults without the password in them', async (t) => {
    const url = new URL(await fresh());
    url.password = 'very-secret-word';
    const wrong = shipping(t, url.href, new Journal());
    url.hostname = 'nowhere.invalid';
    const nowhere = shipping(t, url.href, new Journal());
    const broken = shipping(t, 'postgres://sentinel:very-secret-word@[::1/none', new Journal());
    for (const one of [wrong, nowhere, broken]) {
      await until(() => one.shipper.health().fault !== undefined);
      assert.equal(one.shipper.health().fault?.code, 'unavailable');
      assert.ok(!JSON.stringify(one.shipper.health()).includes('very-secret-word'));
    }
  });
});
