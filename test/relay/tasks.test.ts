// Tasks in the words of both forms.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Era } from '../../src/core/call.ts';
import { BACKEND_LIMITS } from '../../src/core/json/raw.ts';
import { scan } from '../../src/core/json/scan.ts';
import { createdResult, readCreated, readTold, relatedTaskOf, toldResult, withRelatedTask, type Telling, type Told } from '../../src/relay/tasks.ts';
import { raw } from './raw.ts';

const identity = { name: 'sentinel', title: 'Sentinel', version: '0.0.0' };
const TASK = '"taskId":"t1","status":"working","createdAt":"2026-11-21T00:00:00Z"';
const telling = (to: Era, over: Partial<Telling> = {}): Telling => ({ to, id: 'sealed', ttlMs: 1000, status: 'working', identity, ...over });

function sure(told: Told | undefined): Told {
  assert.ok(told);
  return told;
}

describe('a task is read', () => {
  test('in the words of its own form, and in no other', () => {
    assert.partialDeepStrictEqual(readTold(raw(`{${TASK},"ttl":5,"pollInterval":7}`), 'legacy'), { task: 't1', status: 'working', ttlMs: 5, pollMs: 7 });
    assert.partialDeepStrictEqual(readTold(raw(`{${TASK},"ttlMs":5,"pollIntervalMs":7}`), 'modern'), { ttlMs: 5, pollMs: 7 });
    assert.partialDeepStrictEqual(readTold(raw(`{${TASK},"ttlMs":5,"pollIntervalMs":7}`), 'legacy'), { ttlMs: undefined, pollMs: undefined });
    assert.equal(readCreated(raw(`{"task":{${TASK}}}`), 'legacy')?.task, 't1');
    assert.equal(readCreated(raw(`{"task":{${TASK}}}`), 'modern'), undefined);
    assert.equal(readCreated(raw(`{"resultType":"task",${TASK}}`), 'modern')?.task, 't1');
  });

  test('or not at all: without an id, with one too long, of a status nobody knows, with questions that cannot be put', () => {
    for (const text of ['{}', '[]', '"t1"', '{"taskId":"t1"}', '{"taskId":"","status":"working"}', '{"taskId":7,"status":"working"}', `{"taskId":"${'x'.repeat(1025)}","status":"working"}`, '{"taskId":"t1","status":"submitted"}', '{"taskId":"t1","status":"constructor"}', '{"taskId":"t1","status":"input_required","inputRequests":{"k":{"method":"tools/call"}}}', '{"taskId":"t1","status":"input_required","inputRequests":[]}']) {
      assert.equal(readTold(raw(text), 'modern'), undefined, text);
    }
  });

  test('with times that are no times as if it had said none', () => {
    for (const ttl of ['null', '-1', '1.5', '"60"', '1e400', '9007199254740993', '{}']) assert.equal(readTold(raw(`{${TASK},"ttlMs":${ttl}}`), 'modern')?.ttlMs, undefined, ttl);
  });

  test('its questions only while it waits for input, its result only where the form inlines one', () => {
    const asks = '"inputRequests":{"k":{"method":"elicitation/create","params":{}}}';
    assert.equal(readTold(raw(`{${TASK},${asks}}`), 'modern')?.requests.size, 0);
    assert.equal(readTold(raw(`{"taskId":"t1","status":"input_required",${asks}}`), 'modern')?.requests.size, 1);
    assert.equal(readTold(raw(`{"taskId":"t1","status":"input_required",${asks}}`), 'legacy')?.requests.size, 0);
    assert.equal(readTold(raw('{"taskId":"t1","status":"completed","result":{"content":[]}}'), 'legacy')?.result, undefined);
    assert.equal(readTold(raw('{"taskId":"t1","status":"completed","result":"done"}'), 'modern')?.result, undefined);
  });
});

