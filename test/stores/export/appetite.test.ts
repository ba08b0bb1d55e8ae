// Receivers that take some records and not others.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { err, ok } from '../../../src/core/result.ts';
import { TAKEN } from '../../../src/stores/export/transport.ts';
import type { StoredRecord } from '../../../src/stores/journal/source.ts';
import { bench, detail, drain, markers, REFUSED, seqs } from './bench.ts';
import { simpleRecords, sourceOf, temporaryFolder } from './sample.ts';

test('one record that a receiver never takes is found, passed over with a marker, and everything else arrives', async (t) => {
  for (const poison of [1, 7, 20]) {
    const one = bench(temporaryFolder(t), sourceOf(simpleRecords(20)), { answer: (parts) => (parts.some((part) => part.includes(`"tool-${poison}"`)) ? err(REFUSED) : ok(TAKEN)) });
    for (let at = 0; at < 60; at += 1) await one.exporter.step();
    const got = seqs(one.taken);
    assert.deepEqual(got, Array.from({ length: 20 }, (_, at) => (at + 1 === poison ? 0 : at + 1)));
    assert.deepEqual(markers(one.taken).map(detail), [{ exporter: 'siem', row: 2 ** 32 + poison, why: 'refused' }]);
    assert.equal(one.exporter.health().missing, 1);
  }
});

test('a receiver that refuses everything gets everything, once it takes it: nothing is passed over', async (t) => {
  let refuses = true;
  const one = bench(temporaryFolder(t), sourceOf(simpleRecords(12)), { answer: () => (refuses ? err(REFUSED) : ok(TAKEN)) });
  for (let at = 0; at < 9; at += 1) await one.exporter.step();
  assert.ok(one.attempts.some(([part]) => part?.includes('export_skipped') === true), 'the marker was tried');
  refuses = false;
  await drain(one);
  assert.deepEqual(seqs(one.taken), Array.from({ length: 12 }, (_, at) => at + 1));
});

test('records that a receiver took and threw away are counted, and told with the next ones, also after a restart', async (t) => {
  const folder = temporaryFolder(t);
  const records: StoredRecord[] = [...simpleRecords(4)];
  const one = bench(folder, sourceOf(() => records), { answer: () => ok({ rejected: 2, note: 'too old' }) });
  await drain(one);
  assert.deepEqual([one.exporter.health().missing, one.exporter.health().note, one.exporter.health().delivered], [2, 'too old', 4]);
  await one.exporter.stop();
  records.push(...simpleRecords(2, 5));
  const after = bench(folder, sourceOf(() => records));
  await drain(after);
  assert.deepEqual(after.taken.map(({ seq, event }) => [seq, event]), [[0, 'export_rejected'], [5, undefined], [6, undefined]]);
  assert.equal(after.taken[0]?.fault, 'the receiver threw away 2 records that it had taken');
  records.push(...simpleRecords(1, 7));
  await drain(after);
  assert.deepEqual(seqs(after.taken), [0, 5, 6, 7]);
});
