import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { storable } from '../../../src/core/text.ts';
import { type Log, makeLog, NODE, OTHER, trust } from '../tlog/log.ts';
import { logOf, NOON, skip, table } from './check-world.ts';
import { ask, DAY } from './synthetic.ts';

const MIDNIGHT = NOON + DAY / 2;
const epochs = [1, 2, 3].map((epoch) => logOf({ epoch, count: 40, ts: (seq) => NOON - DAY * (3 - epoch) + seq }));

describe('what PostgreSQL holds', { skip }, () => {
  test('verifies when nobody touched it: several epochs of several nodes, in proof of their checkpoints', async (t) => {
    const at = await table(t);
    const other = logOf({ node: OTHER, count: 5 });
    for (const log of epochs) await at.ship(log, 10, 25, 40);
    await at.ship(other);
    const alone = await at.check();
    assert.deepEqual([alone.problems, alone.records], [[], 120]);
    assert.deepEqual(alone.epochs.map(({ epoch, size, signed, unsigned, unchecked, rooted }) => [epoch, size, signed, unsigned, unchecked, rooted]), [1, 2, 3].map((epoch) => [epoch, 40, 40, 0, 0, true]));
    assert.deepEqual(alone.said, { unchained: 0, aside: 0, others: [OTHER], absent: [], retired: 0, retiredBefore: undefined });
    const both = await at.check({ keys: trust(NODE, OTHER), anchors: [other.note(3)] });
    assert.deepEqual([both.problems, both.records, both.epochs.length, both.said.others], [[], 125, 4, []]);
    assert.deepEqual((await at.check({ keys: trust(NODE, 'elsewhere') })).said.absent, ['elsewhere']);
  });

  test('verifies where days interleave: at midnight, with a clock that was set back by a day or by years, and in the default partition', async (t) => {
    const at = await table(t);
    const jumps = [0, 1, -1, 2, -DAY, DAY, -4000 * DAY, 40 * DAY, -1, 3];
    await at.ship(logOf({ count: 5000, ts: (seq) => MIDNIGHT + (jumps[Math.floor(seq / 7) % jumps.length] ?? 0) }), 1024, 2048, 5000);
    await at.ship(logOf({ epoch: 2, count: 30, ts: (seq) => NOON - seq * DAY }));
    const { problems, records, epochs: [first, second] } = await at.check();
    assert.deepEqual([problems, records, first?.signed, second?.signed], [[], 5030, 5000, 30]);
  });

  test('is missed nowhere while more of it is shipped', async (t) => {
    const at = await table(t);
    const [day, next] = [logOf({ count: 3000, ts: (seq) => MIDNIGHT + (seq % 3) - 1 }), logOf({ epoch: 2, count: 500 })];
    const part = (log: Log, from: number, to: number): Log => ({ ...log, records: log.records.slice(from, to) });
    await at.ship(part(day, 0, 1000), 1000);
    let shipped = false;
    const checked = await at.check({ onRecords: async () => {
      if (shipped) return;
      shipped = true;
      await at.ship(part(day, 1000, 3000), 2000, 3000);
      await at.ship(next);
    } });
    assert.deepEqual([checked.problems, checked.epochs.map(({ epoch, size, signed }) => [epoch, size, signed])], [[], [[1, 1000, 1000]]]);
    assert.equal(await at.first(), 'none');
  });

  test('of version 1 is counted and passed over, also where it has the number of an epoch of today', async (t) => {
    const at = await table(t);
    for (const log of epochs) await at.ship(log);
    await at.tamper(`insert into audit_record (v, node, epoch, seq, id, ts, mono_ns, kind, day) select 1, $1, e, s, 'x', 1, 1, 'refused', d::date
      from generate_series(2, 4) e, generate_series(1, 50) s, unnest(array['2020-01-01', current_date::text]) d`, [NODE]);
    const { problems, records, said } = await at.check();
    assert.deepEqual([problems, records, said.unchained], [[], 120, 300]);
  });

  test('stands for itself where PostgreSQL would not take it: its bytes are read in audit_refused', async (t) => {
    const at = await table(t);
    const odd = (seq: number): string => (seq === 1 || seq === 20 || seq === 21 || seq === 40 ? ',"unknown":1' : '');
    const log = makeLog({ count: 40, body: (seq) => `,"ts":${NOON},"mono_ns":5,"kind":"refused"${odd(seq)}` });
    await at.ship(log, 1, 21, 40);
    await at.ship(makeLog({ epoch: 2, count: 2, body: () => `,"ts":${NOON},"mono_ns":5,"kind":"refused","unknown":1` }));
    const { problems, records, said, epochs: [first, second] } = await at.check();
    assert.deepEqual([problems, records, said.aside, first?.signed, second?.signed], [[], 42, 6, 40, 2]);
    await at.tamper(`insert into audit_refused (node, place, record, state, detail) values ($1, 900, $2, '22000', 'then'), ($1, 901, 'rubbish', 'SHAPE', 'x')`, [NODE, Buffer.from(log.records[4] ?? '')]);
    const later = await at.check();
    assert.deepEqual(later.problems.map(({ problem, where }) => [problem, where]), [['unreadable', 'audit_refused:901']], 'the same record twice is one');
    await at.tamper(`delete from audit_refused where place in (20, 901)`);
    assert.match(await at.first(), /^missing 1\/20 at audit_refused:21$/);
  });

  test('in whose place somebody has put another, stands for itself too: it is the other that is named', async (t) => {
    const at = await table(t);
    const log = logOf({ count: 30 });
    const first = String(log.records[11]).replace('"subject":"alice"', '"subject":"malice"').replace('"id":"0', '"id":"f');
    const stretch = (from: number, to: number): Log => ({ ...log, records: log.records.slice(from, to) });
    await at.ship({ ...log, records: [first] }, 30);
    await at.ship(stretch(0, 11), 30);
    await at.ship(stretch(11, 30), 30);
    const { problems, epochs: [epoch], said } = await at.check();
    assert.deepEqual([problems.map(({ problem, seq, where }) => [problem, seq, where]), epoch?.signed, said.aside], [[['duplicate', 12, 'audit_record:1']], 30, 1]);
    await at.tamper('delete from audit_refused');
    assert.equal(await at.first(), 'changed 1/12 at audit_record:1');
    await at.tamper(`insert into audit_refused (node, place, record, state, detail) values ($1, 77, $2, 'CONFLICT', '')`, [NODE, Buffer.from(first.replace('malice', 'bobby'))]);
    await at.tamper(`update audit_record set subject = 'alice', id = '0' || substr(id, 2) where seq = 12`);
    assert.equal(await at.first(), 'duplicate 1/12 at audit_refused:77', 'as well as what somebody has put there');
  });

  test('can be read by the auditor, who may change nothing', async (t) => {
    const at = await table(t);
    await at.ship(logOf({ count: 20 }));
    const name = `auditor_${new URL(at.url).pathname.slice(3)}`;
    await at.tamper(`create role ${name} login password 'p'`);
    t.after(() => ask(at.url, `drop owned by ${name}; drop role ${name}`));
    await ask(at.url, `select sentinel_audit_grant('nobody_at_all', $1)`, [name]);
    const url = new URL(at.url);
    [url.username, url.password] = [name, 'p'];
    const { problems, records } = await at.check({ url: url.href, detached: true });
    assert.deepEqual([problems, records], [[], 20]);
  });

  test('any text of strangers verifies after the way through PostgreSQL', async (t) => {
    const hostile = fc.array(fc.constantFrom('\u0000', '\ud800', '\udfff', '\u2028', '\u2029', '\u0085', '\ufeff', '\r\n', '\\u0000', '"', '\\', '%n', '\u{1f600}', "'); drop table audit_record; --", '\u0001', '\u001f', '\u007f', '\b\f\t', 'a'), { maxLength: 12 }).map((parts) => storable(parts.join('')));
    const nested = fc.constantFrom('[]', '{"a":1.0,"a":2}', '[1e5,-0,1E-7]', String.raw`{"\u0061":"\u00e9\/"}`, '{"__proto__":1}', String.raw`[["\\u0000"]]`);
    const at = await table(t);
    const runs = fc.sample(fc.array(fc.tuple(hostile, hostile, nested), { minLength: 1, maxLength: 30 }), 60);
    for (const [run, texts] of runs.entries()) {
      const log = makeLog({ epoch: run + 1, count: texts.length, body: (seq) => {
        const [subject, fault, detail] = texts[seq - 1] ?? ['', '', '[]'];
        return `,"ts":${NOON},"mono_ns":5,"kind":"lifecycle","subject":${JSON.stringify(subject)},"fault":${JSON.stringify(fault)},"detail":${detail}`;
      } });
      await at.ship(log, ...new Set([1, texts.length]));
    }
    const { problems, epochs: found } = await at.check();
    assert.deepEqual([problems, found.map(({ signed }) => signed)], [[], runs.map(({ length }) => length)]);
  });
});
