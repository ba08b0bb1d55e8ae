// `attempts` of a record is how often a backend was really asked: not more where nothing was sent, not less where a request is about a task.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Took } from '../../src/core/outcome.ts';
import type { BackendFault } from '../../src/core/ports.ts';
import { err } from '../../src/core/result.ts';
import { backendSettings, okText, settings, world, type World } from '../support/world.ts';
import { backendOf, full, session, subscribe } from './following.ts';
import { agentOf, ask, begin, taskWorld, verbsOf } from './tasks/jobs.ts';

function tookIn(w: World): Took {
  const last = w.outcomes.at(-1);
  assert.ok(last?.kind === 'call');
  return last.took;
}
const last = (w: World): readonly [number, boolean] => [tookIn(w).attempts, tookIn(w).queueMs !== undefined];

test('a call that its backend never took is sent no time; one that it took, once', async () => {
  const faults: readonly BackendFault[] = [{ code: 'queue_full', limit: 3 }, { code: 'not_ready', detail: 'starting' }, { code: 'spawn_failed', detail: 'x' }];
  for (const fault of faults) {
    const w = world({ settings: settings({ backends: [backendSettings('alpha', { retries: 0 })] }) });
    backendOf(w).call = async () => err(fault);
    await w.callTool('alpha__echo');
    assert.deepEqual(last(w), [0, false], fault.code);
  }
  const w = world();
  await w.callTool('alpha__echo');
  assert.deepEqual(last(w), [1, true]);
});

test('a call that is sent again counts each time, and waits in line until the first', async () => {
  const w = world({ settings: settings({ backends: [backendSettings('alpha', { retries: 3, idempotent: ['echo'] })] }) });
  let tries = 0;
  backendOf(w).call = async (_permit, io) => {
    tries += 1;
    w.clock.now += 5;
    // Not there at the first try: nothing was sent.
    if (tries === 1) return err({ code: 'not_ready', detail: 'starting' });
    io.sent?.();
    return tries === 2 ? err({ code: 'exited', detail: 'status 1' }) : okText('ok');
  };
  const pending = w.callTool('alpha__echo');
  for (let turn = 0; turn < 10; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    w.clock.advance(0);
    for (const { due } of [...w.clock.timers]) w.clock.advance(Math.max(0, due - w.clock.now));
  }
  await pending;
  assert.deepEqual([tries, ...last(w)], [3, 2, true]);
  assert.ok((tookIn(w).queueMs ?? 0) >= 5);
});

for (const era of ['modern', 'legacy'] as const) {
  test(`a request about a task of a ${era} backend counts what the backend is asked because of it`, async () => {
    const at = taskWorld(era);
    const id = await begin(at, agentOf(era));
    assert.deepEqual(last(at.w), [1, true], 'the call that began it');
    for (const verb of ['get', 'cancel'] as const) {
      const before = verbsOf(at.backend).length;
      await ask(at, verb, agentOf(era), id);
      const asked = verbsOf(at.backend).length - before;
      assert.ok(asked > 0);
      assert.deepEqual(last(at.w), [asked, true], verb);
    }
  });
}

test('a call for which the gateway waits in its agent\u2019s place was sent as often as the call was, not as its task was looked at', async () => {
  const at = taskWorld('legacy', {}, 'required');
  at.jobs.only = true;
  const pending = at.w.callTool('alpha__job', {}, { ...agentOf('legacy') });
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  at.jobs.move(at.jobs.last, { status: 'completed' });
  for (let turn = 0; turn < 5; turn += 1) {
    at.w.clock.advance(20_000);
    for (let tick = 0; tick < 10; tick += 1) await new Promise((resolve) => setImmediate(resolve));
  }
  await pending;
  assert.ok(verbsOf(at.backend).length > 0);
  assert.equal(tookIn(at.w).attempts, at.backend.calls.length);
});

test('who follows what is followed already asks the backend nothing, and neither does who finds no backend', async () => {
  const w = full();
  await subscribe(w, session(), 'alpha+file:///a');
  assert.deepEqual(last(w), [1, true]);
  const backend = backendOf(w);
  const { follow } = backend;
  backend.follow = async (permit, updated) => follow(permit, updated);
  await subscribe(w, session(), 'alpha+file:///a');
  assert.deepEqual(last(w), [0, false]);
  backend.follow = async () => err({ code: 'not_ready', detail: 'gone' });
  await subscribe(w, session(), 'alpha+file:///b');
  assert.deepEqual(last(w), [0, false]);
});
