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
  test('another record in the same place is a fault that names the place, and stops it', async (t) => {
    const [url, journal, copy] = [await fresh(), new Journal(), new Journal()];
    // Of one moment: else they differ from the first record on.
    const ts = Date.now();
    journal.many(30, { ts });
    copy.many(20, { ts });
    copy.add({ ts, more: ',"subject":"another"' });
    copy.many(9, { ts });
    await drained(shipping(t, url, journal));
    const other = shipping(t, url, copy);
    const { state, fault, cursor } = await drained(other);
    assert.equal(state, 'halted');
    assert.equal(fault?.code, 'corrupt');
    assert.match(fault.detail, new RegExp(`node id ${NODE} writes from two places: .* epoch 1, seq 22\\.`));
    assert.equal(cursor, 0);
    assert.deepEqual(await compared(url, journal), { missing: 0, rows: 30 });
    assert.ok(other.told.some(({ state }) => state === 'halted'), 'it was told');
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

  test('two checkpoints of one size are a fault that stops it', async (t) => {
    const [url, journal] = [await fresh(), new Journal()];
    journal.many(3);
    journal.sign();
    const one = shipping(t, url, journal);
    await drained(one);
    await until(async () => (await ask(url, 'select 1 from checkpoint')).length === 1);
    await one.shipper.close();
    journal.checkpoints.pop();
    journal.sign(1, 'another tree\n');
    const { state, fault } = await drained(shipping(t, url, journal)).then(async () => {
      const again = shipping(t, url, journal);
      await until(() => again.shipper.health().state === 'halted');
      return again.shipper.health();
    });
    assert.deepEqual([state, fault?.code], ['halted', 'corrupt']);
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
