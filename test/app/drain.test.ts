import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drained } from '../../src/app/drain.ts';
import { backendId } from '../../src/core/ids.ts';
import type { Backend } from '../../src/core/ports.ts';
import { backendSettings, fakeBackend, settings, world, type World } from '../support/world.ts';

const tick = async (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

/** A call to `alpha` that is held where its arguments are checked, and a backend `alpha` that is to be replaced. */
async function held(): Promise<{ readonly w: World; readonly backend: Backend; readonly release: () => void; readonly call: Promise<unknown> }> {
  const check = Promise.withResolvers<{ kind: 'valid' }>();
  const w = world({ settings: settings({ backends: [backendSettings('alpha'), backendSettings('beta')] }), schemas: { check: () => check.promise } });
  const call = w.callTool('alpha__echo');
  await tick();
  const backend = w.backends.get(backendId('alpha'));
  assert.ok(backend !== undefined);
  return { w, backend, release: () => check.resolve({ kind: 'valid' }), call };
}

function watch(promise: Promise<void>): { done: boolean } {
  const seen = { done: false };
  void promise.then(() => { seen.done = true; });
  return seen;
}

test('a replaced backend waits for a call that was decided for it and has not reached it yet', async () => {
  const { w, backend, release, call } = await held();
  const waiting = watch(drained(backend, 1000, { clock: w.clock, timers: w.clock, inflight: w.deps.inflight }));
  for (let i = 0; i < 3; i += 1) { w.clock.advance(50); await tick(); }
  assert.equal(waiting.done, false);
  release();
  await call;
  w.clock.advance(50);
  await tick();
  assert.equal(waiting.done, true);
});

test('it waits for its own calls only, and no longer than the drain time', async () => {
  const { w, backend } = await held();
  const other = watch(drained(fakeBackend('beta', () => { throw new Error('not called'); }), 1000, { clock: w.clock, timers: w.clock, inflight: w.deps.inflight }));
  const own = watch(drained(backend, 1000, { clock: w.clock, timers: w.clock, inflight: w.deps.inflight }));
  await tick();
  assert.deepEqual([other.done, own.done], [true, false]);
  for (let i = 0; i < 20; i += 1) { w.clock.advance(50); await tick(); }
  assert.equal(own.done, true);
});
