import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createDatabase, testServer } from '../../support/postgres.ts';
import { ask, compared, DAY, drained, Journal, migrated, shipping } from './synthetic.ts';

const server = testServer();

async function fresh(): Promise<string> {
  if ('skip' in server) throw new Error(server.skip);
  return createDatabase(server.url);
}

const dayName = (ago: number): string => `audit_record_${new Date(Date.now() - ago * DAY).toISOString().slice(0, 10).replaceAll('-', '')}`;

describe('days and their retirement', { skip: 'skip' in server ? server.skip : false }, () => {
  test('partitions stand ready for two weeks, are made once, and never too far ahead or back', async (t) => {
    const url = await fresh();
    await migrated(t, url);
    const made = await ask(url, `select for_day - (now() at time zone 'UTC')::date as ahead, state from sentinel_audit_partitions(16)`);
    assert.deepEqual(made.map(({ ahead, state }) => `${String(ahead)} ${String(state)}`), Array.from({ length: 17 }, (_, ahead) => `${ahead} ${ahead <= 14 ? 'there' : 'made'}`));
    assert.equal((await ask(url, 'select * from sentinel_audit_partitions(1000000)')).length, 32);
    assert.equal((await ask(url, 'select * from sentinel_audit_partitions(-5)')).length, 1);
    const states = await ask(url, `select sentinel_audit_partition((now() at time zone 'UTC')::date + ahead) as state from unnest(array[32, 31, -400, -401, null]) ahead`);
    assert.deepEqual(states.map(({ state }) => state), ['refused', 'there', 'made', 'refused', 'refused']);
  });

  test('several that make them at once make each once', async (t) => {
    const url = await fresh();
    await migrated(t, url);
    const states = await Promise.all(Array.from({ length: 6 }, () => ask(url, 'select sentinel_audit_partition(current_date - 50) as state')));
    assert.deepEqual(states.map(([row]) => row?.['state']).toSorted(), ['made', 'there', 'there', 'there', 'there', 'there']);
  });

  test('a day that has records in the default partition says so, until they are settled', async (t) => {
    const url = await fresh();
    await migrated(t, url);
    const today = dayName(0);
    await ask(url, `alter table audit_record detach partition ${today}`);
    await ask(url, `drop table ${today}`);
    const journal = new Journal();
    journal.many(5);
    await ask(url, `insert into audit_record (v, node, epoch, seq, id, ts, mono_ns, kind) values (2, 'n', 1, 1, 'i', $1, 1, 'refused')`, [Date.now()]);
    const [first] = await ask(url, 'select state from sentinel_audit_partitions(0)');
    assert.equal(first?.['state'], 'default');
    const one = shipping(t, url, journal);
    assert.match(String((await drained(one)).trouble), /are in the default partition/);
    await one.shipper.close();
    assert.deepEqual(await ask(url, 'select sentinel_audit_settle()::int as moved'), [{ moved: 6 }]);
    assert.deepEqual(await ask(url, 'select distinct tableoid::regclass::text as part from audit_record'), [{ part: today }]);
    assert.deepEqual(await ask(url, 'select state from sentinel_audit_partitions(0)'), [{ state: 'there' }]);
    await assert.rejects(ask(url, 'truncate audit_record_default'), /insert-only/);
    await assert.rejects(ask(url, 'delete from audit_record'), /insert-only/);
  });

  test('detaching takes whole days older than asked, names them, and leaves them as frozen tables', async (t) => {
    const url = await fresh();
    await migrated(t, url);
    const journal = new Journal();
    for (const ago of [40, 39, 38, 2, 0]) journal.many(2, { ts: Date.now() - ago * DAY });
    const one = shipping(t, url, journal);
    await drained(one);
    await assert.rejects(ask(url, `select sentinel_audit_detach((now() at time zone 'UTC')::date - 38)`), /the last 400 days stay/);
    await ask(url, 'update audit_policy set min_age_days = 30');
    await assert.rejects(ask(url, `select sentinel_audit_detach((now() at time zone 'UTC')::date - 29)`), /the last 30 days stay/);
    await ask(url, 'update audit_policy set hold = true');
    await assert.rejects(ask(url, `select sentinel_audit_detach((now() at time zone 'UTC')::date - 38)`), /on hold/);
    await ask(url, 'update audit_policy set hold = false');
    const detached = `select sentinel_audit_detach((now() at time zone 'UTC')::date - 38) as name`;
    assert.deepEqual(await ask(url, detached), [{ name: dayName(40) }, { name: dayName(39) }]);
    assert.deepEqual(await ask(url, detached), []);
    assert.deepEqual(await compared(url, journal), { missing: 4, rows: 6 });
    assert.deepEqual(await ask(url, `select count(*)::int as rows from ${dayName(39)}`), [{ rows: 2 }]);
    for (const change of ['delete from', 'truncate', 'update']) {
      await assert.rejects(ask(url, `${change} ${dayName(39)}${change === 'update' ? ' set v = 1' : ''}`), /insert-only/);
    }
    assert.deepEqual(await ask(url, `select sentinel_audit_partition((now() at time zone 'UTC')::date - 39) as state`), [{ state: 'refused' }]);
    await ask(url, 'update audit_policy set min_age_days = 400');
    assert.deepEqual(await ask(url, `select sentinel_audit_partition((now() at time zone 'UTC')::date - 39) as state`), [{ state: 'detached' }]);
  });

  test('the policy is one row, and says at least a day', async (t) => {
    const url = await fresh();
    await migrated(t, url);
    assert.deepEqual(await ask(url, 'select min_age_days, hold, detached_before from audit_policy'), [{ min_age_days: 400, hold: false, detached_before: null }]);
    await assert.rejects(ask(url, 'update audit_policy set min_age_days = 0'), /check constraint/);
    await assert.rejects(ask(url, 'insert into audit_policy default values'), /duplicate key/);
    await assert.rejects(ask(url, 'insert into audit_policy (one) values (false)'), /check constraint/);
  });
});
