// Each cell of protocol reference 4.13: what an agent of either form gets from a backend of either, verb by verb.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Question, QuestionReply } from '../../../src/core/capabilities.ts';
import type { Era } from '../../../src/core/call.ts';
import { toRaw } from '../../../src/core/json/compose.ts';
import { statusOf } from '../../../src/core/outcome.ts';
import { read, world } from '../../support/world.ts';
import { settle } from '../waiting.ts';
import { ACCEPT, agentOf, ask, begin, call, eraOf, FORM, idOf, LEGACY, MODERN, PLAIN, raw, taskWorld, verbsOf, type Over } from './jobs.ts';

const ERAS: readonly Era[] = ['modern', 'legacy'];
const UNKNOWN = { code: -32602, message: 'Unknown task' };
/** Beyond 2^53, a repeated spelling of numbers, an order of keys, an escape, and fields nobody knows. */
const ODD = '{"zeta":9007199254740993,"content":[{"type":"text","text":"caf\\u00e9"}],"alpha":1.50e+2,"_meta":{"acme/x":10000000000000000001},"structuredContent":{"n":123456789012345678901234567890,"b":1,"a":2}}';

for (const agent of ERAS) for (const era of ERAS) describe(`an agent of the ${agent} form before a backend of the ${era} one`, () => {
  const who = agentOf(agent);

  test('T107 T109 begins a task, under an id of the gateway, in its own words; the backend has one call with leave', async () => {
    const at = taskWorld(era);
    at.jobs.extra = '"statusMessage":"in the queue","acme":{"n":9007199254740993},';
    const answer = await call(at, who, { a: 1 });
    const id = idOf(answer);
    assert.notEqual(id, 'job-1');
    const dates = { createdAt: '2026-11-21T00:00:00Z', lastUpdatedAt: '2026-11-21T00:00:01Z', statusMessage: 'in the queue' };
    const { result } = read(answer);
    const task = agent === 'modern' ? result : result?.['task'];
    const words = agent === 'modern' ? { ttlMs: 60_000, pollIntervalMs: 500 } : { ttl: 60_000, pollInterval: 500 };
    assert.partialDeepStrictEqual(task, { taskId: id, status: 'working', ...dates, ...words });
    assert.match(answer.message ?? '', /"acme":\{"n":9007199254740993\}/);
    assert.equal(result?.['resultType'], agent === 'modern' ? 'task' : undefined);
    const [permit] = at.backend.calls;
    assert.ok(permit?.call.kind === 'tool');
    assert.deepEqual([permit.call.args, permit.call.task, at.backend.calls.length], ['{"a":1}', { ttlMs: undefined, taker: 'agent' }, 1]);
    assert.deepEqual([at.w.outcomes.map(statusOf), at.w.outcomes.map((one) => one.kind === 'call' && one.end.kind), at.w.intents.length], [['success'], ['task_created'], 1]);
  });

  test('looks at it while it works and when it is cancelled', async () => {
    const at = taskWorld(era);
    const id = await begin(at, who);
    for (const status of ['working', 'cancelled'] as const) {
      at.jobs.move(at.jobs.last, { status });
      const { result } = await ask(at, 'get', who, id);
      assert.partialDeepStrictEqual(result, { taskId: id, status, ...(agent === 'modern' ? { resultType: 'complete', ttlMs: 60_000 } : { ttl: 60_000 }) });
      for (const absent of agent === 'modern' ? ['ttl', 'pollInterval', 'result', 'inputRequests'] : ['ttlMs', 'pollIntervalMs', 'result', 'resultType', '_meta']) assert.equal(Object.hasOwn(result ?? {}, absent), false, absent);
    }
  });

  test('reads its result as the backend wrote it: numbers, the order of keys, escapes and unknown fields', async () => {
    const at = taskWorld(era);
    const id = await begin(at, who);
    at.jobs.move(at.jobs.last, { status: 'completed', result: ODD });
    const answer = await at.w.ask(agent === 'modern' ? 'tasks/get' : 'tasks/result', { taskId: id }, who);
    const message = answer.message ?? '';
    for (const piece of ['"zeta":9007199254740993,"content":[{"type":"text","text":"caf\\u00e9"}],"alpha":1.50e+2,', '"acme/x":10000000000000000001', '"structuredContent":{"n":123456789012345678901234567890,"b":1,"a":2}']) assert.ok(message.includes(piece), `${piece}\n${message}`);
    if (agent === 'modern') assert.equal(read(answer).result?.['status'], 'completed');
    else assert.deepEqual(read(answer).result?._meta?.['io.modelcontextprotocol/related-task'], { taskId: id });
  });

  test('a tool that failed is a failed task in 2025-11-25, and a completed one by the extension; its result is there in both', async () => {
    const at = taskWorld(era);
    const id = await begin(at, who);
    at.jobs.move(at.jobs.last, { status: era === 'modern' ? 'completed' : 'failed', result: '{"content":[],"isError":true}' });
    const { result } = await ask(at, 'get', who, id);
    assert.equal(result?.['status'], agent === 'modern' ? 'completed' : 'failed');
    const own = agent === 'modern' ? result['result'] : (await ask(at, 'result', who, id)).result;
    assert.partialDeepStrictEqual(own, { content: [], isError: true });
    assert.equal(statusOf(at.w.outcomes.at(-1) ?? assert.fail()), 'error');
  });

  test('an error of the protocol is the error of the task', async () => {
    const at = taskWorld(era);
    const id = await begin(at, who);
    at.jobs.move(at.jobs.last, { status: 'failed', error: { code: -32603, message: 'broke' } });
    if (agent === 'modern') assert.partialDeepStrictEqual((await ask(at, 'get', who, id)).result, { status: 'failed', error: { code: -32603, message: 'broke' } });
    else assert.partialDeepStrictEqual((await ask(at, 'result', who, id)).error, { code: -32603, message: 'broke' });
  });

  test('answers what it asks: in its own form, with keys that are never used twice', async () => {
    const at = taskWorld(era);
    const id = await begin(at, who);
    const keys = new Set<string>();
    const asked: Question[] = [];
    const io = { ask: (question: Question): Promise<QuestionReply> => Promise.resolve(asked.push(question)).then(() => ({ kind: 'result', raw: toRaw(ACCEPT) }) as const) };
    for (const turn of [1, 2]) {
      at.jobs.move(at.jobs.last, { status: 'input_required', questions: { [`k${turn}`]: FORM } });
      if (agent === 'modern') {
        const { result } = await ask(at, 'get', who, id);
        assert.equal(result?.['status'], 'input_required');
        const requests = Object.entries(Object(result['inputRequests']));
        assert.equal(requests.length, 1, JSON.stringify(result));
        for (const [key, request] of requests) {
          assert.ok(!keys.has(key), 'a key is used once');
          keys.add(key);
          assert.partialDeepStrictEqual(request, { method: 'elicitation/create', params: { message: '[alpha] Sure?' } });
        }
        assert.deepEqual((await ask(at, 'update', who, id, { inputResponses: Object.fromEntries(requests.map(([key]) => [key, ACCEPT])) })).result?.['resultType'], 'complete');
      } else {
        const pending = ask(at, 'result', { ...who, io }, id);
        await settle(at.w);
        assert.equal(asked.length, turn);
        assert.deepEqual(JSON.parse(asked.at(-1)?.params ?? '{}')['_meta'], { 'io.modelcontextprotocol/related-task': { taskId: id } });
        if (turn === 2) at.jobs.move(at.jobs.last, { status: 'completed' });
        else if (era === 'legacy') {
          at.jobs.move(at.jobs.last, { status: 'input_required', questions: { again: FORM } });
          await settle(at.w);
          asked.splice(1);
          at.jobs.move(at.jobs.last, { status: 'completed' });
        } else at.jobs.move(at.jobs.last, { status: 'completed' });
        await settle(at.w, 1000);
        assert.partialDeepStrictEqual((await pending).result, { content: [{ text: 'done' }] });
      }
      await settle(at.w, 1000);
    }
    assert.ok(at.jobs.last.answers.length >= 2);
    for (const answer of at.jobs.last.answers) assert.match(JSON.stringify(answer), /accept/);
  });

  test('cancels it at the backend; a second time is yes by the extension, and -32602 in 2025-11-25', async () => {
    const at = taskWorld(era);
    const id = await begin(at, who);
    const first = await ask(at, 'cancel', who, id);
    assert.equal(at.jobs.last.status, 'cancelled');
    if (agent === 'modern') assert.deepEqual([first.result?.['resultType'], Object.hasOwn(first.result ?? {}, 'taskId')], ['complete', false]);
    else assert.partialDeepStrictEqual(first.result, { taskId: id, status: 'cancelled' });
    const again = await ask(at, 'cancel', who, id);
    if (agent === 'modern') assert.equal(again.result?.['resultType'], 'complete');
    else assert.equal(again.error?.code, -32602);
    assert.deepEqual(verbsOf(at.backend).filter((one) => one.startsWith('cancel')), ['cancel job-1']);
  });

  test('what its backend has forgotten is an unknown task, is listed no more; an error that may pass is told as one', async () => {
    const at = taskWorld(era);
    const id = await begin(at, who);
    at.jobs.instead = () => ({ ok: true, value: { kind: 'error', code: -32603, message: 'database is locked', data: undefined } });
    assert.partialDeepStrictEqual((await ask(at, 'get', who, id)).error, { code: -32603, message: 'database is locked' });
    assert.equal(at.w.deps.tasks.size, 1);
    at.jobs.instead = undefined;
    at.jobs.all.splice(0);
    assert.partialDeepStrictEqual((await ask(at, 'get', who, id)).error, UNKNOWN);
    assert.equal(at.w.deps.tasks.size, 0);
    for (const verb of agent === 'modern' ? ['cancel'] as const : ['result', 'cancel'] as const) assert.deepEqual((await ask(at, verb, who, id)).error, UNKNOWN);
  });
});

