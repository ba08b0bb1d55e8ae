import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDeadline } from '../../src/backends/deadline.ts';
import { QuestionDesk } from '../../src/backends/questions.ts';
import type { Served } from '../../src/backends/serving.ts';
import type { BackendLogLine } from '../../src/backends/deps.ts';
import { backendId } from '../../src/core/ids.ts';
import { json } from './support.ts';
import { FakeTime } from './time.ts';

const settings = { id: backendId('peer'), asks: { elicitation: true, sampling: false, roots: false }, roots: [] };
/** Nobody counts. */
const quiet = { events: { questionRefused: () => undefined }, log: () => undefined };
const asking = { id: json('q1'), method: 'elicitation/create', params: undefined };

test('a question that nobody answers is an error for its backend at last, and its call\'s time goes on', async () => {
  const time = new FakeTime();
  const desk = new QuestionDesk({ timers: time.timers, settings, ...quiet });
  const expired: number[] = [];
  const replies: string[] = [];
  let given = false;
  const served: Served = {
    owner: '', task: undefined, begins: false, log: () => undefined, ended: new AbortController().signal,
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

test('4.6: a question whose call has ended is answered for its agent, so that its backend does not wait; one that was taken back is not', async () => {
  const time = new FakeTime();
  const desk = new QuestionDesk({ timers: time.timers, settings: { ...settings, asks: { elicitation: true, sampling: true, roots: true } }, ...quiet });
  const ended = new AbortController();
  const served: Served = {
    owner: '', task: undefined, begins: false, log: undefined, ended: ended.signal, ask: async () => new Promise(() => undefined),
    deadline: startDeadline(time, { timeoutMs: 1_000, maxTimeoutMs: 1_000 }, () => undefined),
  };
  const replies: string[] = [];
  for (const method of ['elicitation/create', 'sampling/createMessage', 'roots/list']) desk.take({ id: json(method), method, params: undefined }, served, (reply) => replies.push(reply));
  desk.take({ ...asking, id: json('taken back') }, served, (reply) => replies.push(reply));
  assert.equal(desk.isAsked(ended.signal), true);
  desk.cancelled(json('taken back'));
  await time.passes(0);
  assert.deepEqual(replies, []);
  ended.abort();
  await time.passes(0);
  assert.deepEqual(replies.map((reply) => JSON.parse(reply)), [
    { jsonrpc: '2.0', id: 'elicitation/create', result: { action: 'cancel' } },
    { jsonrpc: '2.0', id: 'sampling/createMessage', error: { code: -32603, message: 'The call it was asked for has ended' } },
    { jsonrpc: '2.0', id: 'roots/list', error: { code: -32603, message: 'The call it was asked for has ended' } },
  ]);
  assert.equal(desk.isAsked(ended.signal), false);
});

test('one call may be asked for only so often, and one id only once at a time', async () => {
  const time = new FakeTime();
  const desk = new QuestionDesk({ timers: time.timers, settings, ...quiet });
  const call = (ask: NonNullable<Served['ask']>): Served => ({
    owner: '', task: undefined, begins: false, log: () => undefined, ended: new AbortController().signal, ask,
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

test('what is put to nobody is counted by its reason, and told in the log without a word of the question; what is answered here is not', () => {
  const time = new FakeTime();
  const refused: string[] = [];
  const log: BackendLogLine[] = [];
  const told = { events: { questionRefused: (why: string) => void refused.push(why) }, log: (line: BackendLogLine) => void log.push(line) };
  const call = (over: Partial<Served> = {}): Served => ({
    owner: '', task: undefined, begins: false, log: undefined, ended: new AbortController().signal, ask: async () => new Promise(() => undefined),
    deadline: startDeadline(time, { timeoutMs: 1_000, maxTimeoutMs: 1_000 }, () => undefined), ...over,
  });
  const desk = new QuestionDesk({ timers: time.timers, settings, ...told });
  const replies: string[] = [];
  const take = (served: Served | undefined, id: unknown = 'q', method = 'elicitation/create'): void => desk.take({ id: json(id), method, params: json({ message: 'canary' }) }, served, (reply) => replies.push(reply));
  take(undefined);
  take(call({ ended: AbortSignal.abort() }));
  take(call({ ask: undefined }));
  take(call(), 's', 'sampling/createMessage');
  const one = call();
  for (const id of [1, 1, 2, 3, 4, 5]) take(one, id);
  take(one, 'p', 'ping');
  take(one, 'x', 'unknown/method');
  assert.deepEqual(refused, ['unattributed', 'unattributed', 'unaskable', 'forbidden', 'repeated', 'too_many']);
  assert.equal(replies.length, refused.length + 2);
  assert.deepEqual(log.map(({ backend, level, event, text }) => [backend, level, event, text])[3], ['peer', 'debug', 'question refused', 'sampling/createMessage: forbidden']);
  assert.equal(log.length, refused.length);
  assert.doesNotMatch(JSON.stringify(log), /canary/);
  const rooted = new QuestionDesk({ timers: time.timers, settings: { ...settings, roots: [{ uri: 'file:///srv', name: undefined }] }, ...told });
  rooted.take({ id: json(1), method: 'roots/list', params: undefined }, undefined, (reply) => replies.push(reply));
  assert.match(replies.at(-1) ?? '', /file:\/\/\/srv/);
  assert.equal(refused.length, 6);
  desk.close();
});
