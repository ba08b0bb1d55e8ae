// When the time of a key is over, by a clock that may have been wrong.
import assert from 'node:assert/strict';
import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { timestamp } from '../../../src/core/ids.ts';
import { daysBefore, dueDays } from '../../../src/stores/capture/forget.ts';
import { keyPath } from '../../../src/stores/capture/key-files.ts';
import { DAY, HOUR, NODE, NOON, toolCall, world, type World } from './world.ts';

const TODAY = '2026-11-21';
const CALL_OF_TODAY = toolCall('{"title":"Fix the door of the vault"}');

function dueAt(here: World, now: number, keepMs: number): readonly string[] {
  return dueDays({ folder: { dir: here.keyDir, node: NODE }, clock: { wall: () => timestamp(now) } }, keepMs);
}

test('a key is due when the first value of its day is as old as the configuration lets it be, and not before', (t) => {
  const here = world(t);
  for (let day = 0; day < 3; day += 1) {
    here.clock.now = NOON + day * DAY;
    here.kept(CALL_OF_TODAY);
  }
  const due = (now: number, keepMs: number): readonly string[] => dueAt(here, now, keepMs);
  const midnight = Date.UTC(2026, 10, 21);
  assert.deepEqual(due(midnight + 30 * DAY - 1, 30 * DAY), []);
  assert.deepEqual(due(midnight + 30 * DAY, 30 * DAY), ['2026-11-21']);
  assert.deepEqual(due(midnight + 31 * DAY + HOUR, 30 * DAY), ['2026-11-21', '2026-11-22']);
  assert.deepEqual(due(midnight + DAY, DAY), ['2026-11-21'], 'the shortest time keeps a day until it is over');
});

test('a key that was made while the clock was wrong is due as long after it was written as the configuration lets it be, and a day', (t) => {
  const here = world(t);
  here.clock.now = Date.UTC(2036, 10, 21);
  here.kept(CALL_OF_TODAY);
  const path = keyPath({ dir: here.keyDir }, '2036-11-21');
  const due = (now: number): readonly string[] => dueAt(here, now, 30 * DAY);
  utimesSync(path, NOON / 1000, NOON / 1000);
  assert.deepEqual(due(NOON + 31 * DAY - 1), []);
  assert.deepEqual(due(NOON + 31 * DAY), ['2036-11-21']);
  // The file has the wrong time too: then it counts from the first look with the right one.
  utimesSync(path, Date.UTC(2036, 10, 21) / 1000, Date.UTC(2036, 10, 21) / 1000);
  assert.deepEqual(due(NOON), []);
  assert.deepEqual(due(NOON + 30 * DAY), []);
  assert.deepEqual(due(NOON + 31 * DAY), ['2036-11-21']);
});

test('a machine that starts with the clock of 1970 destroys no key of today, then or when it has learnt the time', (t) => {
  const here = world(t);
  here.clock.now = NOON;
  here.kept(CALL_OF_TODAY);
  const due = (now: number): readonly string[] => dueAt(here, now, 30 * DAY);
  assert.deepEqual(due(HOUR), []);
  assert.deepEqual(due(NOON + HOUR), []);
  assert.deepEqual(due(NOON + 30 * DAY), [TODAY]);
});

test('days before a moment are those that were over then', (t) => {
  const here = world(t);
  here.kept(CALL_OF_TODAY);
  assert.deepEqual(daysBefore(here.keyDir, Date.UTC(2026, 10, 22) - 1), []);
  assert.deepEqual(daysBefore(here.keyDir, Date.UTC(2026, 10, 22)), [TODAY]);
  assert.deepEqual(daysBefore(join(here.state, 'none'), NOON), []);
});
