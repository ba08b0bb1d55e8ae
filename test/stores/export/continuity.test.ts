// What an exporter says where records are not there: nobody has to notice a silence.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { err, ok } from '../../../src/core/result.ts';
import { TAKEN } from '../../../src/stores/export/transport.ts';
import type { StoredRecord } from '../../../src/stores/journal/source.ts';
import { bench, detail, DOWN, drain, markers, seqs } from './bench.ts';
import { lineOf, NODE, simpleRecords, sourceOf, stored, temporaryFolder } from './sample.ts';

test('records that were removed before they could be sent are told in the export, in health and to the operator', async (t) => {
  const folder = temporaryFolder(t);
  let records = [...simpleRecords(10), ...simpleRecords(10, 11, { segment: 2, row: 1 }), ...simpleRecords(10, 21, { segment: 3, row: 1 })];
  let away = false;
  const one = bench(folder, sourceOf(() => records), { options: { records: 4 }, answer: () => (away ? err(DOWN) : ok(TAKEN)) });
  await one.exporter.step();
  away = true;
  await one.exporter.step();
  records = records.filter(({ rowId }) => rowId > 3 * 2 ** 32);
  away = false;
  await drain(one);
  const [gap] = markers(one.taken);
  assert.deepEqual(seqs(one.taken), [1, 2, 3, 4, 0, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30]);
  assert.deepEqual([gap?.event, gap?.severity, gap?.actor], ['export_gap', 'high', 'system']);
  assert.deepEqual(detail(gap), { exporter: 'siem', row: 3 * 2 ** 32 + 1, why: 'removed', missing: 16, exact: false });
  assert.match(gap?.fault ?? '', /^at least 16 records before this point are missing: they were removed/);
  assert.equal(one.exporter.health().missing, 16);
  assert.deepEqual(one.events.filter(({ kind }) => kind === 'told'), [{ kind: 'told', exporter: 'siem', what: { event: 'export_gap', why: 'removed', missing: 16, exact: false } }]);
});

test('a marker passes by the filter, and the same hole has the same id however often it is told', async (t) => {
  const later = simpleRecords(2, 21, { segment: 3, row: 1 });
  const ids: string[] = [];
  for (const attempt of [1, 2]) {
    const folder = temporaryFolder(t);
    const before = bench(folder, sourceOf(simpleRecords(5)));
    await drain(before);
    await before.exporter.stop();
    const after = bench(folder, sourceOf(later), { deps: { accepts: () => false } });
    await drain(after);
    assert.equal(after.taken.length, 1, String(attempt));
    ids.push(after.taken[0]?.id ?? '');
  }
  assert.match(ids[0] ?? '', /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(ids[0], ids[1]);
});

test('a hole in the middle of a run is counted exactly, and neighbouring runs are no holes', async (t) => {
  const hole = bench(temporaryFolder(t), sourceOf(simpleRecords(20).filter((_, at) => at < 5 || at > 7)));
  await drain(hole);
  assert.deepEqual(markers(hole.taken).map(detail), [{ exporter: 'siem', row: 2 ** 32 + 9, why: 'absent', missing: 3, exact: true }]);
  // Two processes of one node, one after the other and both at once; a segment that was given up; a record that comes again.
  const line = (epoch: number, seq: number): string => lineOf({ kind: 'outcome' }, { epoch, seq });
  const places: readonly (readonly [segment: number, row: number, epoch: number, seq: number])[] = [
    [1, 1, 7, 1], [1, 2, 7, 2], [1, 3, 8, 1], [1, 4, 7, 3], [1, 6, 8, 2], [2, 1, 8, 2], [2, 2, 8, 3], [2, 3, 7, 4], [2, 4, 9, 1], [3, 1, 9, 2], [3, 2, 7, 5],
  ];
  const woven = bench(temporaryFolder(t), sourceOf(places.map(([segment, row, epoch, seq]) => stored(segment, row, line(epoch, seq)))), { options: { records: 3 } });
  await drain(woven);
  assert.deepEqual(markers(woven.taken), []);
  assert.equal(woven.taken.length, places.length);
});

test('a new exporter begins with the oldest record there is and calls nothing before it missing, nor a run that was quiet since', async (t) => {
  const line = (epoch: number, seq: number): string => lineOf({ kind: 'outcome' }, { epoch, seq });
  const records = [stored(4, 1, line(7, 500)), stored(4, 2, line(7, 501)), stored(4, 3, line(9, 1)), stored(5, 1, line(8, 33)), stored(5, 2, line(11, 4))];
  const one = bench(temporaryFolder(t), sourceOf(records), { options: { records: 1 } });
  await drain(one);
  // Run 11 began after run 9, whose beginning was seen: its first three are missing.
  assert.deepEqual(markers(one.taken).map(detail), [{ exporter: 'siem', row: 5 * 2 ** 32 + 2, why: 'absent', missing: 3, exact: true }]);
});

test('records that were brought in, and those of version 1, have an order of their own', async (t) => {
  const records = [stored(1, 1, lineOf({ kind: 'outcome' }, { seq: 1 })), stored(1, 2, lineOf({ kind: 'outcome' }, { node: 'other', epoch: 3, seq: 90 })), stored(1, 3, lineOf({ kind: 'outcome' }, { node: 'other', epoch: 3, seq: 95 })),
    stored(1, 4, lineOf({ kind: 'outcome' }, { epoch: 3, seq: 4 }).replace('"v":2', '"v":1')), stored(1, 5, lineOf({ kind: 'outcome' }, { epoch: 3, seq: 9 }).replace('"v":2', '"v":1'))];
  const one = bench(temporaryFolder(t), sourceOf(records));
  await drain(one);
  assert.deepEqual(markers(one.taken), []);
});

test('a state directory that was put back from a copy, or is another one, is exported from its beginning, and said to be', async (t) => {
  const changed = simpleRecords(8).map((one) => ({ ...one, record: one.record.replace('tool-', 'tuul-') }));
  for (const journal of [simpleRecords(3), changed]) {
    const folder = temporaryFolder(t);
    const before = bench(folder, sourceOf(simpleRecords(6)));
    await drain(before);
    await before.exporter.stop();
    const after = bench(folder, sourceOf(journal));
    await drain(after);
    assert.equal(after.taken.length, journal.length + 1);
    assert.deepEqual(markers(after.taken).map((one) => [one.event, Reflect.get(Object(one.detail), 'why')]), [['export_gap', 'replaced']]);
  }
});

test('an empty journal is waited for: what stands in it decides', async (t) => {
  const folder = temporaryFolder(t);
  const before = bench(folder, sourceOf(simpleRecords(6)));
  await drain(before);
  await before.exporter.stop();
  let journal: readonly StoredRecord[] = [];
  const after = bench(folder, sourceOf(() => journal));
  assert.equal(await after.exporter.step(), 1000);
  journal = simpleRecords(2);
  await drain(after);
  assert.deepEqual(seqs(after.taken), [0, 1, 2]);
});

test('a line that is no record is passed over with a marker', async (t) => {
  const records = [...simpleRecords(2), stored(1, 3, '{"broken":'), stored(1, 4, 'null'), ...simpleRecords(1, 3, { row: 5 })];
  const one = bench(temporaryFolder(t), sourceOf(records));
  await drain(one);
  assert.deepEqual(seqs(one.taken), [1, 2, 0, 0, 3]);
  assert.deepEqual(markers(one.taken).map(({ event, node }) => [event, node]), [['export_skipped', NODE], ['export_skipped', NODE]]);
  assert.equal(one.exporter.health().missing, 2);
});
