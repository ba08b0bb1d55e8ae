// T21, T105, T108, T112, T114, T119, T121–T124, T132, T136, T147 through the whole gateway, by hand, over HTTP: what one agent may learn of
// another, what a backend may make of an agent, and what stays when backends are gone.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ScriptedHttp, type Asked, type Json } from '../fixtures/backends/scripted-http.ts';
import { startGateway, type Gateway } from '../support/e2e/gateway.ts';
import { ROOT, until } from '../support/e2e/processes.ts';
import { fixture, httpBackend, stdioBackend } from '../support/e2e/servers.ts';
import { envelope, errorOf, modern, resultOf, session, textOf, type ModernRequest } from '../surfaces/speak.ts';
import { ask, openStream, type OpenStream, type Reply } from '../surfaces/wire.ts';

const bin = new AsyncDisposableStack();
const CAPABILITIES = { tools: {}, resources: {} };
const TASKS = 'io.modelcontextprotocol/tasks';
const NOTE = 'mem://note';
let gateway: Gateway;
let port = 0;
let alice = '';
let bob = '';
let generous: ScriptedHttp;

/** `hints` stand in every list and read; the tool answers what `calls` says; reading `ask:` takes a question first. */
function reading(hints: Readonly<Record<string, Json>>): (asked: Asked) => boolean {
  return ({ method, params, answer, response }) => {
    const uri = params['uri'] ?? '';
    if (method === 'resources/list') answer({ resultType: 'complete', ...hints, resources: [{ uri: NOTE, name: 'note' }, { uri: 'mem://asks', name: 'asks' }] });
    else if (method === 'resources/templates/list') answer({ resultType: 'complete', ...hints, resourceTemplates: [] });
    else if (method === 'resources/read' && uri === 'mem://asks' && params['inputResponses'] === undefined) {
      answer({ resultType: 'input_required', requestState: 'own', inputRequests: { who: { method: 'elicitation/create', params: { message: 'Who?', requestedSchema: { type: 'object', properties: {} } } } } });
    } else if (method === 'resources/read') answer({ resultType: 'complete', ...hints, contents: [{ uri, text: params['inputResponses'] === undefined ? 'plain' : 'for who answered' }] });
    else if (method === 'tools/call' && JSON.stringify(params['arguments'] ?? {}).includes('task')) answer({ resultType: 'task', taskId: 't1', status: 'working', createdAt: '2026-08-01T10:00:00Z', lastUpdatedAt: '2026-08-01T10:00:00Z', ttlMs: 1000 });
    else if (method === 'tools/call' && JSON.stringify(params['arguments'] ?? {}).includes('refuse')) response.writeHead(401, { 'www-authenticate': 'Bearer resource_metadata="https://evil.example/canary"' }).end('canary');
    else if (method === 'tools/call') answer({ resultType: 'complete', content: [{ type: 'text', text: JSON.stringify(params['_meta'] ?? {}) }] });
    else return false;
    return true;
  };
}

async function scripted(hints: Readonly<Record<string, Json>>, capabilities: Json = CAPABILITIES): Promise<ScriptedHttp> {
  const peer = await new ScriptedHttp({ era: 'modern', capabilities, asked: reading(hints) }).start();
  bin.defer(async () => peer.stop());
  return peer;
}

before(async () => {
  generous = await scripted({ ttlMs: 60_000, cacheScope: 'public' });
  const odd = await scripted({ ttlMs: -5 }, { ...CAPABILITIES, extensions: { [TASKS]: {} } });
  const child = [process.execPath, join(ROOT, 'test/fixtures/backends/curious.ts')];
  gateway = bin.use(await startGateway({
    wait: 'listening',
    toml: [
      '[rate_limits]', 'default_rpm = 100000', 'probe_rpm = 100000', '',
      httpBackend('generous', generous.url, ['circuit_breaker_threshold = 0']), httpBackend('odd', odd.url),
      stdioBackend('curious', child), fixture('dead', ['--crash-start'], ['max_restarts = 0']),
      '[rbac.roles.all]', 'permissions = ["*"]', '', '[rbac.roles.some]', 'permissions = ["*"]', 'denied_tools = ["odd/*"]', '',
    ].join('\n'),
  }));
  port = Number(new URL(gateway.endpoint).port);
  await gateway.when(({ backends }) => backends.filter(({ state }) => state === 'ready').length === 3, 'all that can be are ready');
  alice = await gateway.token('alice', 'all');
  bob = await gateway.token('bob', 'some');
});
after(async () => bin.disposeAsync());

