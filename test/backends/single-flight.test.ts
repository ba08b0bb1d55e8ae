import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SingleFlight } from '../../src/backends/single-flight.ts';
import { HandClock } from '../support/world.ts';

test('however often it is asked for, a run is followed by a rest, and what was asked meanwhile is one more run', async () => {
  const clock = new HandClock();
  let runs = 0;
  const flight = new SingleFlight(clock, 50, async () => { runs += 1; });
  for (let ms = 0; ms < 10_000; ms += 10) {
    flight.request();
    clock.advance(10);
    await Promise.resolve();
  }
  assert.ok(runs >= 9 && runs <= 11, String(runs));
  flight.close();
  assert.equal(clock.timers.size, 0);
});

test('what is asked for during a run is not lost', async () => {
  const clock = new HandClock();
  let runs = 0;
  const flight = new SingleFlight(clock, 50, async () => {
    runs += 1;
    if (runs === 1) flight.request();
  });
  flight.request();
  for (let ms = 0; ms < 2_000; ms += 50) {
    clock.advance(50);
    await Promise.resolve();
  }
  assert.equal(runs, 2);
});
