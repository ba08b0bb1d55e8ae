import assert from 'node:assert/strict';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { importAtStart } from '../../src/app/migrate.ts';
import { listSegments } from '../../src/stores/journal/folder.ts';
import { removeSegment } from '../../src/stores/journal/retention.ts';
import { oldRows, oldStore } from '../stores/import/old-store.ts';
import { AUDIT, recordsIn, temporaryFolder } from '../stores/sample.ts';

function settingsIn(state: string, enabled = true): Parameters<typeof importAtStart>[0] {
  const settings = { gateway: { stateDir: state }, store: { postgresUrl: undefined, maxConnections: 1, sqlitePath: join(state, 'sentinel.db') }, audit: { ...AUDIT, enabled } };
  return settings as unknown as Parameters<typeof importAtStart>[0];
}

test('at a start the audit of before is brought in, once, and said', async (t) => {
  const state = temporaryFolder(t);
  await oldStore(join(state, 'sentinel.db'), oldRows(300));
  const first = await importAtStart(settingsIn(state));
  assert.deepEqual(first, { text: '300 records of the audit of before were brought into the journal', warns: false });
  assert.equal(await importAtStart(settingsIn(state)), undefined);
  assert.equal(recordsIn(state).length, 302);
});

test('a state directory that was moved brings nothing in twice, also when its journal has shipped and given up what was brought in', async (t) => {
  const [from, to] = [join(temporaryFolder(t), 'a'), join(temporaryFolder(t), 'b')];
  mkdirSync(from, { mode: 0o700 });
  await oldStore(join(from, 'sentinel.db'), oldRows(50));
  assert.match(String((await importAtStart(settingsIn(from)))?.text), /^50 records/);
  const [segment] = listSegments([join(from, 'journal')]);
  assert.ok(segment !== undefined);
  removeSegment(segment);
  assert.equal(await importAtStart(settingsIn(from)), undefined);
  renameSync(from, to);
  assert.equal(await importAtStart(settingsIn(to)), undefined);
});

test('at a start with more than agents can wait for, nothing is brought in and an operator is told how', async (t) => {
  const state = temporaryFolder(t);
  await oldStore(join(state, 'sentinel.db'), oldRows(3));
  const told = await importAtStart(settingsIn(state), 3);
  assert.ok(told?.warns === true && /^3 records .* sentinel migrate$/.test(told.text), told?.text);
  assert.ok(!existsSync(join(state, 'journal')));
});

test('at a start without an old store, or without an audit, nothing is done or made', async (t) => {
  const state = temporaryFolder(t);
  assert.equal(await importAtStart(settingsIn(state)), undefined);
  await oldStore(join(state, 'sentinel.db'), oldRows(3));
  assert.equal(await importAtStart(settingsIn(state, false)), undefined);
  assert.ok(!existsSync(join(state, 'journal')));
});
