import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_CAPABILITIES } from '../../../src/core/capabilities.ts';
import { backendId, timestamp } from '../../../src/core/ids.ts';
import { toRaw } from '../../../src/core/json/compose.ts';
import { ok } from '../../../src/core/result.ts';
import { endTasks } from '../../../src/pipeline/tasks/end.ts';
import { sealTask } from '../../../src/pipeline/tasks/ids.ts';
import { backendSettings, origin, principal, read, settings, world } from '../../support/world.ts';
import { settle } from '../waiting.ts';
import { ask, begin, call, FORM, Jobs, LEGACY, MODERN, taskWorld, verbsOf } from './jobs.ts';

const BOB = { ...MODERN, principal: principal({ subject: 'bob' }) };

test('an id that a backend gives again, after a crash or in the place of another, leads nobody into somebody else\'s task', async () => {
  const at = taskWorld('modern');
  const alices = await begin(at, MODERN);
  const fresh = new Jobs('modern');
  fresh.born = '2026-11-21T00:10:00Z';
  at.w.backends.set(backendId('alpha'), fresh.backend());
  await begin(at, BOB);
  fresh.move(fresh.last, { status: 'completed', result: '{"content":[{"type":"text","text":"of bob"}]}' });
  for (const [verb, more] of [['get', {}], ['cancel', {}], ['update', { inputResponses: { a: { action: 'accept' } } }]] as const) {
    const said = await ask(at, verb, MODERN, alices, more);
    assert.deepEqual(said.error, { code: -32602, message: 'Unknown task' }, verb);
  }
  assert.deepEqual([fresh.last.status, fresh.last.answers], ['completed', []]);
});

test('a task that two principals are given under one id is the first one\'s: it would let the other read and end it', async () => {
  const at = taskWorld('modern');
  const id = await begin(at, MODERN);
  at.backend.call = async () => Promise.resolve(ok({ kind: 'task', raw: toRaw({ resultType: 'task', taskId: 'job-1', status: 'working', createdAt: at.jobs.born, lastUpdatedAt: at.jobs.born, ttlMs: 1000 }) }));
  assert.equal(read(await call(at, BOB)).error?.code, -32603);
  assert.equal((await ask(at, 'get', MODERN, id)).result?.['status'], 'working');
});

test('answers that a backend refuses leave the task known, and within reach of a kill', async () => {
  const at = taskWorld('modern');
  const id = await begin(at, MODERN);
  at.jobs.instead = (step) => (step.verb === 'update' ? ok({ kind: 'error', code: -32602, message: 'Invalid inputResponses', data: undefined }) : undefined);
  const told = await ask(at, 'update', MODERN, id, { inputResponses: { x: { action: 'accept' } } });
  assert.equal(told.error?.message, 'Invalid inputResponses');
  assert.equal(endTasks(() => true, at.w.deps), 1);
  await settle(at.w);
  assert.equal(at.jobs.last.status, 'cancelled');
});

test('a task whose time is over while it works is ended at its backend: nobody could ask for it, or kill it', async () => {
  const at = taskWorld('legacy');
  at.jobs.ttl = 1;
  await call(at, LEGACY, {}, { task: { ttl: 1 } });
  assert.equal(at.jobs.last.status, 'working');
  at.w.clock.advance(10_000);
  await settle(at.w);
  assert.equal(at.jobs.last.status, 'cancelled');
});

test('answers to questions that are not open any more are said to be lost, and not acknowledged', async () => {
  const at = taskWorld('legacy');
  const id = await begin(at, MODERN);
  at.jobs.move(at.jobs.last, { status: 'input_required', questions: { q: FORM } });
  const asked = await ask(at, 'get', MODERN, id);
  const [key = ''] = Object.keys(Object(asked.result?.['inputRequests']));
  assert.notEqual(key, '');
  for (const known of at.w.deps.tasks.list()) known.collector?.end();
  const said = await ask(at, 'update', MODERN, id, { inputResponses: { [key]: { action: 'accept', content: { ok: true } } } });
  assert.match(said.error?.message ?? '', /not open any more/);
});

test('a task that waits for what its backend may not ask, and no word refuses, is ended and says why', async () => {
  const at = taskWorld('modern');
  const over = { origin: origin({ capabilities: { ...NO_CAPABILITIES, tasks: true } }) };
  const id = await begin(at, over);
  at.jobs.move(at.jobs.last, { status: 'input_required', questions: { s: { method: 'sampling/createMessage', params: toRaw({ messages: [], maxTokens: 1 }) } } });
  const said = await ask(at, 'get', over, id);
  assert.equal(said.result?.['status'], 'completed');
  assert.match(JSON.stringify(said.result?.['result']), /needs a model \(sampling\).*isError/);
  assert.equal(at.jobs.last.status, 'cancelled');
});

test('after a restart, while its backend has not told its lists, a task is not called unknown, and asking for it is no guess', async () => {
  const w = world();
  w.cell.configure({ settings: settings({ backends: [backendSettings('alpha'), backendSettings('slow')] }), configHash: 'next' });
  const id = sealTask({ target: { kind: 'tool', backend: backendId('slow'), name: 'job' }, task: 'job-1', born: 't', hosted: false, until: timestamp(w.clock.wall() + 1000) }, principal(), w.deps);
  const said = await ask({ w }, 'get', MODERN, id);
  assert.match(said.error?.message ?? '', /not ready/);
  assert.deepEqual(w.outcomes.filter(({ kind }) => kind === 'refused'), []);
});

test('a tool that was killed between its refusal and the second try is not sent again', async () => {
  const at = taskWorld('modern');
  at.jobs.only = true;
  const sent = at.backend.call.bind(at.backend);
  at.backend.call = async (permit, io) => {
    const answer = await sent(permit, io);
    at.w.cell.override([{ kind: 'kill', id: 'k1', scope: { kind: 'tool', pattern: 'alpha/job' }, by: 'operator', reason: 'test', at: at.w.clock.wall(), until: undefined }]);
    return answer;
  };
  await at.w.ask('tools/call', { name: 'alpha__job', arguments: {} }, { ...LEGACY });
  assert.equal(at.backend.calls.length, 1);
  assert.deepEqual(at.jobs.all, []);
});

test('a task that comes when its agent has gone is ended: nobody has its id', async () => {
  const at = taskWorld('modern');
  const gone = new AbortController();
  const sent = at.backend.call.bind(at.backend);
  at.backend.call = async (permit, io) => {
    const answer = await sent(permit, io);
    gone.abort('agent');
    return answer;
  };
  await at.w.ask('tools/call', { name: 'alpha__job', arguments: {} }, { ...MODERN, io: { signal: gone.signal } });
  await settle(at.w);
  assert.deepEqual([at.jobs.last.status, at.w.deps.tasks.size, verbsOf(at.backend)], ['cancelled', 0, ['cancel job-1']]);
});
