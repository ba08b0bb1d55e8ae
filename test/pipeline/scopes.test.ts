// Too small a scope, through the whole pipeline: every method that names an object, both eras, with and without HTTP.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALL_OFFERS } from '../support/offers.ts';
import { backendId } from '../../src/core/ids.ts';
import { toRaw } from '../../src/core/json/compose.ts';
import type { BackendListing } from '../../src/core/ports.ts';
import type { Principal } from '../../src/core/principal.ts';
import type { ScopeGrant } from '../../src/core/settings.ts';
import { allowAll, origin, principal, read, settings, world, type World } from '../support/world.ts';
import { begin, LEGACY, MODERN, taskWorld } from './tasks/jobs.ts';
import { able, ACCEPT, asks, elicit, made, parked, retry, text } from './waiting.ts';

const FULL: Partial<BackendListing> = {
  prompts: [toRaw({ name: 'greet' })],
  resources: [toRaw({ uri: 'file:///a', name: 'a' }), toRaw({ uri: 'file:///open', name: 'open' })],
  templates: [toRaw({ uriTemplate: 'file:///{path}', name: 't' })],
  offers: ALL_OFFERS,
};
const grant = (name: string, allow: readonly string[], includes: readonly string[] = []): ScopeGrant => ({ name, allow, includes });
const GRANTS = [
  grant('use', ['alpha/echo', 'prompt:alpha/greet', 'resource:alpha/file:///a', 'resource:alpha/file:///{path}'], ['look']),
  grant('look', ['alpha/look']),
  grant('other', ['resource:alpha/file:///b']),
];
const TOOLS = { alpha: [{ name: 'echo', inputSchema: { type: 'object' } }, { name: 'look', inputSchema: { type: 'object' } }] };
const scoped = (over: Parameters<typeof settings>[0] = {}): World => world({ settings: settings({ scopes: { baseline: [], grants: GRANTS }, ...over }), listings: { alpha: FULL }, tools: TOOLS });
const who = (...scopes: readonly string[]): Principal => principal({ scopes });

const METHODS: readonly (readonly [method: string, params: object, kind: string])[] = [
  ['tools/call', { name: 'alpha__echo' }, 'tool'],
  ['prompts/get', { name: 'alpha__greet' }, 'prompt'],
  ['resources/read', { uri: 'alpha+file:///a' }, 'resource'],
  ['completion/complete', { ref: { type: 'ref/prompt', name: 'alpha__greet' }, argument: { name: 'n', value: 'v' } }, 'prompt'],
  ['completion/complete', { ref: { type: 'ref/resource', uri: 'alpha+file:///{path}' }, argument: { name: 'path', value: 'v' } }, 'resource'],
];

test('over HTTP each method is 403 with what it needs, in each era, and nothing reaches the backend; with it, it does [SEC50]', async () => {
  for (const era of ['modern', 'legacy'] as const) {
    for (const [method, params, kind] of METHODS) {
      const w = scoped();
      const answer = await w.ask(method, params, { era, principal: who('look') });
      assert.deepEqual([answer.status, answer.scopes], [403, ['use']], `${era} ${method}`);
      const { error } = read(answer);
      assert.deepEqual(error, { code: -32600, message: `The token does not have the scope that this ${kind} needs: use. (SEN-0313, call call-1)`, data: { sentinel: { code: 'SEN-0313', reason: 'insufficient_scope', callId: 'call-1', scopes: ['use'] } } });
      assert.deepEqual([made(w), w.intents.length, w.outcomes.length], [0, 0, 1]);
      assert.equal((await w.ask(method, params, { era, principal: who('use') })).status, 200, `${era} ${method}`);
    }
  }
});

test('without HTTP a tool says so in its result, and anything else by the JSON-RPC error alone [SEC50, R17]', async () => {
  for (const [method, params] of METHODS) {
    const answer = read(await scoped().ask(method, params, { origin: origin({ surface: 'socket' }), principal: who() }));
    if (method === 'tools/call') {
      assert.equal(answer.result?.isError, true);
      assert.deepEqual(answer.result?._meta?.['sentinel/denial']?.['scopes'], ['use']);
    } else assert.deepEqual([answer.error?.code, answer.error?.data?.['sentinel']], [-32600, { code: 'SEN-0313', reason: 'insufficient_scope', callId: 'call-1', scopes: ['use'] }]);
  }
});

