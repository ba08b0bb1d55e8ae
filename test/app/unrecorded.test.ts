import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noteUnrecorded } from '../../src/app/unrecorded.ts';
import type { LifecycleEvent } from '../../src/core/lifecycle.ts';
import { HandClock } from '../support/world.ts';

test('J11: refusals without a record of their own are counted on record, every ten seconds at most, and at the end', () => {
  const clock = new HandClock();
  const events: LifecycleEvent[] = [];
  let count = 0;
  const end = noteUnrecorded({ clock, timers: clock, random: { uuid: () => 'id', token: () => '', float: () => 0 }, revision: () => 1, count: () => count, note: (event) => void events.push(event) });
  const times = (): readonly number[] => events.flatMap((event) => (event.kind === 'refusals_unrecorded' ? [event.times] : []));
  clock.advance(10_000);
  assert.deepEqual(times(), []);
  count = 70_000;
  clock.advance(10_000);
  count = 70_001;
  clock.advance(10_000);
  clock.advance(10_000);
  assert.deepEqual(times(), [70_000, 1]);
  count = 70_005;
  end();
  assert.deepEqual(times(), [70_000, 1, 4]);
  assert.equal(clock.timers.size, 0);
});
