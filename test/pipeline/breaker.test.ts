import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backendId } from '../../src/core/ids.ts';
import type { BackendAnswer, BackendFault, StartRecord } from '../../src/core/ports.ts';
import { err, type Result } from '../../src/core/result.ts';
import { backendSettings, okText, read, settings, type World, world } from '../support/world.ts';

const absent = (starts: StartRecord): Result<BackendAnswer, BackendFault> => err({ code: 'not_ready', detail: 'backing_off', starts });
const code = async (w: World): Promise<string> => /SEN-\d+/.exec(JSON.stringify(read(await w.callTool('alpha__echo'))))?.[0] ?? 'answered';
const phase = (w: World): unknown => w.deps.leases.circuits([backendId('alpha')])[0]?.state;

/** A breaker of three failures that has just opened, and whose wait is over. */
async function waited(answers: { now: Result<BackendAnswer, BackendFault> }): Promise<World> {
  const w = world({ respond: () => answers.now });
  for (let i = 0; i < 3; i += 1) await code(w);
  assert.equal(phase(w), 'open');
  w.clock.advance(1001);
  return w;
}

test('calls that meet the pause of a crashed backend do not open its breaker, however many they are', async () => {
  const answers = { now: absent({ failed: 0, givenUp: false }) };
  const w = world({ respond: () => answers.now });
  for (let i = 0; i < 50; i += 1) assert.equal(await code(w), 'SEN-0403');
  answers.now = okText('back');
  assert.equal(await code(w), 'answered');
});

test('nor do they count as successes: failures before and after the pause are failures in a row', async () => {
  const exited = err({ code: 'exited', detail: 'status 1' } as const);
  const answers: { now: Result<BackendAnswer, BackendFault> } = { now: exited };
  const w = world({ respond: () => answers.now });
  for (const now of [exited, exited, absent({ failed: 0, givenUp: false }), exited]) {
    answers.now = now;
    await code(w);
  }
  assert.equal(phase(w), 'open');
});

test('a start that failed counts once, however many calls met it; as many as the threshold open the breaker', async () => {
  const answers = { now: absent({ failed: 0, givenUp: false }) };
  const w = world({ respond: () => answers.now });
  for (const failed of [1, 2]) {
    answers.now = absent({ failed, givenUp: false });
    for (let i = 0; i < 10; i += 1) assert.equal(await code(w), 'SEN-0403');
  }
  answers.now = absent({ failed: 3, givenUp: false });
  assert.equal(await code(w), 'SEN-0403');
  assert.equal(await code(w), 'SEN-0307');
});

test('starts that failed before a backend was well again are not held against it', async () => {
  const answers = { now: absent({ failed: 2, givenUp: false }) };
  const w = world({ respond: () => answers.now });
  await code(w);
  answers.now = okText('ok');
  await code(w);
  for (const failed of [0, 1, 1, 2, 2]) {
    answers.now = absent({ failed, givenUp: false });
    await code(w);
  }
  assert.equal(phase(w), 'closed');
});

test('a backend that was given up is failing at each call', async () => {
  const w = world({ respond: () => absent({ failed: 0, givenUp: true }) });
  for (let i = 0; i < 3; i += 1) assert.equal(await code(w), 'SEN-0403');
  assert.equal(await code(w), 'SEN-0307');
});

test('a probe that met no backend gives its place back: the next call is the probe, and closes the breaker', async () => {
  const answers: { now: Result<BackendAnswer, BackendFault> } = { now: err({ code: 'exited', detail: '' }) };
  const w = await waited(answers);
  answers.now = absent({ failed: 0, givenUp: false });
  for (let i = 0; i < 5; i += 1) assert.equal(await code(w), 'SEN-0403');
  assert.equal(phase(w), 'half_open');
  answers.now = okText('back');
  assert.equal(await code(w), 'answered');
  assert.equal(phase(w), 'closed');
});

test('a session that the backend has forgotten says that it is there', async () => {
  const w = world({ respond: () => err({ code: 'not_ready', detail: 'the session is opened again' }) });
  for (let i = 0; i < 50; i += 1) assert.equal(await code(w), 'SEN-0403');
});

test('one slow call as the probe keeps nobody out for longer than the time of a probe', async () => {
  const slow = Promise.withResolvers<Result<BackendAnswer, BackendFault>>();
  let next: () => Result<BackendAnswer, BackendFault> | Promise<Result<BackendAnswer, BackendFault>> = () => err({ code: 'exited', detail: '' });
  const w = world({ settings: settings({ backends: [backendSettings('alpha', { timeoutMs: 60_000, maxTimeoutMs: 600_000, breaker: { threshold: 3, recoveryMs: 30_000, windowMs: 60_000, minimumCalls: 20, failureRate: 0.5 } })] }), respond: async () => next() });
  for (let i = 0; i < 3; i += 1) await code(w);
  w.clock.advance(30_000);
  next = () => slow.promise;
  const probe = code(w);
  await new Promise((resolve) => setImmediate(resolve));
  next = () => okText('quick');
  assert.equal(await code(w), 'SEN-0307');
  w.clock.advance(5000);
  assert.equal(await code(w), 'answered');
  assert.equal(phase(w), 'closed');
  slow.resolve(err({ code: 'timeout', afterMs: 60_000 }));
  assert.equal(await probe, 'SEN-0404');
  assert.equal(phase(w), 'closed');
});
