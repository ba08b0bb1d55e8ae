import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test, type TestContext } from 'node:test';
import { beginningsOf, checkJournal, claimedBefore } from '../../../src/stores/journal/check.ts';
import { PackedPages } from '../../../src/stores/journal/packed.ts';
import { makeSegment } from '../../../src/stores/journal/segment.ts';
import type { Divergence } from '../../../src/stores/tlog/verdict.ts';
import { createVerifier } from '../../../src/stores/tlog/verify.ts';
import { type Log, makeLog, NODE, trust } from '../tlog/log.ts';

interface Segment {
  readonly folder: string;
  readonly database: DatabaseSync;
}

/** A segment that anybody may change. */
function segment(t: TestContext, number: number, baseEpoch: number, logs: readonly (readonly [Log, from: number])[]): Segment {
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-check-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, `${String(number).padStart(8, '0')}.db`);
  makeSegment(path, { number, node: NODE, createdAt: 1, baseEpoch, previous: undefined });
  const database = new DatabaseSync(path);
  t.after(() => database.close());
  for (const change of ['update', 'delete']) database.exec(`drop trigger record_no_${change}`);
  for (const [log, from] of logs) {
    const { epoch, prev, frontier } = log.before(from);
    database.prepare('insert into epoch (epoch, mark, started_at, ended_at, first_seq, prev, frontier, open) values (?, ?, 1, 2, ?, ?, ?, ?)').run(epoch, 'mark', from, prev, JSON.stringify(frontier), '[]');
    for (const [at, record] of log.records.slice(from - 1).entries()) database.prepare('insert into record (epoch, seq, record) values (?, ?, ?)').run(epoch, from + at, record);
    database.prepare('insert into checkpoint values (?, ?, ?)').run(epoch, log.records.length, log.note());
  }
  return { folder, database };
}

async function problemsOf(folder: string): Promise<readonly Divergence[]> {
  const verifier = createVerifier({ keys: trust(NODE), starts: beginningsOf([folder]), claimed: claimedBefore([folder]) });
  assert.ok(verifier.ok);
  const beside = await checkJournal(verifier.value, [folder], { onRecords: () => {} });
  return [...beside, ...verifier.value.finish().problems];
}

test('runs that began and ended beside a longer one, in a segment that has had its time, are not missed', async (t) => {
  const log = (epoch: number): Log => makeLog({ epoch, count: 5 });
  const told = (epoch: number): Log => makeLog({ epoch, count: 5, body: (seq) => (seq === 3 ? ',"event":"segment_retired","detail":{"segment":6}' : '') });
  const { folder, database } = segment(t, 7, 4, [[log(2), 3], [log(5), 1], [told(6), 1]]);
  assert.deepEqual(await problemsOf(folder), []);
  database.exec('delete from record where epoch = 5; delete from epoch where epoch = 5; delete from checkpoint where epoch = 5');
  assert.deepEqual((await problemsOf(folder)).map(({ problem, epoch }) => [problem, epoch]), [['missing_epoch', 5]], 'one that began here is');
});

test('a segment that is gone without a record that it was retired was taken', async (t) => {
  const said = (text: string): Log => makeLog({ epoch: 5, count: 3, body: () => text });
  for (const [text, is] of [[',"event":"segment_retired","detail":{"segment":5}', 'missing'], [',"fault":"\\"event\\":\\"segment_retired\\"","detail":{"segment":6}', 'missing'], [',"event":"segment_retired","detail":{"segment":6}', undefined]] as const) {
    const { folder } = segment(t, 7, 4, [[said(text), 1]]);
    assert.deepEqual((await problemsOf(folder)).map(({ problem }) => problem), is === undefined ? [] : [is], text);
  }
});

test('any text verifies, in one page or many', async (t) => {
  const texts = ['\u2028', '😀é', '\\u0000', String.raw`\n`, 'x'.repeat(70_000), '', ' '];
  const { folder } = segment(t, 1, 0, [[makeLog({ count: 2500, body: (seq) => `,"text":${JSON.stringify(texts[seq % texts.length])}` }), 1], [makeLog({ epoch: 2, count: 3 }), 1]]);
  assert.deepEqual(await problemsOf(folder), []);
});

test('records and columns that do not add up are found row by row, with all that is around them', async (t) => {
  const cases: readonly (readonly [change: string, found: readonly (readonly [string, number])[]])[] = [
    ['update record set seq = -7 where row = 12', [['out_of_place', 0]]],
    ['update record set seq = 99 where row = 12', [['out_of_place', 0]]],
    ['update record set epoch = 3 where row = 12', [['out_of_place', 0]]],
    [`update record set record = record || char(10) where row = 12`, [['unreadable', 12]]],
    ['delete from record where row = 12', [['missing', 12]]],
    [`update record set record = replace(record, 'outcome', 'outcame') where row = 12`, [['changed', 12]]],
  ];
  for (const [change, found] of cases) {
    const { folder, database } = segment(t, 1, 0, [[makeLog({ count: 30 }), 1]]);
    database.exec(change);
    assert.deepEqual((await problemsOf(folder)).map(({ problem, seq }) => [problem, seq]), found, change);
  }
});

test('bytes that are no UTF-8 are not taken for the letter that stands for them', async (t) => {
  for (const bytes of ['ff', 'f09f98', 'eda080']) {
    const { folder, database } = segment(t, 1, 0, [[makeLog({ count: 30, body: () => ',"text":"\ufffd"' }), 1]]);
    const [row] = database.prepare('select cast(record as blob) as record from record where row = 12').all();
    const raw = Buffer.from(row?.['record'] instanceof Uint8Array ? row['record'] : []).toString('hex').replace('efbfbd', bytes);
    database.exec(`update record set record = cast(x'${raw}' as text) where row = 12`);
    assert.deepEqual((await problemsOf(folder)).map(({ problem, seq }) => [problem, seq]), [['changed', 12]], bytes);
  }
});

test('a page is handed over whole or not at all', (t) => {
  const log = makeLog({ count: 5 });
  const { database } = segment(t, 1, 0, [[log, 1]]);
  const pages = new PackedPages(database);
  const page = pages.after(2, 2);
  assert.deepEqual([...(page?.places ?? [])], [3, 1, 3, log.records[2]?.length, 4, 1, 4, log.records[3]?.length]);
  assert.equal(page?.bytes.toString('utf8'), `\n${log.records[2]}\n${log.records[3]}`);
  assert.equal(pages.after(5, 10), undefined, 'there are no more');
  database.exec('update record set epoch = -1 where row = 3');
  assert.equal(pages.after(2, 2), undefined);
  assert.equal(pages.after(3, 2)?.places.length, 8);
});
