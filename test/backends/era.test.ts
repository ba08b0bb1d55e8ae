import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EraVerdict } from '../../src/backends/era.ts';
import { execaSpawn } from '../../src/backends/stdio/launch.ts';
import { createStdioBackend } from '../../src/backends/stdio/supervise.ts';
import { io, permit, recorded, stdioSettings, until } from './support.ts';
import { FakeTime } from './time.ts';

const HOUR = 3_600_000;

describe('the verdict on an era', () => {
  test('CH3, T69: a legacy verdict is believed until it is old; a modern one needs no belief', () => {
    const time = new FakeTime();
    const verdict = new EraVerdict('auto', time.clock, HOUR);
    assert.equal(verdict.plan, 'auto');
    verdict.found('auto', 'legacy');
    assert.equal(verdict.plan, 'legacy');
    time.pass(HOUR - 1);
    assert.equal(verdict.plan, 'legacy');
    assert.equal(verdict.isOld, false);
    time.pass(1);
    assert.equal(verdict.plan, 'auto');
    assert.equal(verdict.isOld, true);
    verdict.found('auto', 'modern');
    assert.equal(verdict.isOld, false);
    assert.equal(verdict.plan, 'auto');
  });

  test('an answer to a plan of one era makes the verdict no younger', () => {
    const time = new FakeTime();
    const verdict = new EraVerdict('auto', time.clock, HOUR);
    verdict.found('auto', 'legacy');
    time.pass(HOUR - 1);
    verdict.found(verdict.plan, 'legacy');
    time.pass(1);
    assert.equal(verdict.plan, 'auto');
  });

  test('what has failed on a verdict is asked anew', () => {
    const verdict = new EraVerdict('auto', new FakeTime().clock, HOUR);
    verdict.found('auto', 'legacy');
    verdict.forget();
    assert.equal(verdict.plan, 'auto');
  });

  test('what the operator pinned is no verdict', () => {
    for (const pinned of ['legacy', 'modern'] as const) {
      const verdict = new EraVerdict(pinned, new FakeTime().clock, 0);
      verdict.found(pinned, 'legacy');
      assert.equal(verdict.plan, pinned);
      assert.equal(verdict.isOld, false);
    }
  });
});

test('T69: a child that was upgraded and no longer takes initialize is probed again, however young the verdict is', { timeout: 60_000 }, async () => {
  let started = 0;
  const recording = recorded({}, {
    spawn: (plan) => {
      started += 1;
      return execaSpawn(started === 1 ? plan : { ...plan, args: [...plan.args, '--era=modern'] });
    },
  });
  const backend = createStdioBackend(stdioSettings([], { stopMs: 1_000 }), recording.deps);
  backend.start();
  try {
    await until(() => backend.status().state === 'ready', 'ready');
    assert.equal(backend.listing()?.era, 'legacy');
    await backend.call(permit('crash'), io());
    await until(() => backend.listing()?.era === 'modern', 'modern', 20_000);
  } finally {
    await backend.stop();
    recording.watchdog.close();
  }
});
