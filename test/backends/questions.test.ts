import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDeadline } from '../../src/backends/deadline.ts';
import { QuestionDesk } from '../../src/backends/questions.ts';
import type { Served } from '../../src/backends/serving.ts';
import { json } from './support.ts';
import { FakeTime } from './time.ts';

const settings = { asks: { elicitation: true, sampling: false, roots: false }, roots: [] };
const asking = { id: json('q1'), method: 'elicitation/create', params: undefined };

test('a question that nobody answers is an error for its backend at last, and its call\'s time goes on', async () => {
  const time = new FakeTime();
  const desk = new QuestionDesk({ timers: time.timers, settings });
  const expired: number[] = [];
  const replies: string[] = [];
  let given = false;
  const served: Served = {
    owner: '', log: () => undefined, ended: new AbortController().signal,
    deadline: startDeadline(time, { timeoutMs: 1_000, maxTimeoutMs: 1_000 }, (afterMs) => expired.push(afterMs)),
    ask: async (_, signal) => new Promise(() => signal.addEventListener('abort', () => {
      given = true;
    })),
  };
  desk.take(asking, served, (reply) => replies.push(reply));
  await time.passes(86_399_999);
  assert.deepEqual([replies, expired, given], [[], [], false]);
  await time.passes(1);
  assert.deepEqual(replies.map((reply) => JSON.parse(reply)), [{ jsonrpc: '2.0', id: 'q1', error: { code: -32603, message: 'Nobody answered in time' } }]);
  assert.equal(given, true);
  await time.passes(1_000);
  assert.deepEqual(expired, [86_401_000]);
});

test('one call may be asked for only so often, and one id only once at a time', async () => {
  const time = new FakeTime();
  const desk = new QuestionDesk({ timers: time.timers, settings });
  const call = (ask: NonNullable<Served['ask']>): Served => ({
    owner: '', log: () => undefined, ended: new AbortController().signal, ask,
    deadline: startDeadline(time, { timeoutMs: 1_000, maxTimeoutMs: 1_000 }, () => undefined),
  });
  let asked = 0;
  const eager = call(async () => {
    asked += 1;
    return Promise.resolve({ kind: 'result', raw: json({ action: 'accept' }) });
  });
  const replies: string[] = [];
  for (let n = 0; n < 70; n += 1) {
    desk.take({ ...asking, id: json(n) }, eager, (reply) => replies.push(reply));
    await time.passes(0);
  }
  assert.deepEqual([asked, replies.length, replies.filter((reply) => reply.includes('decline')).length], [64, 70, 6]);
  const slow = call(async () => new Promise(() => undefined));
  const twice: string[] = [];
  for (let n = 0; n < 2; n += 1) desk.take(asking, slow, (reply) => twice.push(reply));
  assert.deepEqual(twice.map((reply) => JSON.parse(reply).result), [{ action: 'decline' }]);
  desk.close();
  await time.passes(0);
  assert.equal(twice.length, 1);
});
