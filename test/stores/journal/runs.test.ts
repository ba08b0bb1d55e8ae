import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Scribe } from '../../../src/stores/journal/scribe.ts';
import { runsIn } from '../../../src/stores/journal/runs.ts';
import { Segment } from '../../../src/stores/journal/segment.ts';
import { emptyFolder } from '../../support/journal/load.ts';
import { CLOCK, RANDOM } from '../sample.ts';
import { diskError } from './broken-disk.ts';
import { desk, entry, MIB, NODE } from './desk.ts';

test('a run lives as long as it holds its lock, and is inherited by one', (t) => {
  const folder = emptyFolder(t);
  const runs = runsIn(folder);
  assert.equal(runs.inherit(7), undefined, 'nothing is known of it');
  const held = runs.hold(7);
  assert.ok(typeof held === 'object');
  assert.equal(runs.inherit(7), 'alive');
  assert.equal(runs.hold(7), 'taken');
  held.release();
  assert.equal(existsSync(join(folder, 'runs', '7.lock')), false);
  // Of a process that was killed.
  writeFileSync(join(folder, 'runs', '7.lock'), '');
  const heir = runs.inherit(7);
  assert.ok(typeof heir === 'object');
  assert.equal(runs.inherit(7), 'alive', 'one heir at a time');
  heir.release();
  assert.equal(runs.inherit(7), undefined);
});

test('where no lock can be made runs are told apart by their marks', (t) => {
  const folder = emptyFolder(t);
  writeFileSync(join(folder, 'runs'), 'in the way');
  assert.equal(runsIn(folder).hold(1), undefined);
  assert.equal(runsIn(folder).inherit(1), undefined);
});

test('a run whose process cannot be seen is left alone while it holds its lock', (t) => {
  const stateDir = emptyFolder(t);
  const scribe = (mark: string): Scribe => new Scribe(
    { directories: [join(stateDir, 'journal')], stateDir, node: NODE, segmentBytes: 256 * MIB, bounds: { quota: 1024 * MIB, reserve: MIB }, recovers: true },
    { clock: CLOCK, random: RANDOM, timers: { after: () => () => {} }, life: { mark, alive: () => false }, onAbandoned: () => {} },
  );
  const living = scribe('elsewhere');
  living.append([entry({ kind: 'intent', call_id: 'c-1' })]);
  const other = scribe('here');
  assert.deepEqual(other.open(), { ok: true, value: { epoch: 2, indeterminate: 0 } });
  living.append([entry({ kind: 'outcome', call_id: 'c-1' })]);
  living.end();
  other.end();
});

test('a recovery that broke off is done again by the same run, and closes each call once', (t) => {
  const at = desk(t);
  at.scribe('dead').append([entry({ kind: 'intent', call_id: 'c-1' }), entry({ kind: 'intent', call_id: 'c-2' })]);
  at.dead.add('dead');
  const next = at.scribe('next');
  const { commit } = Segment.prototype;
  let commits = 0;
  const mocked = t.mock.method(Segment.prototype, 'commit', function (this: Segment) {
    commits += 1;
    // Its claim and an empty one pass.
    if (commits === 3) throw diskError(13);
    commit.call(this);
  });
  assert.equal(next.open().ok, false);
  mocked.mock.restore();
  assert.deepEqual(next.open(), { ok: true, value: { epoch: 2, indeterminate: 2 } });
  assert.deepEqual(at.scribe('later').open(), { ok: true, value: { epoch: 3, indeterminate: 0 } });
});

test('what a directory that cannot be read holds is not passed over by readers', { skip: process.geteuid?.() === 0 ? 'root can read every directory' : false }, (t) => {
  const at = desk(t);
  at.scribe('a').append([entry({})]);
  chmodSync(at.directories[0], 0o000);
  try {
    assert.throws(() => at.read(), /EACCES/);
  } finally {
    chmodSync(at.directories[0], 0o700);
  }
});

test('a place that a disk failed at is not written to again, even when no other takes its records yet', (t) => {
  const at = desk(t);
  const scribe = at.scribe('a');
  scribe.append([entry({ event: 'one' })]);
  const broken = t.mock.method(Segment.prototype, 'commit', () => {
    throw diskError(10);
  });
  const taken = join(at.directories[0], '00000002.db');
  mkdirSync(taken);
  const two = entry({ event: 'two' });
  assert.equal(scribe.append([two]).ok, false);
  broken.mock.restore();
  assert.equal(scribe.append([two]).ok, true);
  assert.ok(existsSync(join(at.directories[0], '00000003.db')));
});
