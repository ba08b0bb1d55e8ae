import assert from 'node:assert/strict';
import { test } from 'node:test';
import { instant } from '../../src/core/ids.ts';
import { FailureLimiter } from '../../src/surfaces/mcp/failures.ts';

test('a burst is allowed, then one failure every two seconds', () => {
  const limiter = new FailureLimiter(10);
  for (let at = 0; at < 30; at += 1) {
    assert.equal(limiter.wait('p', instant(0)), undefined);
    limiter.failed('p', instant(0));
  }
  assert.equal(limiter.wait('p', instant(0)), 2000);
  assert.equal(limiter.wait('other', instant(0)), undefined);
  assert.equal(limiter.wait('p', instant(2000)), undefined);
  limiter.failed('p', instant(2000));
  assert.equal(limiter.wait('p', instant(2000)), 2000);
  assert.equal(limiter.wait('p', instant(120_000)), undefined);
});

test('peers and good credentials are bounded: the oldest are forgotten', () => {
  const limiter = new FailureLimiter(2);
  for (let at = 0; at < 31; at += 1) limiter.failed('a', instant(0));
  limiter.failed('b', instant(0));
  assert.notEqual(limiter.wait('a', instant(0)), undefined);
  limiter.failed('c', instant(0));
  assert.equal(limiter.wait('a', instant(0)), undefined);
  for (const credential of ['x', 'y', 'z']) limiter.passed(credential);
  assert.deepEqual(['x', 'y', 'z'].map((credential) => limiter.isGood(credential)), [false, true, true]);
});
