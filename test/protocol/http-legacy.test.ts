// Legacy Streamable HTTP (2025-03-26, 2025-06-18, 2025-11-25) at the listener: T39–T54 and the rules of sessions.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALICE, ALICE_AGAIN, BOB, LATE_ALICE } from '../surfaces/fake-ingress.ts';
import { errorOf, initialize, listener, MODERN, resultOf, session, textOf } from '../surfaces/speak.ts';
import { testSettings } from '../surfaces/settings.ts';
import { ask, eventually, openStream } from '../surfaces/wire.ts';

const VERSIONS = ['2025-03-26', '2025-06-18', '2025-11-25'];
const STREAM = { Accept: 'text/event-stream' };

for (const version of VERSIONS) {
  test(`T39 initialize ${version} is answered in it, with a session id of visible ASCII and at least 128 random bits [SL1, SL2, SEC12]`, async (t) => {
    const { port, ingress } = await listener(t);
    const reply = await initialize(port, version);
    assert.equal(reply.status, 200);
    const result = resultOf(reply.text);
    assert.equal(result['protocolVersion'], version);
    for (const key of ['resultType', 'ttlMs', 'cacheScope']) assert.equal(key in result, false);
    assert.match(String(reply.headers['mcp-session-id']), /^[\x21-\x7e]{43,}$/);
    assert.equal(ingress.seen[0]?.origin.version, version);
  });
}

test('T40 T41 an initialize asking for something else gets 2025-11-25 [SL1]', async (t) => {
  const { port } = await listener(t);
  for (const version of ['2099-01-01', MODERN, '2024-11-05', 'x']) {
    assert.equal(resultOf((await initialize(port, version)).text)['protocolVersion'], '2025-11-25', version);
  }
});

test('a failed initialize mints no session', async (t) => {
  const { port, surface } = await listener(t);
  const reply = await ask({ port, body: '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}' });
  assert.equal(errorOf(reply.text).code, -32602);
  assert.equal(reply.headers['mcp-session-id'], undefined);
  assert.equal(surface.stats().sessions, 0);
});

test('T42 T43 a request without a session id is 400, with an unknown one 404 [SL2]', async (t) => {
  const { port, ingress } = await listener(t);
  const body = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
  assert.equal((await ask({ port, body })).status, 400);
  assert.equal((await ask({ port, body: '{"jsonrpc":"2.0","method":"notifications/initialized"}' })).status, 400);
  assert.equal((await ask({ port, body, headers: { 'Mcp-Session-Id': 'unknown' } })).status, 404);
  assert.equal((await ask({ port, body, headers: { 'Mcp-Session-Id': '__proto__' } })).status, 404);
  assert.equal(ingress.seen.length, 0);
});

test('T44 DELETE ends the session: what runs in it is cancelled, its streams end, its id is unknown [SL2]', async (t) => {
  const { port, ingress, surface } = await listener(t);
  const talk = await session(port);
  const stream = await openStream({ ...talk.with(STREAM), method: 'GET' });
  const hanging = ask(talk.request('tools/call', { name: 'hang' }, 3));
  await eventually(() => ingress.seen.at(-1)?.method === 'tools/call', 'the call began');
  assert.equal((await ask({ ...talk.with({}), method: 'DELETE' })).status, 204);
  assert.equal((await hanging).status, 202);
  await stream.ended;
  assert.deepEqual(ingress.cancelled, ['agent']);
  assert.equal((await ask(talk.request('ping'))).status, 404);
  assert.equal((await ask({ ...talk.with({}), method: 'DELETE' })).status, 404);
  assert.equal(surface.stats().sessions, 0);
  assert.equal(ingress.watchers.size, 0);
});