const as = (token: string, request: ModernRequest): Parameters<typeof ask>[0] => modern(port, { ...request, headers: { Authorization: `Bearer ${token}` } });
const call = async (name: string, args: object, meta?: ModernRequest['meta'], token = alice): Promise<Reply> => ask(as(token, { method: 'tools/call', params: { name, arguments: args }, meta }));
const read = async (token: string, uri: string, params: object = {}, meta?: ModernRequest['meta']): Promise<Reply> => ask(as(token, { method: 'resources/read', params: { uri, ...params }, meta }));
const listen = async (notifications: object, id: string): Promise<OpenStream> => openStream(as(alice, { method: 'subscriptions/listen', params: { notifications }, id }));

describe('agents among themselves', () => {
  test('T121 what one agent has read is asked for again when another reads it, whatever the backend allows [C8, SEC33]', async () => {
    const before = generous.got('resources/read').length;
    for (const token of [alice, bob, alice]) {
      const { ttlMs, cacheScope } = resultOf((await read(token, `generous+${NOTE}`)).text);
      assert.deepEqual({ ttlMs, cacheScope }, { ttlMs: 0, cacheScope: 'private' });
    }
    assert.equal(generous.got('resources/read').length, before + 3);
  });

  test('T122 T124 a list of several backends is as fresh and as private as the strictest of them; a negative time and a missing scope count as none [S17]', async () => {
    for (const method of ['tools/list', 'resources/list', 'resources/templates/list', 'server/discover']) {
      const { ttlMs, cacheScope } = resultOf((await ask(as(alice, { method }))).text);
      assert.deepEqual({ ttlMs, cacheScope }, { ttlMs: 0, cacheScope: 'private' }, method);
    }
    const { ttlMs, cacheScope } = resultOf((await read(alice, `odd+${NOTE}`)).text);
    assert.deepEqual({ ttlMs, cacheScope }, { ttlMs: 0, cacheScope: 'private' }, 'of a backend that says -5');
  });

  test('T123 what a resource gave after a question is not what a later plain read gets [C8]', async () => {
    const uri = 'generous+mem://asks';
    const able = { ...envelope(), 'io.modelcontextprotocol/clientCapabilities': { elicitation: {} } };
    const first = resultOf((await read(alice, uri, {}, able)).text);
    assert.equal(first['resultType'], 'input_required');
    const keys = Object.keys(first['inputRequests'] ?? {});
    const inputResponses = Object.fromEntries(keys.map((key) => [key, { action: 'accept', content: {} }]));
    const answered = await read(alice, uri, { inputResponses, requestState: first['requestState'] }, able);
    assert.match(answered.text, /for who answered/);
    assert.equal(resultOf((await read(alice, uri, {}, able)).text)['resultType'], 'input_required', 'it is asked anew');
  });

  test('T132 a tool that is hidden from a role is absent, and calling it is answered as any word would be, byte for byte [SEC49]', async () => {
    const names = (await ask(as(bob, { method: 'tools/list' }))).text;
    assert.ok(names.includes('generous__do') && !names.includes('odd__'));
    assert.match((await call('odd__do', {})).text, /"complete"/, 'it is there for others');
    const [hidden, unknown] = [await call('odd__do', {}, undefined, bob), await call('odd__xy', {}, undefined, bob)];
    assert.equal(hidden.text.replaceAll('odd__do', '?'), unknown.text.replaceAll('odd__xy', '?'));
    assert.deepEqual([hidden.status, errorOf(hidden.text).code], [unknown.status, -32602]);
  });
});