test('2025-11-25: once told that it is cancelled, it stays so, whatever its backend does', async () => {
  const at = taskWorld('modern');
  const id = await begin(at, LEGACY);
  await ask(at, 'cancel', LEGACY, id);
  at.jobs.move(at.jobs.last, { status: 'completed' });
  assert.equal((await ask(at, 'get', LEGACY, id)).result?.['status'], 'cancelled');
  assert.partialDeepStrictEqual((await ask(at, 'result', LEGACY, id)).error, { code: -32603, message: 'The task was cancelled' });
  assert.partialDeepStrictEqual((await ask(at, 'list', LEGACY)).result, { tasks: [{ taskId: id, status: 'cancelled' }] });
});

for (const era of ERAS) test(`T108 who takes no tasks gets the result of a tool that gives none: the gateway waits, ${era} backend`, async () => {
  const agents: readonly Over[] = era === 'legacy' ? [PLAIN, LEGACY] : [LEGACY];
  for (const who of agents) {
    const at = taskWorld(era, {}, 'required');
    at.jobs.only = true;
    const pending = call(at, who, {}, {});
    await settle(at.w, 500);
    at.jobs.move(at.jobs.last, { status: 'completed' });
    await settle(at.w, 500);
    const { result } = read(await pending);
    assert.partialDeepStrictEqual(result, { content: [{ text: 'done' }] });
    assert.deepEqual([at.jobs.all.length, at.w.deps.tasks.size, eraOf(who) === 'modern' ? result?.['resultType'] : 'complete'], [1, 0, 'complete']);
  }
});