test('lists show what needs more scope, to each token the same', async () => {
  const w = scoped();
  const names = async (agent: Principal): Promise<unknown> => read(await w.ask('tools/list', {}, { principal: agent })).result?.tools?.map(({ name }) => name);
  assert.deepEqual(await names(who()), ['alpha__echo', 'alpha__look']);
  assert.deepEqual(await names(who('use')), ['alpha__echo', 'alpha__look']);
});

test('what a role hides is unknown whatever the token was granted: no status, no challenge', async () => {
  const w = scoped({ roles: [{ ...allowAll, deny: ['alpha/echo', 'prompt:alpha/greet', 'resource:alpha/**'] }] });
  for (const [method, params] of METHODS) {
    for (const agent of [who(), who('use')]) {
      const answer = await w.ask(method, params, { principal: agent });
      assert.deepEqual([answer.status, answer.scopes, read(answer).error?.data?.['sentinel']], [200, undefined, undefined], method);
    }
  }
});

test('a kill is said before a scope is asked for, and a scope before a limit is charged', async () => {
  const killed = scoped({ kills: { tools: ['alpha/echo'], backends: [], roles: [], subjects: [], all: false, cancelInFlight: true } });
  assert.match(String(read(await killed.callTool('alpha__echo', {}, { principal: who() })).result?._meta?.['sentinel/denial']?.['code']), /SEN-0301/);
  const w = scoped({ limits: { ...settings().limits, perTool: 1 } });
  for (let at = 0; at < 3; at += 1) assert.equal((await w.callTool('alpha__echo', {}, { principal: who() })).status, 403);
  assert.equal(read(await w.callTool('alpha__echo', {}, { principal: who('use') })).result?.isError, undefined);
});

test('the record has the reason and what the token was granted; a later call with more scope shows by which [R12]', async () => {
  const w = scoped();
  await w.callTool('alpha__look', {}, { principal: who('other') });
  await w.callTool('alpha__look', {}, { principal: principal({ scopes: ['use', 'other'], tokenId: 'jti-2' }) });
  const notes = w.outcomes.map((outcome) => (outcome.kind === 'call' ? outcome.trail.find(({ stage }) => stage === 'role')?.note : undefined));
  assert.deepEqual(notes, ['needs scope look: the token has other', 'scope look: the token has use other']);
  const [denied] = w.outcomes;
  assert.ok(denied?.kind === 'call' && denied.end.kind === 'denied' && denied.end.reason.code === 'insufficient_scope');
});

test('refusals for want of scope are counted loosely: they tell a guesser nothing', async () => {
  const w = scoped({ limits: { ...settings().limits, probes: 2 } });
  for (let at = 0; at < 10; at += 1) assert.equal((await w.callTool('alpha__echo', {}, { principal: who() })).status, 403, `${at}`);
});

test('one challenge of subscriptions/listen names all that its URIs need, before anything is acknowledged or followed', async () => {
  const w = scoped();
  const heard: unknown[] = [];
  const uris = ['alpha+file:///open', 'alpha+file:///a', 'alpha+file:///b'];
  const answer = await w.ask('subscriptions/listen', { notifications: { toolsListChanged: true, resourceSubscriptions: uris } }, { principal: who(), io: { notify: (message) => heard.push(message) } });
  assert.deepEqual([answer.status, answer.scopes, heard], [403, ['use', 'other'], []]);
  assert.equal(w.backends.get(backendId('alpha'))?.follows.size, 0);
  assert.equal(w.outcomes.length, 2, 'each is on record');
});

