import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALL_OFFERS, NO_OFFERS } from '../support/offers.ts';
import { backendId, timestamp } from '../../src/core/ids.ts';
import { toRaw } from '../../src/core/json/compose.ts';
import type { KillOverride } from '../../src/core/override.ts';
import type { BackendAnswer, BackendListing } from '../../src/core/ports.ts';
import { ok } from '../../src/core/result.ts';
import { allowAll, auditSettings, backendSettings, okText, origin, principal, read, settings, world, type Respond, type World } from '../support/world.ts';

const kill = (pattern: string): KillOverride => ({ kind: 'kill', id: 'k1', scope: { kind: 'tool', pattern }, by: 'op', reason: 'test', at: timestamp(0), until: undefined });
const FULL: Partial<BackendListing> = {
  prompts: [toRaw({ name: 'greet' })],
  resources: [toRaw({ uri: 'file:///a', name: 'a' })],
  templates: [toRaw({ uriTemplate: 'file:///{path}', name: 't' })],
  offers: ALL_OFFERS,
};
const result = (value: unknown): ReturnType<Respond> => ok<BackendAnswer>({ kind: 'result', raw: toRaw(value) });
const answers: Respond = ({ call }) => {
  switch (call.kind) {
    case 'prompt': return result({ messages: [{ role: 'user', content: { type: 'resource', resource: { uri: 'file:///a', text: 'x' } } }] });
    case 'resource': return result({ contents: [{ uri: call.uri, text: 'x' }] });
    case 'completion': return result({ completion: { values: ['v'], total: 1, hasMore: false } });
    default: return okText('ok');
  }
};
const full = (over: Parameters<typeof world>[0] = {}): World => world({ respond: answers, listings: { alpha: FULL, beta: FULL }, ...over });
const at = { origin: origin({ endpoint: { kind: 'single', backend: backendId('alpha') } }) };
const calls = (w: World): readonly unknown[] => w.backends.get(backendId('alpha'))?.calls.map(({ call }) => call.kind) ?? [];

/** Every method that names an object: an allowed one, and how another is named. */
const METHODS: readonly (readonly [method: string, good: unknown, bad: unknown])[] = [
  ['prompts/get', { name: 'alpha__greet' }, { name: 'alpha__nothing' }],
  ['resources/read', { uri: 'alpha+file:///a' }, { uri: 'gamma+file:///a' }],
  ['completion/complete', { ref: { type: 'ref/prompt', name: 'alpha__greet' }, argument: { name: 'n', value: 'v' } }, { ref: { type: 'ref/prompt', name: 'alpha__nothing' }, argument: { name: 'n', value: 'v' } }],
  ['completion/complete', { ref: { type: 'ref/resource', uri: 'alpha+file:///{path}' }, argument: { name: 'path', value: 'v' } }, { ref: { type: 'ref/resource', uri: 'gamma+file:///{path}' }, argument: { name: 'path', value: 'v' } }],
];

test('prompts, resources and completion are answered by their backend once, after a durable intent, with one outcome', async () => {
  for (const [method, good] of METHODS) {
    const w = full();
    const answer = read(await w.ask(method, good));
    assert.equal(answer.error, undefined, method);
    assert.equal(answer.result?.['resultType'], 'complete');
    assert.deepEqual([calls(w).length, w.intents.length, w.outcomes.length], [1, 1, 1], method);
  }
});

test('C01 what is hidden by a role, unknown or not there any more is answered with the same bytes, for every method and era', async () => {
  for (const era of ['modern', 'legacy'] as const) {
    for (const [method, good] of METHODS) {
      const hidden = full({ settings: settings({ roles: [{ ...allowAll, deny: ['alpha/*'] }] }) });
      const absent = full({ listings: { alpha: { ...FULL, prompts: [], resources: [], templates: [], offers: NO_OFFERS } } });
      const [one, two] = [await hidden.ask(method, good, { era }), await absent.ask(method, good, { era })];
      assert.deepEqual(one, two, method);
      assert.notEqual(read(one).error, undefined);
      assert.deepEqual([calls(hidden), hidden.intents.length], [[], 0]);
      assert.doesNotMatch(JSON.stringify(hidden.outcomes), /"value":"v"/);
    }
  }
});

