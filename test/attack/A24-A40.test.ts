// A24–A40: media types, batches, upgrades, disconnects, ids and eras that cross.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BOB } from '../surfaces/fake-ingress.ts';
import { envelope, errorOf, initialize, listener, modern, MODERN, session, textOf } from '../surfaces/speak.ts';
import { ask, eventually, openStream, sendRaw } from '../surfaces/wire.ts';

const CALL = { method: 'tools/call', params: { name: 'echo', arguments: {} } };

test('A24 an Accept without both types is 406, in both eras', async (t) => {
  const { port, ingress } = await listener(t);
  const talk = await session(port);
  const before = ingress.seen.length;
  for (const accept of ['application/json', 'text/event-stream', 'text/html', 'application/json, text/event-stream;q=0', undefined]) {
    assert.equal((await ask(modern(port, { ...CALL, headers: { Accept: accept } }))).status, 406, accept);
    const { body } = talk.request('ping');
    assert.equal((await ask({ ...talk.with({ Accept: accept }), ...(body === undefined ? {} : { body }) })).status, 406, accept);
  }
  assert.equal((await ask({ ...talk.with({ Accept: 'application/json' }), method: 'GET' })).status, 406);
  assert.equal(ingress.seen.length, before);
});

test('A24 wildcards and parameters in Accept are understood', async (t) => {
  const { port } = await listener(t);
  for (const accept of ['*/*', 'application/*, text/*', 'APPLICATION/JSON; q=0.5 , text/event-stream;charset=utf-8', 'text/event-stream,application/json']) {
    assert.equal((await ask(modern(port, { ...CALL, headers: { Accept: accept } }))).status, 200, accept);
  }
});

test('A25 what a web page could send without asking first is 415 [SEC17]', async (t) => {
  const { port, ingress } = await listener(t);
  for (const type of ['text/plain', 'multipart/form-data; boundary=x', 'application/x-www-form-urlencoded', 'application/json; charset=utf-16', 'application/jsonp', 'text/json', undefined]) {
    assert.equal((await ask(modern(port, { ...CALL, headers: { 'Content-Type': type } }))).status, 415, type);
  }
  assert.equal((await ask(modern(port, { ...CALL, headers: { 'Content-Encoding': 'gzip' } }))).status, 415);
  assert.equal(ingress.seen.length, 0);
  assert.equal((await ask(modern(port, { ...CALL, headers: { 'Content-Type': 'Application/JSON; charset="UTF-8"' } }))).status, 200);
});

