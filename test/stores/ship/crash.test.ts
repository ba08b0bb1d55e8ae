import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { createDatabase, testServer } from '../../support/postgres.ts';
import { ownServer, wire } from './server.ts';
import { ask, compared, drained, Journal, migrated, shipping, until } from './synthetic.ts';

const server = testServer();
const skip = 'skip' in server ? server.skip : false;
const CRASHES = process.env['SENTINEL_TEST_FULL'] === '1' ? 20 : 5;

/** Records come all the time, some at each turn, until it is told to stop. */
function writing(journal: Journal): () => void {
  const timer = setInterval(() => journal.many(7, {}, 1 + (journal.records.length % 3)), 2);
  return () => clearInterval(timer);
}

test('a commit whose answer was lost is sent again, counted, and stored once', { skip }, async (t) => {
  if ('skip' in server) return;
  const url = await createDatabase(server.url);
  await migrated(t, url);
  const line = await wire(t, url);
  const journal = new Journal();
  journal.many(100);
  const one = shipping(t, line.url, journal, { bounds: { batch: 25 } });
  await drained(one);
  line.loseAnswerTo('insert into audit_record ');
  journal.many(100);
  await drained(one);
  assert.equal(line.lost(), 1);
  const { shipped, resent, setBack } = one.shipper.health();
  assert.deepEqual([shipped + resent, resent > 0 && resent <= 25, setBack], [200, true, 0]);
  assert.deepEqual(await compared(url, journal), { missing: 0, rows: 200 });
});

test(`${CRASHES} crashes of PostgreSQL under load: no record is lost, none is doubled, those sent again are counted`, { skip }, async (t) => {
  const own = await ownServer(t);
  const journal = new Journal();
  const stop = writing(journal);
  t.after(stop);
  const line = await wire(t, own.url);
  const one = shipping(t, line.url, journal, { bounds: { batch: 50, checkpointMs: 20 } });
  for (let crash = 0; crash < CRASHES; crash += 1) {
    const before = one.shipper.health().cursor;
    await until(() => one.shipper.health().cursor > before);
    await new Promise((resolve) => setTimeout(resolve, (crash * 37) % 90));
    journal.sign();
    // Every third time the last batch is in doubt as well: committed, and nobody heard of it.
    const lost = line.lost() + (crash % 3 === 0 ? 1 : 0);
    if (crash % 3 === 0) line.loseAnswerTo('insert into audit_record ');
    await until(() => line.lost() === lost);
    await (crash % 2 === 0 ? own.kill() : own.quit());
    await until(() => one.shipper.health().fault !== undefined);
    assert.ok(one.shipper.health().lagRecords > 0);
    await own.start();
  }
  stop();
  const health = await drained(one);
  assert.deepEqual(await compared(own.url, journal), { missing: 0, rows: journal.records.length });
  const epochs = await ask(own.url, 'select epoch::int, count(*)::int as records, max(seq)::int as last from audit_record group by epoch order by epoch');
  assert.deepEqual(epochs.map(({ epoch, records, last }) => [epoch, records === last]), [[1, true], [2, true], [3, true]]);
  assert.ok(health.resent > 0 && health.refused === 0, JSON.stringify(health));
  t.diagnostic(`${journal.records.length} records, ${health.resent} sent again, ${health.setBack} times set back`);
});

test('while the server is away the lag grows and says from when; when it is back the lag drains', { skip }, async (t) => {
  const own = await ownServer(t);
  const journal = new Journal();
  const one = shipping(t, own.url, journal);
  journal.many(10);
  await drained(one);
  await own.quit();
  await until(() => one.shipper.health().fault !== undefined);
  const since = Date.now();
  journal.many(3000, { ts: since });
  const { lagRecords, lagOldest, state, fault } = one.shipper.health();
  assert.deepEqual([lagRecords, lagOldest, state, fault?.code], [3000, since, 'waiting', 'unavailable']);
  await own.start();
  await drained(one);
  assert.deepEqual(await compared(own.url, journal), { missing: 0, rows: 3010 });
});

test('a server that froze is given up after the read timeout, and all is shipped when it thaws', { skip }, async (t) => {
  const own = await ownServer(t);
  const journal = new Journal();
  const one = shipping(t, own.url, journal, { bounds: { timeouts: { connectMs: 200, statementMs: 5000, lockMs: 1000, readMs: 300 } } });
  journal.many(10);
  await drained(one);
  own.freeze();
  journal.many(10);
  await until(() => one.shipper.health().fault !== undefined);
  assert.match(String(one.shipper.health().fault?.detail), /Query read timeout/);
  await until(() => one.told.some(({ fault }) => /timeout expired|Connection terminated/.test(fault?.detail ?? '')));
  own.thaw();
  await drained(one);
  assert.deepEqual(await compared(own.url, journal), { missing: 0, rows: 20 });
});