describe('agents and backends', () => {
  test('T21 where nobody offers tasks their methods are 404 -32601, also where those who do are hidden; where somebody does, who did not declare them is 400 -32021', async () => {
    const params = { taskId: 'nothing', inputResponses: {} };
    for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel']) {
      const asked = { method, params };
      const [hidden, elsewhere] = [await ask(as(bob, asked)), await ask({ ...as(alice, asked), path: '/mcp/generous' })];
      for (const reply of [hidden, elsewhere]) assert.deepEqual([reply.status, errorOf(reply.text).code], [404, -32601], method);
      const undeclared = await ask(as(alice, asked));
      assert.deepEqual([undeclared.status, errorOf(undeclared.text).code], [400, -32021], method);
      assert.deepEqual(errorOf(undeclared.text)['data'], { requiredCapabilities: { extensions: { [TASKS]: {} } } });
      const declared = await ask(as(alice, { ...asked, meta: { ...envelope(), 'io.modelcontextprotocol/clientCapabilities': { extensions: { [TASKS]: {} } } } }));
      assert.deepEqual([declared.status, errorOf(declared.text).code], [200, -32602], `${method} of an unknown task`);
    }
  });

  test('T112 what an agent says in the names of the gateway or of the protocol does not reach a backend; names of others do [SEC36]', async () => {
    const meta = { ...envelope(), 'sentinel/user': 'root', 'sentinel/denial': { code: 'x' }, 'io.modelcontextprotocol/spoofed': true, 'com.example/kept': { n: 1 } };
    const sent: Record<string, unknown> = JSON.parse(textOf((await call('generous__do', {}, meta)).text));
    assert.deepEqual(sent['com.example/kept'], { n: 1 });
    assert.deepEqual(Object.keys(sent).filter((key) => key.startsWith('sentinel/') || key.includes('spoofed')), []);
    assert.equal((sent['io.modelcontextprotocol/clientInfo'] as { readonly name: string }).name, 'sentinel');
  });

  test('T108 an agent never sees a task it did not ask for: that answer of a backend is an error', async () => {
    const reply = await call('generous__do', { how: 'task' });
    assert.equal(errorOf(reply.text).code, -32603);
    assert.ok(!reply.text.includes('t1') && !reply.text.includes('working'));
  });

  test('T147 a backend that wants a credential is our trouble: the agent gets an error, no challenge and no status of it [R19]', async () => {
    const reply = await call('generous__do', { how: 'refuse' });
    assert.deepEqual([reply.status, errorOf(reply.text).code, reply.headers['www-authenticate']], [200, -32603, undefined]);
    assert.doesNotMatch(reply.text, /canary|evil/);
  });

  test('T114 a listen hears of nothing it did not ask for, however much happens [S19]', async () => {
    const tools = await listen({ toolsListChanged: true }, 'only-tools');
    const all = await listen({ resourcesListChanged: true, resourceSubscriptions: ['curious+mem://a'] }, 'others');
    await Promise.all([tools.until('acknowledged'), all.until('acknowledged')]);
    for (let round = 0; round < 5; round += 1) {
      await call('curious__do', { what: 'grow' });
      await call('curious__do', { what: 'update', uri: 'mem://a' });
      await call('curious__do', { what: 'update', uri: 'mem://other' });
      await call('curious__do', { what: 'log', levels: ['error'], data: 'x' });
    }
    await all.until('notifications/resources/updated');
    await all.until('notifications/resources/list_changed');
    assert.equal(tools.events().length, 1, 'only its acknowledgement');
    assert.ok(all.events().every((event) => JSON.stringify(event).includes('"others"')), 'each message is of this listen');
    assert.doesNotMatch(all.text(), /mem:\/\/other|tools\/list_changed|notifications\/message/);
    tools.cut();
    all.cut();
  });
});