test('T45 a session with another principal\'s valid token is the same 404 as an unknown one, delivers nothing, and is recorded [SL3, SEC11]', async (t) => {
  const { port, ingress } = await listener(t);
  const talk = await session(port);
  const thief = { Authorization: `Bearer ${BOB}` };
  const before = ingress.seen.length;
  const stolen = await ask({ ...talk.with(thief), body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}' });
  const unknown = await ask({ ...talk.with({ 'Mcp-Session-Id': 'unknown' }), body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}' });
  assert.deepEqual([stolen.status, stolen.text], [404, unknown.text]);
  assert.equal((await ask({ ...talk.with({ ...thief, ...STREAM }), method: 'GET' })).status, 404);
  assert.equal((await ask({ ...talk.with(thief), method: 'DELETE' })).status, 404);
  assert.equal(ingress.seen.length, before);
  assert.deepEqual(ingress.refused.map(({ principal, reason }) => `${principal?.subject} ${reason.code}`), ['bob foreign_session', 'alice unknown_name', 'bob foreign_session', 'bob foreign_session']);
  assert.equal((await ask(talk.request('ping'))).status, 200, 'alice still has it');
});

test('a refreshed token of the same principal keeps the session', async (t) => {
  const { port } = await listener(t);
  const talk = await session(port);
  for (const token of [ALICE_AGAIN, LATE_ALICE, ALICE]) {
    assert.equal((await ask({ ...talk.with({ Authorization: `Bearer ${token}` }), body: '{"jsonrpc":"2.0","id":1,"method":"ping"}' })).status, 200);
  }
});

test('a session belongs to its endpoint', async (t) => {
  const { port } = await listener(t);
  const talk = await session(port);
  assert.equal((await ask({ ...talk.request('ping'), path: '/mcp/gh' })).status, 404);
});

test('T46 an invalid or unsupported MCP-Protocol-Version in a session is 400 [SL4]', async (t) => {
  const { port, ingress } = await listener(t);
  const talk = await session(port);
  const before = ingress.seen.length;
  const { body = '' } = talk.request('tools/list');
  for (const version of ['1.0', '2024-11-05', 'banana', '']) {
    assert.equal((await ask({ ...talk.with({ 'MCP-Protocol-Version': version }), body })).status, 400, version);
  }
  assert.equal(ingress.seen.length, before);
});

test('T47 without the header the negotiated version is used [SL4]', async (t) => {
  const { port, ingress } = await listener(t);
  const talk = await session(port, '2025-06-18');
  const { body = '' } = talk.request('tools/list');
  assert.equal((await ask({ ...talk.with({ 'MCP-Protocol-Version': undefined }), body })).status, 200);
  assert.equal(ingress.seen.at(-1)?.origin.version, '2025-06-18');
});

test('T48 a batch in a 2025-03-26 session is answered in full; initialize is no part of one', async (t) => {
  const { port, surface } = await listener(t);
  const talk = await session(port, '2025-03-26');
  const body = JSON.stringify([
    { jsonrpc: '2.0', id: 1, method: 'tools/list' },
    { jsonrpc: '2.0', method: 'notifications/whatever' },
    { jsonrpc: '2.0', id: '1', method: 'tools/call', params: { name: 'echo', arguments: { b: 2 } } },
    { jsonrpc: '2.0', id: 1, method: 'ping' },
    { jsonrpc: '2.0', id: 2, method: 'initialize', params: {} },
    { jsonrpc: '2.0', id: 3, method: 'nope' },
    { id: 4, method: 'ping' },
    7,
  ]);
  const reply = await ask({ ...talk.with({ 'MCP-Protocol-Version': undefined }), body });
  assert.equal(reply.status, 200);
  const answers: unknown = JSON.parse(reply.text);
  assert.ok(Array.isArray(answers));
  const told = answers.map((answer: { id?: unknown; error?: { code: number } }) => [answer.id, answer.error?.code]);
  assert.deepEqual(told, [[1, undefined], ['1', undefined], [1, -32600], [2, -32600], [3, -32601], [4, -32600], [undefined, -32600]]);
  const silent = await ask({ ...talk.with({}), body: '[{"jsonrpc":"2.0","method":"notifications/x"},{"jsonrpc":"2.0","id":9,"result":{}}]' });
  assert.deepEqual([silent.status, silent.text], [202, '']);
  for (const bad of ['[]', JSON.stringify(Array.from({ length: 65 }, (_, id) => ({ jsonrpc: '2.0', id, method: 'ping' })))]) {
    assert.equal((await ask({ ...talk.with({}), body: bad })).status, 400);
  }
  assert.equal(surface.stats().sessions, 1);
});

test('T49 a dropped connection cancels nothing; notifications/cancelled does [SL6]', async (t) => {
  const { port, ingress } = await listener(t);
  const talk = await session(port);
  const dropped = await openStream(talk.request('tools/call', { name: 'progress', arguments: { steps: 60 } }, 1));
  await dropped.until('"progress":2');
  dropped.cut();
  await dropped.ended;
  const hanging = ask(talk.request('tools/call', { name: 'hang' }, 2));
  await eventually(() => ingress.seen.length === 3, 'the second call began');
  assert.deepEqual(ingress.cancelled, []);
  await talk.notify('notifications/cancelled', { requestId: 'unknown' });
  await talk.notify('notifications/cancelled', { requestId: '2' });
  await talk.notify('notifications/cancelled', {});
  assert.deepEqual(ingress.cancelled, [], 'the number 2 is not the text "2"');
  await talk.notify('notifications/cancelled', { requestId: 2 });
  assert.deepEqual([(await hanging).status, (await hanging).text], [202, '']);
  assert.deepEqual(ingress.cancelled, ['agent']);
});

test('a session cannot cancel what runs in another one', async (t) => {
  const { port, ingress } = await listener(t);
  const [mine, other] = [await session(port), await session(port)];
  const waiting = ask(mine.request('tools/call', { name: 'wait', arguments: { ms: 80 } }, 1));
  await eventually(() => ingress.seen.at(-1)?.method === 'tools/call', 'the call began');
  await other.notify('notifications/cancelled', { requestId: 1 });
  assert.equal((await waiting).status, 200);
  assert.deepEqual(ingress.cancelled, []);
});

test('T50 tools/list in a session carries nothing modern [SL11]', async (t) => {
  const { port } = await listener(t);
  const talk = await session(port);
  const result = resultOf((await ask(talk.request('tools/list'))).text);
  for (const key of ['resultType', 'ttlMs', 'cacheScope']) assert.equal(key in result, false, key);
});

test('T51 a change notice goes to exactly one of two open streams, and waits for one when there is none [SL5]', async (t) => {
  const { port, ingress } = await listener(t);
  const talk = await session(port);
  const changed = (): void => ingress.watchers.forEach((watcher) => watcher.changed('tools'));
  assert.equal(ingress.watchers.size, 1);
  changed();
  const first = await openStream({ ...talk.with(STREAM), method: 'GET' });
  await first.until('tools/list_changed');
  const second = await openStream({ ...talk.with(STREAM), method: 'GET' });
  changed();
  await second.until('tools/list_changed');
  assert.equal(first.events().length + second.events().length, 2);
  second.cut();
  await eventually(() => {
    changed();
    return first.events().length > 1;
  }, 'the older stream takes over');
  first.cut();
});

test('T52 Last-Event-ID of another session replays nothing, and is refused [SL7, SEC14]', async (t) => {
  const { port, ingress } = await listener(t);
  const [mine, other] = [await session(port), await session(port)];
  const stream = await openStream({ ...mine.with(STREAM), method: 'GET' });
  ingress.watchers.forEach((watcher) => watcher.changed('tools'));
  await stream.until('list_changed');
  const ids = [...stream.text().matchAll(/^id: (.*)$/gm)].map(([, id = '']) => id);
  assert.equal(ids.length, 2);
  for (const id of [...ids, '1']) {
    const foreign = await ask({ ...other.with({ ...STREAM, 'Last-Event-ID': id }), method: 'GET' });
    assert.deepEqual([foreign.status, foreign.text.includes('list_changed')], [400, false], id);
  }
  stream.cut();
});

test('before initialized only ping is served; nobody initializes twice [SL1, SL9]', async (t) => {
  const { port, ingress } = await listener(t);
  const opened = await initialize(port, '2025-11-25');
  const headers = { 'Mcp-Session-Id': String(opened.headers['mcp-session-id']) };
  const send = (method: string, id?: number): ReturnType<typeof ask> => ask({ port, headers, body: JSON.stringify({ jsonrpc: '2.0', ...(id === undefined ? {} : { id }), method, params: {} }) });
  assert.equal((await send('ping', 1)).status, 200);
  assert.deepEqual(await send('tools/list', 2).then(({ status, text }) => [status, errorOf(text).code]), [400, -32600]);
  assert.equal(ingress.watchers.size, 0);
  assert.equal((await send('notifications/initialized')).status, 202);
  assert.equal((await send('tools/list', 3)).status, 200);
  assert.deepEqual(await send('initialize', 4).then(({ status, text }) => [status, errorOf(text).code]), [400, -32600]);
  assert.equal(ingress.watchers.size, 1);
});

test('an unknown method in a session is -32601 with 200: a 404 would say that the session is gone', async (t) => {
  const { port } = await listener(t);
  const talk = await session(port);
  for (const method of ['nope', 'server/discover', 'subscriptions/listen', '__proto__']) {
    const reply = await ask(talk.request(method));
    assert.deepEqual([reply.status, errorOf(reply.text).code], [200, -32601], method);
  }
});

test('T146 every request brings its own bearer: a session id is no credential [S6, SL3, R4]', async (t) => {
  const { port, ingress } = await listener(t);
  const talk = await session(port);
  const before = ingress.seen.length;
  const bare = { ...talk.with({ Authorization: undefined }), body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}' };
  assert.equal((await ask(bare)).status, 401);
  assert.equal((await ask({ ...talk.with({ Authorization: undefined, ...STREAM }), method: 'GET' })).status, 401);
  assert.equal((await ask({ ...talk.with({ Authorization: undefined }), method: 'DELETE' })).status, 401);
  assert.equal(ingress.seen.length, before);
});

test('sessions are bounded: a principal\'s longest idle one makes room, a busy one does not, and the total is a wall', async (t) => {
  const { port, surface, ingress } = await listener(t, { settings: testSettings({ bounds: { sessionsPerPrincipal: 2, sessions: 3 } }) });
  const first = await session(port);
  const second = await session(port);
  const third = await session(port);
  assert.equal((await ask(first.request('ping'))).status, 404, 'the longest idle went');
  const streams = [await openStream({ ...second.with(STREAM), method: 'GET' }), await openStream({ ...third.with(STREAM), method: 'GET' })];
  assert.equal((await initialize(port, '2025-11-25')).status, 429);
  const bob = { Authorization: `Bearer ${BOB}` };
  await session(port, '2025-11-25', bob);
  assert.equal(surface.stats().sessions, 3);
  ingress.change({ bounds: { sessionsPerPrincipal: 9 } });
  const full = await initialize(port, '2025-11-25', bob);
  assert.equal(full.status, 503);
  assert.ok(Number(full.headers['retry-after']) > 0);
  streams.forEach((stream) => stream.cut());
});

test('an idle session ends by itself, with its watch', async (t) => {
  const { port, surface, ingress } = await listener(t, { settings: testSettings({ bounds: { sessionIdleMs: 50 } }) });
  const talk = await session(port);
  await eventually(() => surface.stats().sessions === 0, 'the session expired');
  assert.equal(ingress.watchers.size, 0);
  assert.equal((await ask(talk.request('ping'))).status, 404);
});

test('progress in a session rides the stream of its own request', async (t) => {
  const { port } = await listener(t);
  const talk = await session(port);
  const stream = await openStream(talk.request('tools/call', { name: 'progress', arguments: { steps: 2 }, _meta: { progressToken: 4 } }, 'p'));
  await stream.ended;
  assert.deepEqual(stream.events().length, 3);
  assert.equal(textOf(JSON.stringify(stream.events()[2])), 'progressed');
});
