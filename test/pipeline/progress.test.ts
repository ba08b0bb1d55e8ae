import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toRaw } from '../../src/core/json/compose.ts';
import { err } from '../../src/core/result.ts';
import { relayProgress } from '../../src/pipeline/progress.ts';
import { HandClock, okText, parse, world, type World } from '../support/world.ts';

const steps = (...values: readonly number[]): ReturnType<typeof toRaw>[] => values.map((progress) => toRaw({ progress, total: 100 }));

function relay(): { readonly clock: HandClock; readonly sent: unknown[]; readonly it: ReturnType<typeof relayProgress> } {
  const clock = new HandClock();
  const sent: unknown[] = [];
  return { clock, sent, it: relayProgress(toRaw('t'), { clock, timers: clock }, (message) => sent.push(parse(message).params?.['progress'])) };
}

test('of a burst the first is sent at once and the newest when the time is up', () => {
  const { clock, sent, it } = relay();
  for (const step of steps(1, 2, 3)) it.receive(step);
  assert.deepEqual(sent, [1]);
  clock.advance(19);
  it.receive(toRaw({ progress: 4 }));
  assert.deepEqual(sent, [1]);
  clock.advance(1);
  assert.deepEqual(sent, [1, 4]);
  clock.advance(1000);
  assert.deepEqual(sent, [1, 4], 'and it is sent once');
});

test('I12 a flood is at most fifty a second, and holds one of them and one timer [S21, SEC48]', () => {
  const { clock, sent, it } = relay();
  for (let value = 1; value <= 10_000; value += 1) {
    it.receive(toRaw({ progress: value }));
    if (value % 10 === 0) clock.advance(1);
    assert.ok(clock.timers.size <= 1);
  }
  assert.ok(sent.length <= 51, `${sent.length} in a second`);
  it.end(true);
  assert.equal(sent.at(-1), 10_000);
});

test('values rise, also across one that is held', () => {
  const { clock, sent, it } = relay();
  for (const step of steps(1, 5, 3, 5)) it.receive(step);
  clock.advance(20);
  for (const step of steps(4, 5)) it.receive(step);
  clock.advance(20);
  assert.deepEqual(sent, [1, 5]);
});

test('the end delivers what is held, or drops it, and nothing comes after', () => {
  for (const deliver of [true, false]) {
    const { clock, sent, it } = relay();
    for (const step of steps(1, 2)) it.receive(step);
    it.end(deliver);
    it.receive(toRaw({ progress: 9 }));
    clock.advance(100);
    assert.deepEqual(sent, deliver ? [1, 2] : [1]);
    assert.equal(clock.timers.size, 0);
  }
});

async function asked(w: World, signal: AbortSignal = new AbortController().signal): Promise<readonly unknown[]> {
  const said: unknown[] = [];
  const { message } = await w.ask('tools/call', { name: 'alpha__echo', _meta: { progressToken: 'mine' } }, { io: { signal, notify: (raw) => said.push(parse(raw).params) } });
  if (message !== undefined) said.push('answer');
  w.clock.advance(100);
  return said;
}

test('the last progress of a quick tool reaches the agent, before the answer', async () => {
  const w = world({ respond: (_permit, io) => { for (const step of steps(50, 99, 100)) io.onProgress?.(step); return okText('done'); } });
  assert.deepEqual(await asked(w), [{ progress: 50, total: 100, progressToken: 'mine' }, { progress: 100, total: 100, progressToken: 'mine' }, 'answer']);
});

test('nothing is said of a request any more once its agent has cancelled it [S22]', async () => {
  const agent = new AbortController();
  const w = world({ respond: (_permit, io) => { for (const step of steps(1, 2)) io.onProgress?.(step); agent.abort('agent'); return err({ code: 'cancelled' }); } });
  assert.deepEqual(await asked(w, agent.signal), [{ progress: 1, total: 100, progressToken: 'mine' }]);
});
