// What is appended is on the disk, in one chain per process, whatever happens to the files behind it.
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { existsSync, mkdtempSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { desk, entry, MIB, NODE, parsed } from './desk.ts';

const ok = { ok: true, value: undefined };

test('each record names the one before it, and the first one nothing', (t) => {
  const at = desk(t);
  const scribe = at.scribe('a');
  assert.deepEqual(scribe.append([entry({ event: 'one' }), entry({ event: 'two' })]), ok);
  assert.deepEqual(scribe.append([entry({ event: 'three' })]), ok);
  const records = at.read();
  assert.deepEqual(records.map((one) => [parsed(one)['seq'], parsed(one)['event']]), [[1, 'epoch_opened'], [2, 'one'], [3, 'two'], [4, 'three']]);
  let prev = hash('sha256', '', 'base64url');
  for (const [at, { record }] of records.entries()) {
    assert.ok(record.startsWith(`{"v":2,"node":"${NODE}","epoch":1,"seq":${at + 1},"prev":"${prev}","id":"`), record);
    prev = hash('sha256', `\0${record}`, 'base64url');
  }
});

test('a run has its own epoch and chain, and several may write to one segment', (t) => {
  const at = desk(t);
  const [a, b] = [at.scribe('a'), at.scribe('b')];
  a.append([entry({ event: 'a1' })]);
  b.append([entry({ event: 'b1' })]);
  a.append([entry({ event: 'a2' })]);
  assert.deepEqual(at.read().map((one) => [parsed(one)['epoch'], parsed(one)['seq'], parsed(one)['event']]),
    [[1, 1, 'epoch_opened'], [1, 2, 'a1'], [2, 1, 'epoch_opened'], [2, 2, 'b1'], [1, 3, 'a2']]);
});

test('what a dead run left open is closed once by the next, and what a living one has open is not', (t) => {
  const at = desk(t);
  const [dead, alive] = [at.scribe('dead'), at.scribe('alive')];
  dead.append([entry({ kind: 'intent', call_id: 'c-1', subject: 'ann', args_bytes: 7 }), entry({ kind: 'intent', call_id: 'c-2' }), entry({ kind: 'outcome', call_id: 'c-2' })]);
  alive.append([entry({ kind: 'intent', call_id: 'c-3' })]);
  at.dead.add('dead');
  assert.deepEqual(at.scribe('next').open(), { ok: true, value: { epoch: 3, indeterminate: 1 } });
  const closed = at.read().map(parsed).filter((one) => one['code'] === 'indeterminate');
  assert.deepEqual(closed.map((one) => [one['epoch'], one['call_id'], one['subject'], one['kind'], one['args_bytes']]), [[3, 'c-1', 'ann', 'outcome', undefined]]);
  assert.deepEqual(at.scribe('later').open(), { ok: true, value: { epoch: 4, indeterminate: 0 } });
});

test('a run that ended well leaves nothing to close', (t) => {
  const at = desk(t);
  const first = at.scribe('a');
  first.append([entry({ kind: 'intent', call_id: 'c-1' }), entry({ kind: 'outcome', call_id: 'c-1' })]);
  first.end();
  assert.deepEqual(at.scribe('b').open(), { ok: true, value: { epoch: 2, indeterminate: 0 } });
});

test('what a run that ended had to leave open is closed by the next, once', (t) => {
  const at = desk(t);
  const first = at.scribe('a');
  first.append([entry({ kind: 'intent', call_id: 'c-1' })]);
  first.end();
  at.dead.add('a');
  assert.deepEqual(at.scribe('b').open(), { ok: true, value: { epoch: 2, indeterminate: 1 } });
  assert.deepEqual(at.scribe('c').open(), { ok: true, value: { epoch: 3, indeterminate: 0 } });
});

test('a segment that is full is followed by the next, and the chain goes on', (t) => {
  const at = desk(t);
  const scribe = at.scribe('a', { segmentBytes: 128 * 1024 });
  for (let n = 0; n < 400; n += 1) assert.deepEqual(scribe.append([entry({ kind: n % 2 === 0 ? 'intent' : 'outcome', call_id: `c-${n >> 1}`, fault: 'x'.repeat(500) })]), ok);
  assert.ok(existsSync(join(at.directories[0], '00000003.db')));
  const records = at.read();
  assert.deepEqual(records.map((one) => parsed(one)['seq']), Array.from({ length: 401 }, (_, seq) => seq + 1));
});

test('a segment holds a day at most, so that what has had its time can go', (t) => {
  const at = desk(t);
  const scribe = at.scribe('a');
  scribe.append([entry({ event: 'one' })]);
  at.clock.behind = -86_399_000;
  scribe.append([entry({ event: 'two' })]);
  assert.ok(!existsSync(join(at.directories[0], '00000002.db')));
  at.clock.behind = -86_400_001;
  scribe.append([entry({ event: 'three' })]);
  scribe.append([entry({ event: 'four' })]);
  assert.ok(existsSync(join(at.directories[0], '00000002.db')));
  assert.deepEqual(at.read().map((one) => parsed(one)['event']), ['epoch_opened', 'one', 'two', 'three', 'four']);
});

test('a call that is open when its segment ends is closed from the next one', (t) => {
  const at = desk(t);
  const scribe = at.scribe('a', { segmentBytes: 128 * 1024 });
  scribe.append([entry({ kind: 'intent', call_id: 'long', subject: 'ann' }), entry({ kind: 'intent', call_id: 'short' })]);
  for (let n = 0; n < 300; n += 1) scribe.append([entry({ event: 'filler', fault: 'x'.repeat(500) })]);
  scribe.append([entry({ kind: 'outcome', call_id: 'short' })]);
  at.dead.add('a');
  assert.deepEqual(at.scribe('b').open(), { ok: true, value: { epoch: 2, indeterminate: 1 } });
  assert.deepEqual(at.read().map(parsed).filter((one) => one['code'] === 'indeterminate').map((one) => [one['call_id'], one['subject']]), [['long', 'ann']]);
});

test('an entry that was written is not written again when it is sent again', (t) => {
  const at = desk(t);
  const scribe = at.scribe('a');
  const [one, two] = [entry({ event: 'one' }, 1), entry({ event: 'two' }, 2)];
  scribe.append([one]);
  scribe.append([one, two]);
  assert.deepEqual(at.read().map((record) => parsed(record)['event']), ['epoch_opened', 'one', 'two']);
});

test('a segment that was taken away is noticed: its records of that commit stand in the next', (t) => {
  const at = desk(t);
  const scribe = at.scribe('a');
  scribe.append([entry({ event: 'one' })]);
  for (const ending of ['', '-wal', '-shm']) renameSync(join(at.directories[0], `00000001.db${ending}`), join(at.stateDir, `away${ending}`));
  assert.deepEqual(scribe.append([entry({ event: 'two' })]), ok);
  assert.equal(at.abandoned.length, 1);
  assert.deepEqual(at.read().map((one) => [parsed(one)['seq'], parsed(one)['event']]), [[3, 'two']]);
});

test('when the directory is gone the second one takes over', (t) => {
  const at = desk(t, true);
  const scribe = at.scribe('a');
  scribe.append([entry({ event: 'one' })]);
  rmSync(at.directories[0], { recursive: true });
  writeFileSync(at.directories[0], 'a file in its place');
  assert.deepEqual(scribe.append([entry({ event: 'two' })]), ok);
  assert.ok(existsSync(join(at.directories[1] ?? '', '00000002.db')));
});

test('a segment that cannot be read is left alone, and its epochs are not given again', (t) => {
  const at = desk(t);
  const first = at.scribe('a');
  first.append([entry({ event: 'one' })]);
  first.end();
  truncateSync(join(at.directories[0], '00000001.db'), 5000);
  const second = at.scribe('b');
  assert.deepEqual(second.open(), { ok: true, value: { epoch: 2, indeterminate: 0 } });
  assert.equal(at.abandoned.length, 1);
});

test('the journal of another node is refused', (t) => {
  const at = desk(t);
  at.scribe('a').append([entry({})]);
  const elsewhere = mkdtempSync(join(at.stateDir, 'elsewhere-'));
  const opened = at.scribe('b', { node: '0198c0de-2222-7000-8000-000000000002', stateDir: elsewhere }).open();
  assert.ok(!opened.ok && opened.error.detail.includes('is of node'), JSON.stringify(opened));
});

test('records are neither changed nor deleted through SQL', (t) => {
  const at = desk(t);
  at.scribe('a').append([entry({})]);
  const database = new DatabaseSync(join(at.directories[0], '00000001.db'));
  t.after(() => database.close());
  for (const change of ["update record set record = '{}'", 'delete from record']) assert.throws(() => database.exec(change), /insert-only/);
});

test('checkpoints are signed a second after a record, at every 1024 records, and at the end', (t) => {
  const at = desk(t);
  const scribe = at.scribe('a');
  scribe.append([entry({})]);
  const sizes = (): readonly unknown[] => {
    const database = new DatabaseSync(join(at.directories[0], '00000001.db'), { readOnly: true });
    try {
      return database.prepare('select size from checkpoint order by size').all().map((row) => row['size']);
    } finally {
      database.close();
    }
  };
  assert.deepEqual(sizes(), []);
  at.due.splice(0).forEach((run) => run());
  assert.deepEqual(sizes(), [2]);
  for (let n = 0; n < 1100; n += 1) scribe.append([entry({})]);
  assert.deepEqual(sizes(), [2, 1026]);
  scribe.end();
  assert.deepEqual(sizes(), [2, 1026, 1102]);
});

test('space is reported before the disk is full', (t) => {
  const at = desk(t);
  const little = at.scribe('a', { bounds: { quota: 200 * 1024, reserve: MIB } });
  little.open();
  assert.equal(little.space()?.space, 'full');
  const low = at.scribe('b', { bounds: { quota: MIB, reserve: MIB } });
  low.open();
  assert.equal(low.space()?.space, 'low');
});

test('only their owner can read segments', (t) => {
  const at = desk(t);
  at.scribe('a').append([entry({})]);
  for (const path of ['', '-wal', '-shm'].map((ending) => join(at.directories[0], `00000001.db${ending}`))) {
    assert.equal(statSync(path).mode & 0o777, 0o600, path);
  }
});