describe('a task is told', () => {
  const odd = '"statusMessage":"caf\\u00e9","acme/x":{"n":9007199254740993, "a":1.50}';
  for (const from of ['modern', 'legacy'] as const) for (const to of ['modern', 'legacy'] as const) test(`from the ${from} form to the ${to} one: under the gateway's id, times in its own words, the rest as it was written`, () => {
    const words = from === 'modern' ? '"ttlMs":5,"pollIntervalMs":7' : '"ttl":5,"pollInterval":7';
    const said = toldResult(sure(readTold(raw(`{${TASK},${odd},${words},"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"t1"},"acme/y":1}}`), from)), telling(to), {});
    const own = to === 'modern' ? ['"resultType":"complete"', '"ttlMs":1000', '"pollIntervalMs":7'] : ['"ttl":1000', '"pollInterval":7'];
    for (const piece of ['"taskId":"sealed"', '"statusMessage":"caf\\u00e9"', '"acme/x":{"n":9007199254740993, "a":1.50}', '"acme/y":1', ...own]) assert.ok(said.includes(piece), `${piece} in ${said}`);
    for (const piece of ['"t1"', 'related-task', ...(to === 'modern' ? ['"ttl"', '"pollInterval"'] : ['ttlMs', 'pollIntervalMs', 'resultType', 'serverInfo'])]) assert.ok(!said.includes(piece), `${piece} in ${said}`);
  });

  test('at its beginning: flat by the extension, in `task` by 2025-11-25, which keeps what the model is told meanwhile', () => {
    const answer = raw(`{"task":{${TASK}},"_meta":{"io.modelcontextprotocol/model-immediate-response":"Soon.","io.modelcontextprotocol/other":1,"acme/y":2}}`);
    const told = sure(readCreated(answer, 'legacy'));
    assert.deepEqual(JSON.parse(createdResult(told, telling('legacy'), answer)), {
      task: { taskId: 'sealed', status: 'working', createdAt: '2026-11-21T00:00:00Z', ttl: 1000 }, _meta: { 'acme/y': 2, 'io.modelcontextprotocol/model-immediate-response': 'Soon.' },
    });
    assert.partialDeepStrictEqual(JSON.parse(createdResult(told, telling('modern'), answer)), { resultType: 'task', taskId: 'sealed', status: 'working', ttlMs: 1000 });
  });

  test('whatever a backend says of it, as JSON that says the id, the status and the time once', () => {
    fc.assert(fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 8 }), fc.constantFrom<Era>('modern', 'legacy'), fc.constantFrom<Era>('modern', 'legacy'), (more, from, to) => {
      const scanned = scan(JSON.stringify({ ...more, taskId: 't1', status: 'working' }), BACKEND_LIMITS);
      // A member that no message may have, such as `__proto__`.
      fc.pre(scanned.ok);
      const told = sure(readTold(scanned.value, from));
      const said = toldResult(told, telling(to), {});
      const read: Record<string, unknown> = JSON.parse(said);
      assert.deepEqual([read['taskId'], read['status'], read[to === 'modern' ? 'ttlMs' : 'ttl']], ['sealed', 'working', 1000]);
      assert.equal(said.match(/"taskId":"sealed"/g)?.length, 1);
      assert.ok(sure(readTold(raw(said), to)).task === 'sealed');
    }), { numRuns: 200 });
  });
});

describe('what belongs to a task names it', () => {
  test('beside what its `_meta` says already, in the place of another word for it', () => {
    assert.deepEqual(JSON.parse(withRelatedTask(raw('{"content":[]}'), 'sealed')), { content: [], _meta: { 'io.modelcontextprotocol/related-task': { taskId: 'sealed' } } });
    assert.equal(relatedTaskOf(withRelatedTask(raw('{"_meta":{"a":1,"io.modelcontextprotocol/related-task":{"taskId":"t1"}}}'), 'sealed')), 'sealed');
  });

  test('and what names none, or no string, names none', () => {
    for (const text of ['{}', '{"_meta":7}', '{"_meta":{"io.modelcontextprotocol/related-task":"t1"}}', '{"_meta":{"io.modelcontextprotocol/related-task":{"taskId":7}}}']) assert.equal(relatedTaskOf(raw(text)), undefined, text);
    assert.equal(relatedTaskOf(undefined), undefined);
  });
});
