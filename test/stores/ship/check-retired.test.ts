import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { logOf, NOON, skip, table } from './check-world.ts';
import { ask, DAY } from './synthetic.ts';

describe('after retention', { skip }, () => {
  const DAYS = [40, 39, 38, 3, 0];
  /** Ten records on each of some days; the first run ended before the second day. */
  const gone = logOf({ epoch: 1, count: 10, ts: () => NOON - 41 * DAY });
  const cut = logOf({ epoch: 2, count: 50, ts: (seq) => NOON - (DAYS[Math.floor((seq - 1) / 10)] ?? 0) * DAY });
  const aside = logOf({ epoch: 3, count: 10, ts: () => NOON - 40 * DAY });
  const whole = logOf({ epoch: 4, count: 10, ts: () => NOON - 2 * DAY });

  async function retired(t: Parameters<typeof table>[0]): ReturnType<typeof table> {
    const at = await table(t);
    for (const ago of [41, ...DAYS]) await ask(at.url, `select sentinel_audit_partition((now() at time zone 'UTC')::date - $1::int)`, [ago]);
    await at.ship(gone);
    await at.ship(cut, 15, 29, 30, 31, 50);
    await at.ship(aside);
    await at.ship(whole);
    await ask(at.url, 'update audit_policy set min_age_days = 30');
    await ask(at.url, `select sentinel_audit_detach((now() at time zone 'UTC')::date - 37)`);
    return at;
  }

  test('an epoch is chained from the first record that is left, proven by nothing, and said to be; what is gone whole is counted', async (t) => {
    const at = await retired(t);
    const { problems, epochs: found, said, records } = await at.check();
    assert.deepEqual([problems, records, said.retired], [[], 30, 2]);
    assert.match(String(said.retiredBefore), /^\d{4}-\d\d-\d\d$/);
    assert.deepEqual(found.map(({ epoch, firstSeq, rooted, root, size, signed, unsigned, unchecked, end }) => [epoch, firstSeq, rooted, root === '', size, signed, unsigned, unchecked, end === undefined]), [
      [2, 31, false, true, 50, 0, 20, 5, true], [4, 1, true, false, 10, 10, 0, 0, false],
    ]);
    const anchored = await at.check({ anchors: [gone.note(), cut.note(50), aside.note()] });
    assert.deepEqual([anchored.problems, anchored.passedOver, anchored.epochs[0]?.unchecked], [[], 2, 6]);
  });

  test('what is left is still found to be changed, cut off, or not to begin where the days begin', async (t) => {
    const at = await retired(t);
    await at.tamper('create table kept as select * from audit_record');
    const cases: readonly (readonly [string, RegExp])[] = [
      [`update audit_record set decision = 'deny' where epoch = 2 and seq = 35`, /^changed 2\/35 at audit_record:/],
      ['delete from audit_record where epoch = 2 and seq = 40', /^missing 2\/40 at audit_record:/],
      ['delete from audit_record where epoch = 2 and seq > 45', /^truncated 2\/46 at checkpoint 2\/50 of node /],
      ['delete from audit_record where epoch = 4 and seq < 3', /^missing 4\/1 at audit_record:/],
      ['delete from audit_record where epoch = 4', /^rolled_back 4\/1 at checkpoint 4\/10 of node /],
      [`update audit_record set prev = 'x' where epoch = 2 and seq = 31`, /^unreadable 2\/\d+ at audit_record:/],
    ];
    for (const [change, found] of cases) {
      await at.tamper(change);
      const { problems } = await at.check();
      assert.ok(problems.some(({ problem, epoch, seq, where }) => found.test(`${problem} ${epoch}/${seq} at ${where}`)), `${change}: ${JSON.stringify(problems)}`);
      await at.tamper('truncate audit_record');
      await at.tamper('insert into audit_record select * from kept');
    }
    assert.equal(await at.first(), 'none');
  });

  test('with the detached days all of it is proven again, as long as they are there', async (t) => {
    const at = await retired(t);
    const { problems, epochs: found, records, said } = await at.check({ detached: true });
    assert.deepEqual([problems, records, said.retired], [[], 80, 0]);
    assert.deepEqual(found.map(({ epoch, size, signed, rooted }) => [epoch, size, signed, rooted]), [[1, 10, 10, true], [2, 50, 50, true], [3, 10, 10, true], [4, 10, 10, true]]);
    const [{ name } = {}] = await ask(at.url, `select relname as name from pg_class where relname ~ '^audit_record_\\d{8}$' and not relispartition order by 1 limit 1 offset 1`);
    await at.tamper(`update ${String(name)} set decision = 'deny' where epoch = 2 and seq = 3`);
    assert.match(await at.first({ detached: true }), new RegExp(`^changed 2/3 at ${String(name)}:\\d+$`));
    await at.tamper(`drop table ${String(name)}`);
    assert.deepEqual((await at.check({ detached: true })).problems, [], 'archived from the oldest on');
  });

  test('without retention an epoch that does not begin at its first record misses it', async (t) => {
    const at = await retired(t);
    await at.tamper('update audit_policy set detached_before = null');
    assert.match(await at.first(), /^missing 2\/1 at audit_record:/);
    assert.deepEqual((await at.check()).problems.map(({ problem, epoch }) => [problem, epoch]), [['missing', 2], ['missing_epoch', 1], ['missing_epoch', 3]]);
  });

  test('days that are detached while they are read are no finding', async (t) => {
    const at = await retired(t);
    const onRecords = (): Promise<void> => at.tamper('update audit_policy set detached_before = detached_before + 1');
    await assert.rejects(at.check({ onRecords }), /detached while they were read/);
  });
});
