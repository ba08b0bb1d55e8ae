// T132 SEC49: what is said of a hidden name and of an unknown one is said after the same time, whatever came before it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { backendId } from '../../src/core/ids.ts';
import type { Answer } from '../../src/core/inbound.ts';
import { createSilence } from '../../src/pipeline/silence.ts';
import { ALL_OFFERS } from '../support/offers.ts';
import { toRaw } from '../../src/core/json/compose.ts';
import { allowAll, backendSettings, HandClock, read, settings, world, type World } from '../support/world.ts';

const SAID: Answer = { message: undefined, status: 200 };
const tick = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('an answer that must not tell by its time', () => {
  test('is given at a moment that was fixed when the request came, however long it took until then', async () => {
    for (const took of [0, 1, 7, 19]) {
      const clock = new HandClock();
      const given = Promise.withResolvers<void>();
      const silence = createSilence(clock);
      let at: number | undefined;
      const said = silence(async () => {
        await given.promise;
        return { ...SAID, silent: true };
      }).then(() => (at = clock.now));
      clock.advance(took);
      given.resolve();
      await tick();
      assert.equal(at, undefined, `after ${took} ms`);
      clock.advance(20 - took);
      await said;
      assert.equal(at, 1020);
      assert.equal(clock.timers.size, 0);
    }
  });

  test('is given a whole while later when that moment has passed', async () => {
    const clock = new HandClock();
    let at: number | undefined;
    const said = createSilence(clock)(async () => {
      clock.advance(30);
      return Promise.resolve({ ...SAID, silent: true });
    }).then(() => (at = clock.now));
    await tick();
    assert.equal(at, undefined);
    clock.advance(20);
    await said;
    assert.equal(at, 1050);
  });

  test('every other answer, and a throw, is given at once, and leaves no timer', async () => {
    const clock = new HandClock();
    const silence = createSilence(clock);
    assert.equal(await silence(() => SAID), SAID);
    await assert.rejects(silence(() => Promise.reject(new Error('a bug'))), /a bug/);
    assert.equal(clock.timers.size, 0);
  });
});

test('T132 hidden and unknown names are silent in every method that takes one; what may be seen never is [SEC49]', async () => {
  const listing = { offers: ALL_OFFERS, prompts: [toRaw({ name: 'p' })], resources: [toRaw({ uri: 'mem://r', name: 'r' })], tools: [toRaw({ name: 'echo' })] };
  const w: World = world({
    settings: settings({ backends: [backendSettings('alpha'), backendSettings('beta')], roles: [{ ...allowAll, deny: ['beta/*', 'prompt:beta/*', 'resource:beta/*'] }] }),
    listings: { alpha: listing, beta: listing },
  });
  assert.ok(w.cell.current().catalog.byBackend.has(backendId('beta')));
  const named = (backend: string, own: string): readonly (readonly [string, object])[] => [
    ['tools/call', { name: `${backend}__${own}` }], ['prompts/get', { name: `${backend}__${own}` }], ['resources/read', { uri: `${backend}+mem://${own}` }],
    ['completion/complete', { ref: { type: 'ref/prompt', name: `${backend}__${own}` }, argument: { name: 'a', value: '' } }],
  ];
  const silent = [...named('beta', 'echo'), ...named('beta', 'p'), ...named('beta', 'r'), ...named('gamma', 'x')];
  for (const [method, params] of silent) {
    const answer = await w.ask(method, params);
    assert.equal(answer.silent, true, `${method} ${JSON.stringify(params)}`);
    assert.equal(read(answer).error?.code, -32602);
  }
  for (const [method, params] of [['tools/call', { name: 'alpha__echo' }], ['resources/read', { uri: 'alpha+mem://r' }], ['tools/list', {}]] as const) assert.equal((await w.ask(method, params)).silent, undefined, method);
});
