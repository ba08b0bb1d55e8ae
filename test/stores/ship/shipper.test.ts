import assert from 'node:assert/strict';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { MEMBER_NAMES } from '../../../src/stores/journal/members.ts';
import { fileCursor } from '../../../src/stores/ship/cursor.ts';
import { createDatabase, testServer } from '../../support/postgres.ts';
import { ask, compared, DAY, drained, Journal, migrated, opened, shipping, temporary, until } from './synthetic.ts';

const server = testServer();

function fresh(): Promise<string> {
  if ('skip' in server) throw new Error(server.skip);
  return createDatabase(server.url);
}

describe('the shipper', { skip: 'skip' in server ? server.skip : false }, () => {
  test('makes the tables, ships everything once and in order, and then what comes', async (t) => {
    const url = await fresh();
    const journal = new Journal();
    journal.many(1200);
    journal.sign();
    const one = shipping(t, url, journal, { bounds: { batch: 100 } });
    await drained(one);
    journal.many(5);
    journal.many(3, {}, 2);
    one.shipper.nudge();
    const health = await drained(one);
    assert.deepEqual({ ...health, cursor: 0 }, {
      state: 'shipping', cursor: 0, lagRecords: 0, lagOldest: undefined, shipped: 1208, resent: 0, refused: 0, conflicts: 0, setBack: 0, fault: undefined, trouble: undefined,
    });
    assert.equal(health.cursor, journal.records.at(-1)?.rowId);
    const rows = await ask(url, 'select epoch, seq from audit_record order by row_id');
    assert.deepEqual(rows.map(({ epoch, seq }) => `${String(epoch)}/${String(seq)}`), [...Array.from({ length: 1205 }, (_, at) => `1/${at + 1}`), '2/1', '2/2', '2/3']);
    const days = await ask(url, `select distinct day = (now() at time zone 'UTC')::date as today, tableoid::regclass::text ~ '_[0-9]{8}$' as dated from audit_record`);
    assert.deepEqual(days, [{ today: true, dated: true }]);
    assert.deepEqual(await ask(url, 'select epoch::int, size::int, note from checkpoint'), [{ epoch: 1, size: 1200, note: 'note of 1/1200\n' }]);
  });

  test('goes on where the process before it ended, and what is sent again is counted and not doubled', async (t) => {
    const [url, folder, journal] = [await fresh(), temporary(t), new Journal()];
    journal.many(40);
    const first = shipping(t, url, journal, { folder });
    await drained(first);
    await first.shipper.close();
    assert.equal(first.shipper.health().state, 'closed');
    journal.many(10);
    const second = shipping(t, url, journal, { folder });
    assert.deepEqual(await drained(second).then(({ shipped, resent }) => ({ shipped, resent })), { shipped: 10, resent: 0 });
    await second.shipper.close();
    // The cursor of a process that died before it was saved.
    writeFileSync(join(folder, 'cursor'), `${String(journal.records[19]?.rowId)}\n`);
    const third = shipping(t, url, journal, { folder, bounds: { batch: 7 } });
    assert.deepEqual(await drained(third).then(({ shipped, resent, setBack }) => ({ shipped, resent, setBack })), { shipped: 0, resent: 30, setBack: 0 });
    assert.deepEqual(await compared(url, journal), { missing: 0, rows: 50 });
  });

  test('of two processes on one state directory one ships, and the other takes over when it ends', async (t) => {
    const [url, folder, journal] = [await fresh(), temporary(t), new Journal()];
    journal.many(20);
    const first = shipping(t, url, journal, { folder });
    await drained(first);
    const second = shipping(t, url, journal, { folder });
    await until(() => second.shipper.health().state === 'standby');
    journal.many(20);
    await drained(first);
    assert.equal(second.shipper.health().shipped, 0);
    await first.shipper.close();
    journal.many(20);
    await drained(second);
    assert.deepEqual([first.shipper.health().shipped, second.shipper.health().shipped, second.shipper.health().resent], [40, 20, 0]);
    assert.equal(statSync(join(folder, 'ship.lock')).mode & 0o777, 0o600);
    assert.equal(statSync(join(folder, 'cursor')).mode & 0o777, 0o600);
  });

  test('a checkpoint is not shipped before the records it covers', async (t) => {
    const [url, journal] = [await fresh(), new Journal()];
    await migrated(t, url);
    await ask(url, `create function late() returns trigger language plpgsql as $$ begin
      if (select count(*) from audit_record where epoch = new.epoch) < new.size then raise exception 'too early'; end if; return new; end $$`);
    await ask(url, 'create trigger late before insert on checkpoint for each row execute function late()');
    const one = shipping(t, url, journal, { bounds: { batch: 10 } });
    for (let round = 0; round < 30; round += 1) {
      journal.many(25);
      journal.sign();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await drained(one);
    await until(async () => (await ask(url, 'select 1 from checkpoint')).length === 30);
    assert.deepEqual(one.told.filter(({ fault }) => fault !== undefined), []);
  });

  test('checkpoints that the server has lost are shipped again with the next connection, and those it has are not', async (t) => {
    const [url, journal] = [await fresh(), new Journal()];
    const asked: number[] = [];
    const source = {
      after: (rowId: number, limit: number) => journal.after(rowId, limit), behind: (rowId: number) => journal.behind(rowId),
      checkpointsFrom: (rowId: number, known: ReadonlyMap<number, number>) => {
        asked.push(known.get(1) ?? 0);
        return journal.checkpointsFrom(rowId);
      },
    };
    for (const count of [3, 4]) {
      journal.many(count);
      journal.sign();
    }
    const one = shipping(t, url, source);
    await drained(one);
    await until(() => asked.at(-1) === 7);
    await ask(url, 'alter table checkpoint disable trigger user; delete from checkpoint where size = 7');
    const cut = `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'sentinel-ship' and datname = current_database()`;
    await ask(url, cut);
    await until(async () => (await ask(url, 'select 1 from checkpoint')).length === 2);
    assert.ok(one.told.some(({ fault }) => fault !== undefined), 'the loss of the connection was noticed, though nothing was to be sent');
    await until(() => asked.at(-1) === 7);
    await ask(url, `create function again() returns trigger language plpgsql as $$ begin raise exception 'again'; end $$`);
    await ask(url, 'create trigger again before insert on checkpoint for each statement execute function again()');
    await ask(url, cut);
    journal.many(1);
    await until(async () => (await ask(url, 'select 1 from audit_record')).length === 8);
    assert.deepEqual(one.told.filter(({ fault }) => fault?.detail.includes('again') === true), []);
  });

  test('records of other days get their partitions, and what has none is in the default partition and says so', async (t) => {
    const [url, journal] = [await fresh(), new Journal()];
    journal.add({ ts: Date.now() - 20 * DAY });
    journal.add({ ts: 5 });
    journal.many(2);
    const one = shipping(t, url, journal, { bounds: { partitionsMs: 0 } });
    await drained(one);
    await until(() => one.shipper.health().trouble !== undefined);
    assert.match(String(one.shipper.health().trouble), /records of 1970-01-01 are in the default partition: .*sentinel_audit_settle/);
    const rows = await ask(url, `select to_char(day, '"audit_record_"YYYYMMDD') as day, tableoid::regclass::text as part from audit_record order by seq`);
    assert.deepEqual(rows.map(({ day, part }) => (day === part ? 'own' : part)), ['own', 'audit_record_default', 'own', 'own']);
    assert.deepEqual(await ask(url, 'select sentinel_audit_settle()::int as moved'), [{ moved: 0 }]);
    journal.add({ ts: Date.now() - 500 * DAY });
    await drained(one);
    assert.deepEqual(await ask(url, 'select sentinel_audit_settle()::int as moved'), [{ moved: 1 }]);
    assert.deepEqual(await compared(url, journal), { missing: 0, rows: 5 });
  });

  test('a batch is bounded in length, and a record longer than that goes alone', async (t) => {
    const [url, journal] = [await fresh(), new Journal()];
    await migrated(t, url);
    await ask(url, 'create table sizes (n bigint)');
    await ask(url, `create function sized() returns trigger language plpgsql as $$ begin insert into sizes select count(*) from added; return null; end $$`);
    await ask(url, 'create trigger sized after insert on audit_record referencing new table as added for each statement execute function sized()');
    for (const length of [10, 10, 5000, 10, 1600, 1600, 10]) journal.add({ more: `,"fault":"${'x'.repeat(length)}"` });
    await drained(shipping(t, url, journal, { bounds: { batchUnits: 4000 } }));
    assert.deepEqual((await ask(url, 'select n::int from sizes')).map(({ n }) => n), [2, 1, 3, 1]);
  });

  test('a commit is asked to be on the disk even where the server would not wait for it', async (t) => {
    const url = await fresh();
    await ask(url, `alter database ${new URL(url).pathname.slice(1)} set synchronous_commit = off`);
    const connection = await opened(t, url);
    assert.deepEqual((await connection.ask('show synchronous_commit')).rows, [{ synchronous_commit: 'on' }]);
  });

  test('every member of a record has its column, in the order of the record', async (t) => {
    const url = await fresh();
    await migrated(t, url);
    const rows = await ask(url, `select column_name as name from information_schema.columns where table_name = 'audit_record' order by ordinal_position`);
    assert.deepEqual(rows.map(({ name }) => name), ['row_id', ...MEMBER_NAMES, 'day']);
  });
});

test('a cursor is whole or the one before, and a damaged one is none', async (t) => {
  const folder = temporary(t);
  const path = join(folder, 'cursor');
  const cursor = fileCursor(path);
  assert.equal(cursor.load(), 0);
  await cursor.save(2 ** 40);
  assert.equal(cursor.load(), 2 ** 40);
  for (const damaged of ['', '-1\n', 'x', '1.5', '9007199254740993', '\u0000\u0000']) {
    writeFileSync(path, damaged);
    assert.equal(cursor.load(), 0, damaged);
  }
});
