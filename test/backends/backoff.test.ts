import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Backoff } from '../../src/backends/backoff.ts';

const RULES = { baseMs: 1_000, capMs: 60_000, stableMs: 60_000, maxRestarts: 0, windowMs: 600_000 };

function delays(backoff: Backoff, ends: readonly (readonly [now: number, lived: number])[]): (number | 'give_up')[] {
  return ends.map(([now, lived]) => {
    const verdict = backoff.next(now, lived);
    return verdict.kind === 'again' ? verdict.afterMs : 'give_up';
  });
}

describe('Backoff', () => {
  test('doubles from the base to the cap [CI5]', () => {
    const backoff = new Backoff(RULES, () => 1);
    assert.deepEqual(delays(backoff, Array.from({ length: 8 }, () => [0, 10])), [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
  });

  test('starts anew after a stable life', () => {
    const backoff = new Backoff(RULES, () => 1);
    assert.deepEqual(delays(backoff, [[0, 10], [0, 10], [0, 60_000], [0, 10]]), [1_000, 2_000, 1_000, 2_000]);
  });

  test('B8: max_restarts = 5 means five restarts, not four', () => {
    const backoff = new Backoff({ ...RULES, maxRestarts: 5 }, () => 0);
    const verdicts = delays(backoff, Array.from({ length: 7 }, (_, n) => [n, 10]));
    assert.deepEqual(verdicts.map((verdict) => verdict === 'give_up'), [false, false, false, false, false, true, true]);
  });

  test('restarts outside the window are forgotten', () => {
    const backoff = new Backoff({ ...RULES, maxRestarts: 1 }, () => 0);
    assert.deepEqual(delays(backoff, [[0, 10], [599_999, 10], [600_000, 10]]).map((verdict) => verdict === 'give_up'), [false, true, false]);
  });

  test('who gave up is told when the window has room again, and that restart counts too', () => {
    const backoff = new Backoff({ ...RULES, maxRestarts: 2 }, () => 0);
    delays(backoff, [[0, 10], [100, 10]]);
    assert.deepEqual(backoff.next(200, 10), { kind: 'give_up', afterMs: 599_800 });
    backoff.resumed(600_000);
    assert.deepEqual(backoff.next(600_050, 10), { kind: 'give_up', afterMs: 50 });
  });

  test('jitter never goes beyond the cap, nor below half of the step', () => {
    fc.assert(fc.property(fc.double({ min: 0, max: 0.999_999, noNaN: true }), fc.integer({ min: 1, max: 2_000 }), (chance, times) => {
      const backoff = new Backoff(RULES, () => chance);
      const last = delays(backoff, Array.from({ length: times }, () => [0, 0])).at(-1);
      assert.ok(typeof last === 'number' && last >= 500 && last <= 60_000);
    }), { numRuns: 50 });
  });
});
