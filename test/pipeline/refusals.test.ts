// Requests that are turned away before there is a call: each principal has its share of records, and what is beyond it is counted.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_CAPABILITIES } from '../../src/core/capabilities.ts';
import { statusOf } from '../../src/core/outcome.ts';
import { origin, principal, read, settings, world, type World } from '../support/world.ts';
import { agentOf, ask, begin, taskWorld } from './tasks/jobs.ts';

const few = (probes: number): World => world({ settings: settings({ limits: { ...settings().limits, probes } }) });
const refused = (w: World): readonly unknown[] => w.outcomes.map((one) => (one.kind === 'refused' ? [one.method, one.name, one.reason.code, statusOf(one)] : one.kind));

test('refusals over the share of a principal have no record of their own, and each is counted', async () => {
  const w = few(3);
  for (let at = 0; at < 100; at += 1) await w.callTool(`nope${at}`);
  assert.equal(w.heard.length, 100, 'metrics and log hear of each');
  assert.equal(w.outcomes.length, 6, 'three unknown names, then a share of three for the limit itself');
  assert.equal(w.deps.unrecorded.times, 94);
});

test('an unknown method and params that are not of the method are on record, before they are answered', async () => {
  const w = world();
  const era = { origin: origin({ era: 'legacy', version: '2025-11-25' }) };
  const bad: readonly (readonly [string, unknown, string, object?])[] = [
    ['no/such/method', {}, 'unknown_method'], ['tools/call', { name: 7 }, 'invalid_request'], ['tools/call', { name: 'alpha__echo', requestState: 7 }, 'invalid_request'],
    ['tools/list', { cursor: 'forged' }, 'invalid_request'], ['tools/list', { cursor: 7 }, 'invalid_request'], ['subscriptions/listen', {}, 'invalid_request'],
    ['initialize', {}, 'invalid_request', era], ['logging/setLevel', { level: 'loud' }, 'invalid_request', era], ['resources/subscribe', { uri: 7 }, 'invalid_request', era], ['tasks/list', {}, 'unknown_method', era],
  ];
  for (const [method, params, code, over] of bad) {
    assert.ok(read(await w.ask(method, params, over)).error !== undefined, method);
    assert.deepEqual(refused(w).at(-1), [method, undefined, code, code === 'invalid_request' ? 'invalid_args' : 'denied']);
  }
  assert.equal(w.outcomes.length, bad.length, 'once each');
  assert.equal(w.heard.length, bad.length);
  const at = taskWorld('modern');
  const before = at.w.outcomes.length;
  assert.equal((await ask(at, 'get', { origin: origin({ capabilities: NO_CAPABILITIES }) }, 'x')).error?.code, -32021);
  assert.deepEqual(refused(at.w).slice(before), [['tasks/get', undefined, 'invalid_request', 'invalid_args']]);
});

test('they have one share together with the refusals by a limit, of each principal its own; beyond it they are counted, and calls go on', async () => {
  const w = few(2);
  for (let at = 0; at < 50; at += 1) {
    await w.ask('tools/call', { name: 7 });
    await w.ask('no/such/method', {});
  }
  assert.deepEqual([w.outcomes.length, w.heard.length, w.deps.unrecorded.times], [2, 100, 98]);
  await w.ask('no/such/method', {}, { principal: principal({ subject: 'bob' }) });
  assert.deepEqual([w.outcomes.length, w.deps.unrecorded.times], [3, 98]);
  assert.equal(read(await w.callTool('alpha__echo')).error, undefined, 'they tell nothing, and are no probes');
});

test('what is no request of an agent leaves no record: a good answer, and a bad handle that is on record as that', async () => {
  const w = world();
  await w.ask('tools/list');
  await w.ask('ping', {}, { era: 'legacy' });
  assert.equal(w.outcomes.length, 0);
  await w.ask('tools/call', { name: 'alpha__echo', requestState: 'forged' });
  assert.deepEqual(refused(w), [['tools/call', 'alpha__echo', 'bad_handle', 'denied']]);
});

test('a list of tasks is a list that is served: with how many were in it', async () => {
  const seen: unknown[] = [];
  const at = taskWorld('legacy', {}, 'optional', { deps: { listed: ({ subject }, method, shown) => void seen.push([subject, method, shown]) } });
  await ask(at, 'list', agentOf('legacy'));
  await begin(at, agentOf('legacy'));
  await ask(at, 'list', agentOf('legacy'));
  await ask(at, 'list', agentOf('legacy'), undefined, { cursor: 'forged' });
  assert.deepEqual(seen, [['alice', 'tasks/list', 0], ['alice', 'tasks/list', 1]]);
});