test('a URI that is killed asks for no scope: the stream begins without it', async () => {
  const w = scoped({ kills: { tools: ['resource:alpha/file:///a'], backends: [], roles: [], subjects: [], all: false, cancelInFlight: true } });
  const stop = new AbortController();
  const heard: string[] = [];
  const pending = w.ask('subscriptions/listen', { notifications: { resourceSubscriptions: ['alpha+file:///open', 'alpha+file:///a'] } }, { principal: who(), io: { signal: stop.signal, notify: (message) => heard.push(message) } });
  for (let turn = 0; turn < 50 && heard.length === 0; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  stop.abort('shutdown');
  assert.equal((await pending).status, 200);
  assert.match(heard[0] ?? '', /acknowledged.*"resourceSubscriptions":\["alpha\+file:\/\/\/open"\]/);
});

test('resources/subscribe of 2025 is 403 like a read, and its session goes on', async () => {
  const w = scoped();
  const io = { session: { ended: new AbortController().signal, notify: () => {} } };
  const answer = await w.ask('resources/subscribe', { uri: 'alpha+file:///a' }, { era: 'legacy', principal: who('other'), io });
  assert.deepEqual([answer.status, answer.scopes], [403, ['other', 'use']], 'agents of 2025 are told theirs again');
  assert.deepEqual(read(await w.ask('resources/subscribe', { uri: 'alpha+file:///a' }, { era: 'legacy', principal: who('use'), io })).result, {});
});

test('who goes on with a smaller token hears no more of what needs the larger', async () => {
  const w = scoped();
  const told: unknown[] = [];
  const io = { session: { ended: new AbortController().signal, notify: (message: unknown) => void told.push(message) } };
  await w.ask('resources/subscribe', { uri: 'alpha+file:///a' }, { era: 'legacy', principal: who('use'), io });
  const tell = w.backends.get(backendId('alpha'))?.follows.get('file:///a');
  tell?.('file:///a');
  assert.equal(told.length, 1);
  await w.ask('ping', {}, { era: 'legacy', principal: who('look'), io });
  tell?.('file:///a');
  assert.equal(told.length, 1);
});

test('the original\'s manner keeps its code, beside the same status', async () => {
  const answer = await scoped({ errorCodes: 'original' }).callTool('alpha__echo', {}, { principal: who() });
  assert.deepEqual([answer.status, answer.scopes, read(answer).error?.code], [403, ['use'], -32003]);
});

test('no [scopes]: nothing needs any', async () => {
  const w = world({ listings: { alpha: FULL }, tools: TOOLS });
  for (const [method, params] of METHODS) assert.equal((await w.ask(method, params, { principal: who() })).status, 200);
});

const JOB = [grant('jobs', ['alpha/job'])];

test('each request about a task is held to the scope of its tool, and lists of tasks show what a look would answer', async () => {
  for (const agent of [MODERN, LEGACY]) {
    const at = taskWorld('legacy', { scopes: { baseline: [], grants: JOB } });
    const [wide, small] = [{ ...agent, principal: who('jobs') }, { ...agent, principal: who() }];
    const id = await begin(at, wide);
    const steps = at.backend.steps.length;
    for (const verb of agent === MODERN ? ['get', 'cancel'] : ['get', 'result', 'cancel']) {
      const answer = await at.w.ask(`tasks/${verb}`, { taskId: id }, small);
      assert.deepEqual([answer.status, answer.scopes], [403, ['jobs']], verb);
    }
    assert.equal(at.backend.steps.length, steps, 'nothing reached the backend');
    if (agent === LEGACY) {
      const listed = async (by: object): Promise<number> => { const tasks = read(await at.w.ask('tasks/list', {}, by)).result?.['tasks']; return Array.isArray(tasks) ? tasks.length : -1; };
      assert.deepEqual([await listed(small), await listed(wide)], [0, 1]);
    }
    assert.equal((await at.w.ask('tasks/get', { taskId: id }, wide)).status, 200);
  }
});

test('a stream that names a task needs the scope of its tool, before it is acknowledged', async () => {
  const at = taskWorld('legacy', { scopes: { baseline: [], grants: JOB } });
  const id = await begin(at, { ...MODERN, principal: who('jobs') });
  const heard: unknown[] = [];
  const answer = await at.w.ask('subscriptions/listen', { notifications: { taskIds: [id, 'no-such'] } }, { ...MODERN, principal: who(), io: { notify: (message) => heard.push(message) } });
  assert.deepEqual([answer.status, answer.scopes, heard, at.w.deps.subscriptions.open], [403, ['jobs'], [], 0]);
});

test('a call that waits for its agent is not gone on with by a smaller token, and its place is kept for the larger', async () => {
  const w = world({ respond: asks(elicit), settings: settings({ scopes: { baseline: [], grants: GRANTS } }) });
  const [wide, small] = [{ ...able(), principal: who('use') }, { ...able(), principal: who('look') }];
  const { state } = await parked(w, wide);
  assert.equal((await retry(w, state, { q1: ACCEPT }, small)).status, 403);
  assert.equal(w.deps.parking.size, 1);
  assert.match(text(read(await retry(w, state, { q1: ACCEPT }, wide))), /accept/);
  assert.equal(made(w), 1);
});
