import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatOf } from '../../../src/stores/export/format.ts';
import { exportRecords } from '../../../src/stores/export/one-shot.ts';
import { Coded, CONTEXT, EVERYTHING, simpleRecords, sourceOf, stored } from './sample.ts';

const JSONL = formatOf('jsonl', CONTEXT);

test('everything behind a cursor is written, and the next cursor goes on where it ended', async () => {
  const records = simpleRecords(1203);
  const texts: string[] = [];
  const write = async (text: string): Promise<void> => void texts.push(text);
  const first = await exportRecords({ source: sourceOf(records.slice(0, 700)), accepts: EVERYTHING, format: JSONL, after: 0, write });
  assert.deepEqual(first, { ok: true, value: { written: 700, unreadable: 0, next: 2 ** 32 + 700 } });
  assert.ok(first.ok);
  const second = await exportRecords({ source: sourceOf(records), accepts: EVERYTHING, format: JSONL, after: first.value.next, write });
  assert.deepEqual(second, { ok: true, value: { written: 503, unreadable: 0, next: 2 ** 32 + 1203 } });
  assert.equal(texts.join(''), records.map(({ record }) => `${record}\n`).join(''));
});

test('the filter and the limit hold, and the cursor stands behind the last record that was looked at', async () => {
  const records = simpleRecords(20);
  let text = '';
  const write = async (part: string): Promise<void> => {
    text += part;
  };
  const run = { source: sourceOf(records), accepts: ({ seq }: { readonly seq: number }) => seq % 4 === 0, format: JSONL, write };
  assert.deepEqual(await exportRecords({ ...run, after: 0, limit: 3 }), { ok: true, value: { written: 3, unreadable: 0, next: 2 ** 32 + 12 } });
  assert.deepEqual(await exportRecords({ ...run, after: 2 ** 32 + 12 }), { ok: true, value: { written: 2, unreadable: 0, next: 2 ** 32 + 20 } });
  assert.equal(text.split('\n').length, 6);
  assert.deepEqual(await exportRecords({ ...run, after: 2 ** 32 + 20 }), { ok: true, value: { written: 0, unreadable: 0, next: 2 ** 32 + 20 } });
});

test('lines that are no records are counted, and a reader who has gone is an error with the cursor of what he had', async () => {
  const records = [...simpleRecords(2), stored(1, 3, 'garbage')];
  assert.deepEqual(await exportRecords({ source: sourceOf(records), accepts: EVERYTHING, format: JSONL, after: 0, write: async () => undefined }), { ok: true, value: { written: 2, unreadable: 1, next: 2 ** 32 + 3 } });
  let writes = 0;
  const gone = await exportRecords({
    source: sourceOf(simpleRecords(1200)), accepts: EVERYTHING, format: JSONL, after: 0,
    write: async () => {
      writes += 1;
      if (writes === 2) throw new Coded('EPIPE');
    },
  });
  assert.deepEqual(gone, { ok: false, error: { detail: 'EPIPE', next: 2 ** 32 + 500 } });
});

test('a stored line with a line break in it, as only a stranger can have written, is no record: it would become two lines', async () => {
  const [first] = simpleRecords(1);
  assert.ok(first !== undefined);
  const records = ['\n', '\r', '\r\n'].map((end, at) => stored(1, at + 1, first.record.replace(/}$/, `,"detail":${end}${first.record}}`)));
  let text = '';
  const done = await exportRecords({ source: sourceOf(records), accepts: EVERYTHING, format: JSONL, after: 0, write: async (part) => void (text += part) });
  assert.deepEqual([done.ok && done.value.unreadable, text], [3, '']);
});
