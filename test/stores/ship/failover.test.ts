// A server that lacks the end of what it was sent: after a failover to a standby that was behind, or a restore.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createDatabase, testServer } from '../../support/postgres.ts';
import { ask, compared, drained, Journal, migrated, shipping, temporary, until } from './synthetic.ts';

const server = testServer();

function fresh(): Promise<string> {
  if ('skip' in server) throw new Error(server.skip);
  return createDatabase(server.url);
}

const lose = (url: string, table: string, where: string): Promise<unknown> =>
  ask(url, `do $$ begin alter table ${table} disable trigger all; delete from ${table} where ${where}; alter table ${table} enable trigger all; end $$`);

describe('a server that lacks an end', { skip: 'skip' in server ? server.skip : false }, () => {
  test('is never ahead with what it refused: what is committed is a beginning of the journal at any moment', async (t) => {
    const [url, journal] = [await fresh(), new Journal()];
    journal.many(19);
    journal.put('{"no":"record"}');
    journal.many(5);
    const one = shipping(t, url, journal);
    await drained(one);
    const commits = await ask(url, `select 'refused' as what, xmin::text::bigint as at from audit_refused union select 'record', xmin::text::bigint from audit_record order by at`);
    assert.deepEqual(commits.map(({ what }) => what), ['record', 'refused', 'record']);
    await one.shipper.close();
    await lose(url, 'audit_record', 'true');
    await lose(url, 'audit_refused', 'true');
    const two = shipping(t, url, journal, { deps: { cursor: one.cursor } });
    await drained(two);
    assert.deepEqual(await compared(url, journal), { missing: 1, rows: 24 });
    assert.equal((await ask(url, 'select 1 from audit_refused')).length, 1);
    assert.equal(two.shipper.health().setBack, 1);
  });

  test('is sent it again although days were retired, and records of those days stand behind it', async (t) => {
    const [url, journal] = [await fresh(), new Journal()];
    await migrated(t, url);
    await ask(url, 'select sentinel_audit_detach(current_date - 400)');
    journal.many(10);
    // A machine without a clock of its own begins in 1970.
    journal.many(10, { ts: 1000 });
    const one = shipping(t, url, journal);
    await drained(one);
    await one.shipper.close();
    await lose(url, 'audit_record', 'seq > 5 and seq <= 10');
    const two = shipping(t, url, journal, { deps: { cursor: one.cursor } });
    const health = await drained(two);
    assert.deepEqual(await compared(url, journal), { missing: 0, rows: 20 });
    assert.equal(health.setBack, 1);
  });

  test('is not sent again what was retired, whether it stands at the end or before what is missing', async (t) => {
    const [url, journal] = [await fresh(), new Journal()];
    await migrated(t, url);
    journal.many(10);
    journal.many(5, { ts: 1000 });
    journal.many(5);
    const one = shipping(t, url, journal);
    await drained(one);
    await ask(url, 'select sentinel_audit_detach(current_date - 400)');
    await lose(url, 'audit_record', 'ts = 1000');
    await one.shipper.close();
    const two = shipping(t, url, journal, { deps: { cursor: one.cursor } });
    assert.deepEqual(await drained(two).then(({ shipped, resent, setBack }) => [shipped, resent, setBack]), [0, 0, 0]);
    await two.shipper.close();
    await lose(url, 'audit_record', 'seq > 15');
    const three = shipping(t, url, journal, { deps: { cursor: one.cursor } });
    assert.deepEqual(await drained(three).then(({ shipped, resent, setBack }) => [shipped, resent, setBack]), [5, 0, 1]);
    await three.shipper.close();
    journal.many(5, { ts: 1000 });
    const four = shipping(t, url, journal, { deps: { cursor: one.cursor } });
    await drained(four);
    await four.shipper.close();
    await lose(url, 'audit_record', 'ts = 1000');
    const five = shipping(t, url, journal, { deps: { cursor: one.cursor } });
    assert.deepEqual(await drained(five).then(({ shipped, resent, setBack }) => [shipped, resent, setBack]), [0, 0, 0]);
  });

  test('gets a lost checkpoint again, of a part of the journal that ended long ago too', async (t) => {
    const [url, journal, folder] = [await fresh(), new Journal(), temporary(t)];
    await migrated(t, url);
    journal.many(1000);
    journal.sign();
    journal.many(5, {}, 2);
    const one = shipping(t, url, journal, { folder });
    await drained(one);
    await until(async () => (await ask(url, 'select 1 from checkpoint')).length === 1);
    await until(() => {
      try {
        return Number(readFileSync(join(folder, 'checkpoints'), 'utf8')) > 2 ** 33;
      } catch {
        return false;
      }
    });
    await lose(url, 'checkpoint', 'true');
    await ask(url, `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'sentinel-ship' and datname = current_database()`);
    journal.many(3, {}, 2);
    await until(async () => (await ask(url, 'select 1 from checkpoint')).length === 1);
    await drained(one);
  });
});