const BATCH = JSON.stringify([{ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', _meta: envelope() } }, { jsonrpc: '2.0', id: 2, method: 'ping' }]);

test('A26 a batch is 400 -32600 and nothing of it is executed: modern, no session, and every revision without batches', async (t) => {
  const { port, ingress } = await listener(t);
  const talks = [await session(port, '2025-06-18'), await session(port, '2025-11-25')];
  const before = ingress.seen.length;
  const askings = [
    { ...modern(port, CALL), body: BATCH },
    { port, body: BATCH },
    ...talks.map((talk) => ({ ...talk.with({}), body: BATCH })),
    { ...modern(port, CALL), body: '[]' },
  ];
  for (const asking of askings) {
    const reply = await ask(asking);
    assert.equal(reply.status, 400);
    assert.equal(errorOf(reply.text).code, -32600);
    assert.equal(errorOf(reply.text).id, undefined);
  }
  assert.equal(ingress.seen.length, before);
});

const UPGRADES: readonly (readonly [string, string])[] = [
  ['WebSocket', 'GET /mcp HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n'],
  ['h2c', 'GET /mcp HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n'],
  ['HTTP/2 by prior knowledge', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['a tunnel', 'CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n'],
];

for (const [what, bytes] of UPGRADES) {
  test(`A29 ${what} is refused and the socket closed`, async (t) => {
    const { port, ingress } = await listener(t);
    const reply = await sendRaw(port, bytes);
    assert.ok(reply.status === 400 || reply.status === 405, reply.text);
    assert.ok(reply.closed);
    assert.equal(ingress.authentications, 0);
  });
}

test('A33 closing the answer of a modern call cancels it, streaming or not yet streaming [SH12]', async (t) => {
  const { port, ingress } = await listener(t);
  const waiting = modern(port, { method: 'tools/call', params: { name: 'hang' } });
  const cut = new AbortController();
  const { request } = await import('node:http');
  const sent = request({ host: '127.0.0.1', port, method: 'POST', path: '/mcp', headers: { Host: 'localhost', 'Authorization': 'Bearer alice.token.1', 'Content-Type': 'application/json', 'Accept': '*/*', ...waiting.headers }, signal: cut.signal });
  sent.on('error', () => undefined);
  sent.end(waiting.body);
  await eventually(() => ingress.seen.length === 1, 'the call began');
  cut.abort();
  await eventually(() => ingress.cancelled.length === 1, 'the pending call was cancelled');
  const streaming = await openStream(modern(port, { method: 'tools/call', params: { name: 'progress', arguments: { steps: 100_000 } } }));
  await streaming.until('"progress":3');
  streaming.cut();
  await eventually(() => ingress.cancelled.length === 2, 'the streaming call was cancelled');
  assert.deepEqual(ingress.cancelled, ['agent', 'agent']);
});

test('A34 the same id twice in flight in one session: the second is -32600, the first gets its own answer', async (t) => {
  const { port, ingress } = await listener(t);
  const talk = await session(port);
  const first = ask(talk.request('tools/call', { name: 'wait', arguments: { ms: 200, nonce: 'first' } }, 7));
  await eventually(() => ingress.seen.at(-1)?.method === 'tools/call', 'the first began');
  const second = await ask(talk.request('tools/call', { name: 'echo', arguments: { nonce: 'second' } }, 7));
  assert.equal(second.status, 400);
  assert.equal(errorOf(second.text).code, -32600);
  // The string "7" is another id than the number 7.
  assert.equal(textOf((await ask(talk.request('tools/call', { name: 'echo', arguments: { nonce: 'text' } }, '7'))).text), '{"nonce":"text"}');
  assert.match(textOf((await first).text), /first/);
  assert.equal((await ask(talk.request('ping', {}, 7))).status, 200, 'free again');
});

test('A35 two clients with the same ids and random delays each get their own answers', async (t) => {
  const { port } = await listener(t);
  const bobs = await session(port, '2025-11-25', { Authorization: `Bearer ${BOB}` });
  let nonce = 0;
  const call = fc.record({ id: fc.constantFrom<string | number>(1, 2, '1'), delay: fc.integer({ min: 0, max: 6 }), who: fc.constantFrom('modern', 'modern again', 'bob') });
  await fc.assert(fc.asyncProperty(fc.uniqueArray(call, { minLength: 2, maxLength: 9, selector: ({ id, who }) => `${who} ${typeof id} ${id}` }), async (calls) => {
    await Promise.all(calls.map(async ({ id, delay, who }) => {
      nonce += 1;
      const params = { name: 'wait', arguments: { ms: delay, nonce } };
      const mine = `"nonce":${nonce}}`;
      const reply = await ask(who === 'bob' ? bobs.request('tools/call', params, id) : modern(port, { method: 'tools/call', params, id }));
      assert.ok(textOf(reply.text).endsWith(mine), reply.text);
      const body: unknown = JSON.parse(reply.text);
      assert.ok(typeof body === 'object' && body !== null && 'id' in body && body.id === id);
    }));
  }), { numRuns: 150 });
});

test('A39 era confusion: whatever headers and body contradict each other, one era serves it or nobody does', async (t) => {
  const { port, ingress, surface } = await listener(t);
  const talk = await session(port);
  const before = ingress.seen.length;
  // Modern headers beside a legacy session: modern.
  assert.equal((await ask(modern(port, { ...CALL, headers: { 'Mcp-Session-Id': talk.id } }))).status, 200);
  assert.equal(ingress.seen.at(-1)?.origin.era, 'modern');
  // initialize with a modern envelope: modern, where it does not exist (T19).
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } };
  const confused = await ask(modern(port, { method: 'initialize', params }));
  assert.equal(confused.status, 404);
  assert.equal(errorOf(confused.text).code, -32601);
  // A modern body under a legacy header or none: neither era.
  for (const version of ['2025-11-25', undefined]) {
    const reply = await ask(modern(port, { ...CALL, headers: { 'MCP-Protocol-Version': version, 'Mcp-Session-Id': talk.id } }));
    assert.equal(errorOf(reply.text).code, -32020);
  }
  // A legacy body under a modern header: neither era.
  const { body = '' } = talk.request('tools/call', { name: 'echo' });
  const bare = await ask({ ...modern(port, CALL), body });
  assert.equal(bare.status, 400);
  assert.equal(errorOf(bare.text).code, -32602);
  assert.equal(ingress.seen.length, before + 1);
  assert.equal(surface.stats().sessions, 1);
});

test('A39 an Mcp-Name header on a legacy request decides nothing [SH15, SEC28, SEC30]', async (t) => {
  const { port, ingress } = await listener(t);
  const talk = await session(port);
  const { body = '' } = talk.request('tools/call', { name: 'echo', arguments: { real: true } });
  const reply = await ask({ ...talk.with({ 'Mcp-Name': 'safe_tool', 'Mcp-Method': 'ping' }), body });
  assert.equal(textOf(reply.text), '{"real":true}');
  assert.equal(ingress.seen.at(-1)?.method, 'tools/call');
});

test('A40 a response to nothing that was asked in this session is dropped, so nothing can be answered for another (T53)', async (t) => {
  const { port, ingress, surface } = await listener(t);
  const talk = await session(port);
  const before = ingress.seen.length;
  assert.equal((await ask({ ...talk.with({}), body: '{"jsonrpc":"2.0","id":"server-1","result":{"action":"accept"}}' })).status, 202);
  assert.equal(surface.stats().strayResponses, 1);
  const stranger = await ask({ ...talk.with({ Authorization: `Bearer ${BOB}` }), body: '{"jsonrpc":"2.0","id":"server-1","result":{}}' });
  assert.equal(stranger.status, 404);
  assert.equal((await ask({ ...modern(port, CALL), body: '{"jsonrpc":"2.0","id":1,"result":{}}' })).status, 400, 'modern (T27)');
  assert.equal(ingress.seen.length, before);
  assert.equal((await initialize(port, MODERN)).status, 200, 'healthy after it');
});