test('T108 an agent of 2026-07-28 without the extension is told what it lacks, when its backend gives nothing else', async () => {
  const at = taskWorld('modern');
  at.jobs.only = true;
  const answer = await call(at, PLAIN);
  assert.deepEqual([read(answer).error?.code, answer.status], [-32021, 400]);
  assert.equal(at.jobs.all.length, 0);
});

test('what waits in the place of its agent is ended at the backend when the agent goes, and outlives a hiccup', async () => {
  const at = taskWorld('legacy', {}, 'required');
  const gone = new AbortController();
  const pending = call(at, { ...PLAIN, io: { signal: gone.signal } });
  await settle(at.w, 500);
  let hiccups = 2;
  at.jobs.instead = () => (hiccups-- > 0 ? { ok: false, error: { code: 'unreachable', detail: 'refused' } } : Promise.reject(new Error('bug')));
  await settle(at.w, 500);
  await settle(at.w, 500);
  at.jobs.instead = undefined;
  await settle(at.w, 500);
  gone.abort('agent');
  await settle(at.w, 500);
  assert.equal((await pending).message, undefined);
  assert.equal(at.jobs.last.status, 'cancelled');
  assert.deepEqual(at.w.faults, []);
});

test('2025-11-25 before a backend that answers at once: the gateway keeps the result, and is the task', async () => {
  const at = taskWorld('modern');
  at.jobs.atOnce = raw(ODD);
  const answer = await call(at, LEGACY, {}, { task: { ttl: 30_000 } });
  const id = idOf(answer);
  assert.partialDeepStrictEqual(read(answer).result, { task: { status: 'working', ttl: 30_000 } });
  assert.partialDeepStrictEqual((await ask(at, 'get', LEGACY, id)).result, { taskId: id, status: 'completed', ttl: 30_000 });
  const said = (await at.w.ask('tasks/result', { taskId: id }, LEGACY)).message ?? '';
  assert.ok(said.includes('"zeta":9007199254740993,"content":[{"type":"text","text":"caf\\u00e9"}],"alpha":1.50e+2,'), said);
  assert.deepEqual((await ask(at, 'get', MODERN, id)).result?.['status'], 'completed');
  assert.equal((await ask(at, 'cancel', LEGACY, id)).error?.code, -32602);
  assert.deepEqual(at.backend.steps, []);
  at.w.clock.advance(30_000);
  assert.deepEqual((await ask(at, 'result', LEGACY, id)).error, UNKNOWN);
});

test('T110 params.task of a 2026-07-28 request is ignored; of 2025-11-25 for a tool without tasks it is -32601; where none are offered at all it is ignored', async () => {
  const ignored = taskWorld('legacy', {}, 'optional');
  assert.partialDeepStrictEqual(read(await call(ignored, PLAIN, {}, { task: {} })).result, { content: [{ text: 'plain' }] });
  const forbidden = taskWorld('legacy', {}, 'forbidden');
  assert.equal(read(await call(forbidden, LEGACY)).error?.code, -32601);
  assert.equal(forbidden.backend.calls.length, 0);
  const none = world();
  assert.partialDeepStrictEqual(read(await none.ask('tools/call', { name: 'alpha__echo', task: {} }, LEGACY)).result, { content: [{ text: 'ok' }] });
  assert.equal(none.deps.tasks.size, 0);
});
