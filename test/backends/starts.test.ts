import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { BackendLimits } from '../../src/backends/deps.ts';
import { createStdioBackend } from '../../src/backends/stdio/supervise.ts';
import type { Backend, StartRecord } from '../../src/core/ports.ts';
import type { StdioBackendSettings } from '../../src/core/settings.ts';
import { io, permit, recorded, stdioSettings, until } from './support.ts';

function started(t: TestContext, flags: readonly string[], settings: Partial<StdioBackendSettings>, limits: Partial<BackendLimits>): Backend {
  const recording = recorded(limits);
  const backend = createStdioBackend(stdioSettings(flags, { stopMs: 1_000, era: 'legacy', ...settings }), recording.deps);
  t.after(async () => {
    await backend.stop();
    recording.watchdog.close();
  });
  backend.start();
  return backend;
}

async function refusal(backend: Backend): Promise<StartRecord | undefined> {
  const result = await backend.call(permit('echo'), io());
  assert.ok(!result.ok && result.error.code === 'not_ready', JSON.stringify(result));
  return result.error.starts;
}

test('B8: a call that meets the pause after a crash is told that no start has failed', async (t) => {
  const backend = started(t, [], {}, { backoffBaseMs: 60_000, backoffCapMs: 60_000 });
  await until(() => backend.status().state === 'ready', 'ready');
  await backend.call(permit('crash'), io());
  assert.deepEqual(await refusal(backend), { failed: 0, givenUp: false });
});

test('a call is told how many starts in a row have failed, and when there will be no more for long [CI5]', async (t) => {
  const backend = started(t, ['--crash-start=5'], { maxRestarts: 2 }, { backoffBaseMs: 2 });
  assert.equal((await refusal(backend))?.failed, 1, 'it waited for the first start');
  await until(() => backend.status().state === 'failed', 'failed');
  assert.deepEqual(await refusal(backend), { failed: 3, givenUp: true });
});