describe('what is left when backends are gone', () => {
  test('T136 a backend that is down is missing from lists that nobody may keep, and the others are served; what it had is unknown', async () => {
    const listed = resultOf((await ask(as(alice, { method: 'tools/list' }))).text);
    assert.equal(listed['ttlMs'], 0);
    const text = JSON.stringify(listed['tools']);
    assert.ok(text.includes('curious__do') && !text.includes('dead__'));
    assert.match((await call('curious__do', {})).text, /"complete"/);
    assert.ok([-32602, -32603].includes(Number(errorOf((await call('dead__echo', {})).text).code)));
  });

  test('T105 a legacy agent\'s ping, initialize and lists are answered while every backend it may use is down', async () => {
    const alone = await startGateway({ wait: 'listening', toml: [fixture('dead', ['--crash-start'], ['max_restarts = 0']), '[rbac.roles.all]', 'permissions = ["*"]', ''].join('\n') });
    await using _ended = alone;
    const own = await session(Number(new URL(alone.endpoint).port), '2025-11-25', { Authorization: `Bearer ${await alone.token('alice', 'all')}` });
    assert.deepEqual(resultOf((await ask(own.request('ping'))).text), {});
    assert.deepEqual(resultOf((await ask(own.request('tools/list', undefined, 2))).text)['tools'], []);
  });

  test('T136 with `when_down = "fail"` a list is an error until every backend its reader may see is up, and whole for who may not see the one that is down', async () => {
    const child = [process.execPath, join(ROOT, 'test/fixtures/backends/curious.ts')];
    const whole = await startGateway({
      wait: 'listening',
      toml: [
        '[catalog]', 'when_down = "fail"', '', stdioBackend('curious', child), fixture('dead', ['--crash-start'], ['max_restarts = 0']),
        '[rbac.roles.all]', 'permissions = ["*"]', '', '[rbac.roles.some]', 'permissions = ["*"]', 'denied_tools = ["dead/*"]', '',
      ].join('\n'),
    });
    await using _ended = whole;
    const [all, some] = [await whole.token('alice', 'all'), await whole.token('bob', 'some')];
    const listed = async (token: string): Promise<string> => (await ask(modern(Number(new URL(whole.endpoint).port), { method: 'tools/list', headers: { Authorization: `Bearer ${token}` } }))).text;
    await until(async () => (await listed(some)).includes('curious__do'), 'curious is up');
    const refused = await listed(all);
    assert.equal(errorOf(refused).code, -32603);
    assert.doesNotMatch(refused, /dead|curious/);
    const { backends } = await whole.when((report) => report.backends.some(({ state, pid }) => state === 'ready' && pid !== undefined), 'it has a process');
    process.kill(backends.find(({ state }) => state === 'ready')?.pid ?? 0, 'SIGKILL');
    await until(async () => (await listed(some)).includes('-32603'), 'its end is seen');
    await until(async () => (await listed(some)).includes('curious__do'), 'it is back');
  });

  test('T136 with `when_down = "omit"` there is an error, and no empty list, where all that one may see are down', async () => {
    const left = await startGateway({ wait: 'listening', toml: ['[catalog]', 'when_down = "omit"', '', fixture('dead', ['--crash-start'], ['max_restarts = 0']), '[rbac.roles.all]', 'permissions = ["*"]', '', '[rbac.roles.none]', 'permissions = []', ''].join('\n') });
    await using _ended = left;
    const listed = async (role: string): Promise<string> => (await ask(modern(Number(new URL(left.endpoint).port), { method: 'tools/list', headers: { Authorization: `Bearer ${await left.token('alice', role)}` } }))).text;
    assert.equal(errorOf(await listed('all')).code, -32603);
    assert.deepEqual(resultOf(await listed('none'))['tools'], []);
  });

  test('T119 at the end of the gateway each listen gets its result, with its own id, and then the stream ends [S19]', async () => {
    const stream = await listen({ toolsListChanged: true }, 'to-the-end');
    await stream.until('acknowledged');
    await gateway.stop();
    await stream.ended;
    const last = stream.events().at(-1);
    assert.deepEqual(last, { jsonrpc: '2.0', id: 'to-the-end', result: { resultType: 'complete', _meta: Object(Object(Object(last)['result'])['_meta']) } });
    assert.match(JSON.stringify(last), /"io.modelcontextprotocol\/subscriptionId":"to-the-end"/);
  });
});