test('a failover to a server that lacks the end of what was shipped: that end is shipped again', { skip }, async (t) => {
  const own = await ownServer(t);
  const journal = new Journal();
  const one = shipping(t, own.url, journal, { bounds: { batch: 100 } });
  journal.many(2345);
  journal.many(300, {}, 2);
  journal.sign();
  await drained(one);
  await own.quit();
  own.copy();
  await own.start();
  journal.many(1200);
  journal.many(200, {}, 2);
  journal.many(100, {}, 3);
  journal.sign();
  journal.sign(3);
  await drained(one);
  await until(async () => (await ask(own.url, 'select 1 from checkpoint')).length === 3);
  await own.quit();
  await until(() => one.shipper.health().fault !== undefined);
  own.putBack();
  await own.start();
  const health = await drained(one);
  assert.deepEqual({ setBack: health.setBack, fault: health.fault }, { setBack: 1, fault: undefined });
  assert.ok(health.resent <= 100, `${health.resent} sent again`);
  assert.deepEqual(await compared(own.url, journal), { missing: 0, rows: 4145 });
  await until(async () => (await ask(own.url, 'select 1 from checkpoint')).length === 3);
});

test('a server without a free connection is waited for', { skip }, async (t) => {
  const own = await ownServer(t);
  await migrated(t, own.url);
  await own.quit();
  await own.start('max_connections=3', 'superuser_reserved_connections=0', 'max_wal_senders=0', 'autovacuum=off');
  const holders = await Promise.all([1, 2, 3].map(async () => {
    const client = new pg.Client({ connectionString: own.url });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }));
  const journal = new Journal();
  journal.many(10);
  const one = shipping(t, own.url, journal);
  await until(() => one.shipper.health().fault !== undefined);
  assert.match(String(one.shipper.health().fault?.detail), /^53300/);
  await Promise.all(holders.map((client) => client.end()));
  assert.equal((await drained(one)).shipped, 10);
});

test('another database under the same URL is given everything that the journal still has', { skip }, async (t) => {
  if ('skip' in server) return;
  const [first, second] = [await createDatabase(server.url), await createDatabase(server.url)];
  const journal = new Journal();
  journal.many(1500);
  const one = shipping(t, first, journal, {});
  const { cursor } = await drained(one);
  await one.shipper.close();
  let kept = cursor;
  const other = shipping(t, second, journal, { deps: { cursor: { load: () => kept, save: async (rowId) => void (kept = rowId) } } });
  const { setBack, resent } = await drained(other);
  assert.deepEqual([setBack, resent], [1, 0]);
  assert.deepEqual(await compared(second, journal), { missing: 0, rows: 1500 });
});

test('what the journal has given up since, and what was retired in the database, is not asked for again', { skip }, async (t) => {
  if ('skip' in server) return;
  const url = await createDatabase(server.url);
  const journal = new Journal();
  journal.many(10, { ts: Date.now() - 30 * 86_400_000 });
  journal.many(10);
  const one = shipping(t, url, journal);
  const { cursor } = await drained(one);
  await one.shipper.close();
  await ask(url, 'update audit_policy set min_age_days = 20');
  await ask(url, `select sentinel_audit_detach(current_date - 25)`);
  const deps = { cursor: { load: () => cursor, save: async () => undefined } };
  const again = shipping(t, url, journal, { deps });
  const health = await drained(again);
  assert.deepEqual([health.shipped, health.resent, health.setBack], [0, 0, 0]);
  await again.shipper.close();
  // The end of what was shipped is lost: it comes back, and what was retired does not.
  await ask(url, 'alter table audit_record disable trigger user; delete from audit_record where seq > 15');
  const third = await drained(shipping(t, url, journal, { deps }));
  assert.deepEqual([third.shipped, third.setBack], [5, 1]);
  const purged = new Journal();
  purged.many(30);
  const rest = { after: (rowId: number, limit: number) => purged.after(Math.max(rowId, purged.records[19]?.rowId ?? 0), limit), checkpointsFrom: () => [], behind: () => 0 };
  const { setBack } = await drained(shipping(t, url, rest, { deps: { cursor: { load: () => purged.records[14]?.rowId ?? 0, save: async () => undefined } } }));
  assert.equal(setBack, 0);
});