test('a prompt without an argument that it requires is -32602 with what is missing, and its backend is not asked', async () => {
  const listings = { alpha: { ...FULL, prompts: [toRaw({ name: 'greet', arguments: [{ name: 'who', required: true }] })] } };
  for (const era of ['modern', 'legacy'] as const) {
    const w = full({ listings });
    const error = read(await w.ask('prompts/get', { name: 'alpha__greet' }, { era })).error;
    assert.equal(error?.code, -32602);
    assert.match(error.message, /^Invalid arguments: \/ must have required argument 'who'\. \(SEN-0305, call /);
    assert.deepEqual(Reflect.get(Object(error.data?.['sentinel']), 'errors'), [{ path: '', message: "must have required argument 'who'" }]);
    assert.deepEqual([calls(w), w.intents.length, w.outcomes.length], [[], 0, 1]);
    assert.equal(read(await w.ask('prompts/get', { name: 'alpha__greet', arguments: { who: 7 } }, { era })).error?.code, -32602);
    assert.equal(read(await w.ask('prompts/get', { name: 'alpha__greet', arguments: { who: 'you' } }, { era })).error, undefined);
  }
  const watched = full({ listings, settings: settings({ arguments: { ...settings().arguments, mode: 'monitor' } }) });
  assert.equal(read(await watched.ask('prompts/get', { name: 'alpha__greet' })).error, undefined, 'monitor lets it pass');
});

test('T99 a resource that is not there is -32602 for a modern agent and -32002 for a legacy one, whoever says so [S26]', async () => {
  for (const [code, era] of [[-32602, 'modern'], [-32002, 'legacy']] as const) {
    const uri = 'alpha+file:///none';
    const errors: readonly BackendAnswer[] = [{ kind: 'error', code: -32002, message: 'gone', data: undefined }, { kind: 'error', code: -32602, message: 'Resource not found', data: toRaw({ uri: 'file:///none' }) }];
    for (const said of errors) {
      const w = full({ respond: () => ok(said) });
      assert.deepEqual(read(await w.ask('resources/read', { uri }, { era })).error, { code, message: 'Resource not found', data: { uri } });
    }
    const none = full({ settings: settings({ roles: [{ ...allowAll, deny: ['resource:alpha/*'] }] }) });
    assert.deepEqual(read(await none.ask('resources/read', { uri }, { era })).error, { code, message: 'Resource not found', data: { uri } });
  }
});

test('T133 a path that climbs, in whatever encoding, is no resource and reaches nobody', async () => {
  const w = full({ settings: settings({ roles: [{ ...allowAll, deny: ['resource:alpha/file:///etc/*'] }] }) });
  for (const uri of ['alpha+file:///a/../../etc/passwd', 'alpha+file:///a/%2e%2e/etc/passwd', 'alpha+file:///a/%252e%252e/etc', 'alpha+file:///%65tc/passwd', 'alpha+FILE:///etc/passwd', 'alpha+file:///etc/passwd', 'alpha+a b', 'alpha+nothing', 'file:///a', 'alpha+']) {
    assert.deepEqual(read(await w.ask('resources/read', { uri })).error, { code: -32602, message: 'Resource not found', data: { uri } });
  }
  assert.deepEqual(calls(w), []);
});

test('a URI that no list names is read by its prefix, and the backend gets it as the agent wrote it', async () => {
  const w = full();
  assert.deepEqual(read(await w.ask('resources/read', { uri: 'alpha+FILE:///b/%7Ec' })).result?.['contents'], [{ uri: 'alpha+FILE:///b/%7Ec', text: 'x' }]);
  const [permit] = w.backends.get(backendId('alpha'))?.calls ?? [];
  assert.ok(permit?.call.kind === 'resource');
  assert.deepEqual([permit.call.uri, permit.call.target.name], ['FILE:///b/%7Ec', 'file:///b/~c']);
  assert.deepEqual(read(await w.ask('resources/read', { uri: 'file:///b' }, at)).result?.['contents'], [{ uri: 'file:///b', text: 'x' }]);
});

test('what `hide` names is read by nobody, also by a URI that no list names', async () => {
  const w = full({ settings: settings({ backends: [backendSettings('alpha', { hide: ['resource:file:///secret/*'] })] }) });
  assert.equal(read(await w.ask('resources/read', { uri: 'alpha+file:///secret/x' })).error?.message, 'Resource not found');
  assert.equal(read(await w.ask('resources/read', { uri: 'alpha+file:///open/x' })).error, undefined);
});

test('T134 resources in results bear the name by which they can be read again', async () => {
  const w = full();
  const prompt = JSON.stringify(read(await w.ask('prompts/get', { name: 'alpha__greet' })).result);
  assert.match(prompt, /"uri":"alpha\+file:\/\/\/a"/);
  assert.equal(read(await w.ask('resources/read', { uri: 'alpha+file:///a' })).error, undefined);
  assert.match(JSON.stringify(read(await w.ask('prompts/get', { name: 'greet' }, at)).result), /"uri":"file:\/\/\/a"/);
});

test('T135 completion: the backend reads its own name or URI, and a hidden prompt is an unknown one [S28]', async () => {
  const w = full();
  for (const [, good] of METHODS.slice(2)) await w.ask('completion/complete', good);
  const refs = w.backends.get(backendId('alpha'))?.calls.map(({ call }) => (call.kind === 'completion' ? call.ref : ''));
  assert.deepEqual(refs, ['{"type":"ref/prompt","name":"greet"}', '{"type":"ref/resource","uri":"file:///{path}"}']);
  const hidden = full({ settings: settings({ roles: [{ ...allowAll, deny: ['prompt:alpha/greet'] }] }) });
  assert.deepEqual(read(await hidden.ask('completion/complete', METHODS[2]?.[1])).error, { code: -32602, message: 'Unknown prompt: alpha__greet' });
});

test('a backend without completions, offered because of another, completes to nothing and is not asked', async () => {
  const w = full({ settings: settings({ backends: [backendSettings('alpha'), backendSettings('beta')] }), listings: { alpha: { ...FULL, offers: { ...ALL_OFFERS, completions: false } }, beta: FULL } });
  assert.deepEqual(read(await w.ask('completion/complete', METHODS[2]?.[1])).result?.['completion'], { values: [], total: 0, hasMore: false });
  assert.deepEqual([calls(w), w.outcomes.length], [[], 1]);
});

test('a denial of what is no tool is a JSON-RPC error with our code, reason and wait [S28, SEC48, SEC51]', async () => {
  const limits = { perTool: 1, tools: [], roles: {}, backends: {}, global: undefined, tasks: 1000, probes: 100, mode: 'enforce' } as const;
  for (const [method, good] of METHODS.slice(0, 3)) {
    const w = full({ settings: settings({ limits }) });
    await w.ask(method, good);
    const { error } = read(await w.ask(method, good));
    const sentinel = error?.data?.['sentinel'];
    assert.equal(error?.code, -32603);
    assert.match(error.message, /limit for this (?:prompt|resource), 1 in 60 s/);
    assert.ok(typeof sentinel === 'object' && sentinel !== null && 'code' in sentinel && 'retryAfterMs' in sentinel && 'callId' in sentinel);
    assert.equal(sentinel.code, 'SEN-0303');
  }
});

test('a kill of one kind says nothing of the others, and of what a role may see it says that it is a kill', async () => {
  const w = full();
  w.cell.override([kill('prompt:alpha/*')]);
  assert.match(String(read(await w.ask('prompts/get', { name: 'alpha__greet' })).error?.message), /prompt is switched off by the operator/);
  assert.equal(read(await w.ask('resources/read', { uri: 'alpha+file:///a' })).error, undefined);
  assert.equal(read(await w.callTool('alpha__echo')).error, undefined);
});

test('the original\'s error codes speak of the kind too', async () => {
  const w = full({ settings: settings({ errorCodes: 'original', roles: [{ ...allowAll, deny: ['prompt:alpha/*'] }] }) });
  assert.deepEqual(read(await w.ask('prompts/get', { name: 'alpha__greet' })).error?.message, 'Permission denied for prompt: alpha__greet');
});

test('a prompt and a tool of one name are two things', async () => {
  const w = full({ tools: { alpha: [{ name: 'greet', inputSchema: { type: 'object' } }] }, settings: settings({ roles: [{ ...allowAll, deny: ['prompt:alpha/greet'] }] }) });
  assert.equal(read(await w.callTool('alpha__greet')).error, undefined);
  assert.equal(read(await w.ask('prompts/get', { name: 'alpha__greet' })).error?.message, 'Unknown prompt: alpha__greet');
});

test('params that are not of the method are -32602 and recorded as no request at all [S28]', async () => {
  const w = full();
  const bad: readonly (readonly [string, unknown])[] = [['prompts/get', {}], ['prompts/get', { name: 'x', arguments: [] }], ['resources/read', { uri: 7 }], ['completion/complete', { ref: { type: 'ref/tool', name: 'x' }, argument: { name: 'a', value: 'b' } }], ['completion/complete', { ref: { type: 'ref/prompt', name: 'x' }, argument: { name: 'a' } }]];
  for (const [method, params] of bad) assert.equal(read(await w.ask(method, params)).error?.code, -32602, method);
  assert.deepEqual(w.outcomes.map((one) => (one.kind === 'refused' ? [one.method, one.name, one.reason.code] : [])), bad.map(([method]) => [method, undefined, 'invalid_request']));
});

test('an audit that is down stops what may change something; what only reads may go on with the operator\'s leave', async () => {
  for (const [onFailure, expected] of [['block', 'SEN-0309'], ['continue', undefined]] as const) {
    const w = full({ settings: settings({ audit: auditSettings({ onFailure }) }) });
    w.auditDown = true;
    const sentinel = read(await w.ask('resources/read', { uri: 'alpha+file:///a' })).error?.data?.['sentinel'];
    assert.equal(typeof sentinel === 'object' && sentinel !== null && 'code' in sentinel ? sentinel.code : undefined, expected);
  }
});

test('C03 hello offers what the backends of this viewer offer, and tools always [S2, S24]', async () => {
  const none = read(await full({ listings: { alpha: { offers: NO_OFFERS } } }).ask('server/discover')).result?.['capabilities'];
  assert.deepEqual(none, { tools: { listChanged: true } });
  const all = read(await full().ask('server/discover')).result?.['capabilities'];
  assert.deepEqual(all, { tools: { listChanged: true }, prompts: { listChanged: true }, resources: { subscribe: true, listChanged: true }, completions: {}, logging: {} });
  const stranger = full({ settings: settings({ roles: [{ ...allowAll, deny: ['alpha/*'] }] }) });
  assert.deepEqual(read(await stranger.ask('server/discover')).result?.['capabilities'], { tools: { listChanged: true } });
});

test('T131 a cursor of one list is good for no other list, endpoint or principal [S18]', async () => {
  const base = settings();
  const w = full({ settings: { ...base, bounds: { ...base.bounds, pageSize: 1 } }, listings: { alpha: { ...FULL, prompts: [toRaw({ name: 'a' }), toRaw({ name: 'b' })], resources: [toRaw({ uri: 'file:///a', name: 'a' }), toRaw({ uri: 'file:///b', name: 'b' })], templates: [toRaw({ uriTemplate: 'x:{a}', name: 'a' }), toRaw({ uriTemplate: 'x:{b}', name: 'b' })] } } });
  const lists = ['prompts/list', 'resources/list', 'resources/templates/list'];
  for (const list of lists) {
    const cursor = read(await w.ask(list)).result?.nextCursor;
    assert.equal(typeof cursor, 'string', list);
    for (const other of lists) assert.equal(read(await w.ask(other, { cursor })).error?.code, other === list ? undefined : -32602, other);
    assert.equal(read(await w.ask(list, { cursor }, at)).error?.code, -32602);
    assert.equal(read(await w.ask(list, { cursor }, { principal: principal({ subject: 'bob' }) })).error?.code, -32602);
  }
});
