import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startDeadline } from '../../src/backends/deadline.ts';
import { FakeTime } from './time.ts';

describe('the time of a call', () => {
  const start = (time: FakeTime, times: { timeoutMs: number; maxTimeoutMs: number }) => {
    const expired: number[] = [];
    return { expired, deadline: startDeadline(time, times, (afterMs) => expired.push(afterMs)) };
  };

  test('stands still while somebody is asked, and begins again afterwards', () => {
    const time = new FakeTime();
    const { expired, deadline } = start(time, { timeoutMs: 100, maxTimeoutMs: 150 });
    time.pass(90);
    const resume = deadline.pause();
    time.pass(100_000);
    assert.deepEqual(expired, []);
    resume();
    // 60 of the most it may take are left.
    time.pass(59);
    assert.deepEqual(expired, []);
    time.pass(1);
    assert.deepEqual(expired, [100_150]);
  });

  test('runs again only when everybody has answered, however often one is told', () => {
    const time = new FakeTime();
    const { expired, deadline } = start(time, { timeoutMs: 100, maxTimeoutMs: 1_000 });
    const [one, two] = [deadline.pause(), deadline.pause()];
    one();
    one();
    time.pass(500);
    assert.deepEqual(expired, []);
    two();
    time.pass(100);
    assert.deepEqual(expired, [600]);
  });

  test('a call that is over stays over', () => {
    const time = new FakeTime();
    const { expired, deadline } = start(time, { timeoutMs: 100, maxTimeoutMs: 100 });
    const resume = deadline.pause();
    deadline.clear();
    resume();
    time.pass(1_000);
    assert.deepEqual(expired, []);
  });

  test('progress while somebody is asked changes nothing', () => {
    const time = new FakeTime();
    const { expired, deadline } = start(time, { timeoutMs: 100, maxTimeoutMs: 1_000 });
    const resume = deadline.pause();
    deadline.renew();
    time.pass(5_000);
    resume();
    time.pass(100);
    assert.deepEqual(expired, [5_100]);
  });
});
