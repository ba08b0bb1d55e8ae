// Modern Streamable HTTP (2026-07-28) at the listener, case by case: T1–T38 as far as bytes, headers and eras go. What only the
// pipeline can promise (names, lists, policy) is tested with the whole gateway.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { test } from 'node:test';
import { NO_CAPABILITIES } from '../../src/core/capabilities.ts';
import { ALICE } from '../surfaces/fake-ingress.ts';
import { envelope, errorOf, listener, modern, MODERN, resultOf, textOf } from '../surfaces/speak.ts';
import { ask, eventually, openStream } from '../surfaces/wire.ts';
import { testSettings } from '../surfaces/settings.ts';

const LIST = { method: 'tools/list' };
const CALL = { method: 'tools/call', params: { name: 'echo', arguments: { a: 1 } } };

test('T1 tools/list with correct headers and envelope is 200 with resultType, ttlMs and cacheScope', async (t) => {
  const { port } = await listener(t);
  const reply = await ask(modern(port, LIST));
  assert.equal(reply.status, 200);
  assert.equal(reply.headers['content-type'], 'application/json');
  const { resultType, ttlMs, cacheScope } = resultOf(reply.text);
  assert.deepEqual({ resultType, ttlMs, cacheScope }, { resultType: 'complete', ttlMs: 0, cacheScope: 'private' });
});

test('T2 no _meta under a modern header is 400 -32602 with the id [S4]', async (t) => {
  const { port } = await listener(t);
  const reply = await ask({ ...modern(port, LIST), body: '{"jsonrpc":"2.0","id":"a","method":"tools/list","params":{}}' });
  assert.equal(reply.status, 400);
  assert.deepEqual([errorOf(reply.text).id, errorOf(reply.text).code], ['a', -32602]);
});

test('T3 an envelope without client capabilities is 400 -32602 [S4]', async (t) => {
  const { port } = await listener(t);
  for (const capabilities of [undefined, null, [], 'x']) {
    const reply = await ask(modern(port, { ...LIST, meta: { ...envelope(), 'io.modelcontextprotocol/clientCapabilities': capabilities } }));
    assert.deepEqual([reply.status, errorOf(reply.text).code], [400, -32602]);
  }
});

test('T4 clientInfo is optional', async (t) => {
  const { port, ingress } = await listener(t);
  assert.equal((await ask(modern(port, { ...LIST, meta: { ...envelope(), 'io.modelcontextprotocol/clientInfo': undefined } }))).status, 200);
  assert.equal(ingress.seen[0]?.origin.client, undefined);
});

test('T5 T6 T7 version: header unlike body -32020, unknown in both -32022, no header -32020 [SH8]', async (t) => {
  const { port } = await listener(t);
  const codeOf = async (version: string | undefined, inBody: string): Promise<unknown> => {
    const reply = await ask(modern(port, { ...LIST, headers: { 'MCP-Protocol-Version': version }, meta: envelope(inBody) }));
    assert.equal(reply.status, 400);
    return errorOf(reply.text).code;
  };
  assert.equal(await codeOf(MODERN, '2099-01-01'), -32020);
  assert.equal(await codeOf('2099-01-01', '2099-01-01'), -32022);
  assert.equal(await codeOf(undefined, MODERN), -32020);
});

test('T8 T9 T10 Mcp-Method is required and exact in its value, not in the case of its name [SH8]', async (t) => {
  const { port } = await listener(t);
  for (const value of [undefined, 'TOOLS/CALL', 'tools/list', 'tools/call2', '']) {
    const reply = await ask(modern(port, { ...CALL, headers: { 'Mcp-Method': value } }));
    assert.deepEqual([reply.status, errorOf(reply.text).code], [400, -32020], value);
  }
  assert.equal((await ask(modern(port, { ...CALL, headers: { 'Mcp-Method': undefined, 'mcp-method': 'tools/call' } }))).status, 200);
});

test('T11 an Mcp-Name unlike the body, or none, is 400 -32020 and nothing is called [SH8, SEC28]', async (t) => {
  const { port, ingress } = await listener(t);
  for (const name of ['other', undefined]) {
    const reply = await ask(modern(port, { ...CALL, headers: { 'Mcp-Name': name } }));
    assert.deepEqual([reply.status, errorOf(reply.text).code], [400, -32020]);
  }
  assert.equal(ingress.seen.length, 0);
});

test('T12 space around a header value is no part of it', async (t) => {
  const { port } = await listener(t);
  assert.equal((await ask(modern(port, { ...CALL, headers: { 'Mcp-Name': '  echo  ' } }))).status, 200);
});

test('T13 T14 T15 the Base64 form of Mcp-Name: read when whole, refused when broken, literal when its marks are not exact [SH8]', async (t) => {
  const { port } = await listener(t);
  const statusOf = async (name: string): Promise<number> => (await ask(modern(port, { ...CALL, headers: { 'Mcp-Name': name } }))).status;
  assert.equal(await statusOf('=?base64?ZWNobw==?='), 200);
  assert.equal(await statusOf('=?base64?ZWNobw=?='), 400);
  assert.equal(await statusOf('=?BASE64?ZWNobw==?='), 400);
});

test('T16 two Mcp-* lines of one name are 400 -32020, even when they agree [SH13]', async (t) => {
  const { port, ingress } = await listener(t);
  for (const [name, value] of [['Mcp-Name', 'echo'], ['mcp-method', 'tools/call'], ['MCP-Protocol-Version', MODERN], ['Mcp-Param-Org', 'b']] as const) {
    const lines = name === 'Mcp-Param-Org' ? ['Mcp-Param-Org', 'a', name, value] : [name, value];
    const reply = await ask(modern(port, { ...CALL, lines }));
    assert.deepEqual([reply.status, errorOf(reply.text).code], [400, -32020], name);
  }
  assert.equal(ingress.seen.length, 0);
});

test('T18 T19 T20 what does not exist for modern agents is 404 -32601 with a JSON-RPC body [S23, SH16]', async (t) => {
  const { port, ingress } = await listener(t);
  const unknown = ['foo/bar', 'initialize', 'ping', 'logging/setLevel', 'resources/subscribe', 'tasks/list', 'tasks/result', 'tools/callx', '__proto__', 'constructor', 'toString'];
  for (const method of unknown) {
    const reply = await ask(modern(port, { method, id: 'x' }));
    assert.equal(reply.status, 404, method);
    assert.deepEqual([errorOf(reply.text).id, errorOf(reply.text).code], ['x', -32601], method);
  }
  assert.equal(ingress.seen.length, 0);
});

test('T25 bytes that are no JSON are 400 -32700 without an id member', async (t) => {
  const { port } = await listener(t);
  for (const body of ['{', '', 'nope', '{"a":1}x', "{'a':1}", '\u{feff}{}', '[1,]', 'NaN']) {
    const reply = await ask({ ...modern(port, LIST), body });
    assert.deepEqual([reply.status, errorOf(reply.text).code, errorOf(reply.text).id], [400, -32700, undefined], body);
    assert.equal(reply.text.includes('"id"'), false);
  }
});

test('T26 id null is 400 -32600 [S1]', async (t) => {
  const { port, ingress } = await listener(t);
  const reply = await ask({ ...modern(port, LIST), body: '{"jsonrpc":"2.0","id":null,"method":"tools/list","params":{}}' });
  assert.deepEqual([reply.status, errorOf(reply.text).code, errorOf(reply.text).id], [400, -32600, undefined]);
  assert.equal(ingress.seen.length, 0);
});

test('T28 a posted notification is 202 without a body and touches nobody [SH5]', async (t) => {
  const { port, ingress } = await listener(t);
  const waiting = ask(modern(port, { method: 'tools/call', params: { name: 'wait', arguments: { ms: 100 } }, id: 5 }));
  await eventually(() => ingress.seen.length === 1, 'the call began');
  const body = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 5 } });
  const reply = await ask({ ...modern(port, { method: 'notifications/cancelled' }), body });
  assert.deepEqual([reply.status, reply.text], [202, '']);
  assert.match(textOf((await waiting).text), /100/);
  assert.deepEqual(ingress.cancelled, []);
});

test('T30 T38 a stream has no event ids, tells proxies not to buffer, and shows life when idle [SH6, SH7]', async (t) => {
  const { port } = await listener(t, { settings: testSettings({ bounds: { keepAliveMs: 50 } }) });
  const stream = await openStream(modern(port, { method: 'subscriptions/listen', params: { notifications: { toolsListChanged: true } }, id: 'L1' }));
  assert.equal(stream.status, 200);
  assert.equal(stream.headers['content-type'], 'text/event-stream');
  assert.equal(stream.headers['x-accel-buffering'], 'no');
  await stream.until(': keep-alive');
  assert.match(JSON.stringify(stream.events()[0]), /subscriptions\/acknowledged.*"io.modelcontextprotocol\/subscriptionId":"L1"/);
  assert.doesNotMatch(stream.text(), /^id:/m);
  stream.cut();
});

test('progress rides the stream of its own request, then the answer ends it; without progress the answer is plain JSON [SH6, SH7]', async (t) => {
  const { port } = await listener(t);
  const stream = await openStream(modern(port, { method: 'tools/call', params: { name: 'progress', arguments: { steps: 3 } }, meta: { ...envelope(), progressToken: 'p' }, id: 9 }));
  await stream.ended;
  const events = stream.events().map((event) => JSON.stringify(event));
  assert.equal(events.length, 4);
  events.slice(0, 3).forEach((event, at) => assert.match(event, new RegExp(`"progressToken":"p","progress":${at + 1}`)));
  assert.match(events[3] ?? '', /"id":9.*"result"/);
  assert.equal((await ask(modern(port, CALL))).headers['content-type'], 'application/json');
});

test('a slow answer becomes a stream with signs of life, so that nobody in between gives up', async (t) => {
  const { port } = await listener(t, { settings: testSettings({ bounds: { keepAliveMs: 50 } }) });
  const stream = await openStream(modern(port, { method: 'tools/call', params: { name: 'wait', arguments: { ms: 700 } } }));
  await stream.ended;
  assert.match(stream.text(), /^: keep-alive/);
  assert.equal(stream.events().length, 1);
});

test('T31 T33 a foreign Origin executes nothing', async (t) => {
  const { port, ingress } = await listener(t);
  for (const origin of ['https://evil.example', 'null', 'https://good.example.evil', 'http://good.example']) {
    assert.equal((await ask(modern(port, { ...CALL, headers: { Origin: origin } }))).status, 403);
  }
  assert.equal(ingress.seen.length, 0);
});

test('T35 a repeated JSON member is refused, so that nobody can be shown one value and given another [SEC29]', async (t) => {
  const { port, ingress } = await listener(t);
  const head = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{},';
  for (const body of [`${head}"name":"echo","name":"hang"}}`, `${head}"name":"echo","n\\u0061me":"hang"}}`, `${head}"name":"echo"},"params":{}}`, `${head}"name":"echo","arguments":{"a":1,"a":2}}}`]) {
    assert.equal((await ask({ ...modern(port, CALL), body })).status, 400);
  }
  assert.equal(ingress.seen.length, 0);
});

test('T36 two requests on one connection are judged each by its own envelope', async (t) => {
  const { port, ingress } = await listener(t);
  await ask(modern(port, { ...CALL, meta: { ...envelope(), 'io.modelcontextprotocol/clientInfo': { name: 'first', version: '1' } } }));
  await ask(modern(port, { ...CALL, meta: { ...envelope(), 'io.modelcontextprotocol/clientInfo': undefined } }));
  assert.deepEqual(ingress.seen.map(({ origin }) => origin.client?.name), ['first', undefined]);
});

test('T36 what an agent can be asked for, and which log messages it wants, is what this request says, on whatever connection [S5]', async (t) => {
  const { port, ingress } = await listener(t);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const said = { ...envelope(), 'io.modelcontextprotocol/clientCapabilities': { elicitation: { form: {} } }, 'io.modelcontextprotocol/logLevel': 'info' };
  const ports = new Set<number | undefined>();
  for (const meta of [said, envelope(), said]) {
    const { headers, body } = modern(port, { ...CALL, meta });
    const sent = request({ host: '127.0.0.1', port, method: 'POST', path: '/mcp', agent, headers: { 'Authorization': `Bearer ${ALICE}`, 'Content-Type': 'application/json', 'Accept': '*/*', ...headers } });
    sent.end(body);
    const [response]: IncomingMessage[] = await once(sent, 'response');
    assert.ok(response !== undefined);
    assert.equal(response.statusCode, 200);
    ports.add(response.socket.localPort);
    await once(response.resume(), 'end');
  }
  assert.equal(ports.size, 1, 'one connection');
  assert.deepEqual(ingress.seen.map(({ origin }) => [origin.capabilities.elicitForm, origin.logLevel]), [[true, 'info'], [false, undefined], [true, 'info']]);
});

test('an unknown log level is 400 -32602 [S20]', async (t) => {
  const { port, ingress } = await listener(t);
  for (const level of ['loud', '', 'INFO', 7, null, {}, '__proto__']) {
    const reply = await ask(modern(port, { ...CALL, meta: { ...envelope(), 'io.modelcontextprotocol/logLevel': level } }));
    assert.deepEqual([reply.status, errorOf(reply.text).code], [400, -32602], String(level));
  }
  assert.equal(ingress.seen.length, 0);
});

test('T17 Mcp-Name of resources/read is the exposed URI, of prompts/get the exposed name; the backend\'s own, or none, is 400 -32020', async (t) => {
  const { port, ingress } = await listener(t);
  const uri = 'gh+repo://acme/\u00fc';
  const encoded = `=?base64?${Buffer.from(uri).toString('base64')}?=`;
  const read = { method: 'resources/read', params: { uri } };
  const reply = await ask(modern(port, { ...read, headers: { 'Mcp-Name': encoded } }));
  assert.equal(reply.status, 200);
  assert.match(reply.text, /"contents":\[\{"uri":"gh\+repo:/);
  const get = { method: 'prompts/get', params: { name: 'gh__review' } };
  assert.equal((await ask(modern(port, get))).status, 200);
  const called = ingress.seen.length;
  for (const [asked, name] of [[read, 'repo://acme/x'], [read, undefined], [get, 'review'], [get, undefined], [{ ...read, params: { uri: 'a:b' } }, 'A:b']] as const) {
    const refused = await ask(modern(port, { ...asked, headers: { 'Mcp-Name': name } }));
    assert.deepEqual([refused.status, errorOf(refused.text).code], [400, -32020], name);
  }
  assert.equal(ingress.seen.length, called);
});

test('T37 a body over the limit is 413 whether declared or not, too many header lines are 431 before it is read [SH14]', async (t) => {
  const { port, ingress } = await listener(t, { settings: testSettings({ bounds: { bodyBytes: 10_000 } }) });
  const large = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping', params: { x: 'y'.repeat(20_000) } });
  assert.equal((await ask({ ...modern(port, CALL), body: large })).status, 413);
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, method: 'POST', path: '/mcp', headers: { ...modern(port, CALL).headers, 'Host': 'localhost', 'Authorization': 'Bearer alice.token.1', 'Content-Type': 'application/json', 'Accept': '*/*', 'Transfer-Encoding': 'chunked' } });
    sent.on('error', reject);
    sent.on('response', (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    sent.write(large);
    sent.end();
  });
  assert.equal(status, 413);
  const lines = Array.from({ length: 200 }, (_, at) => [`Mcp-Param-${at}`, 'x']).flat();
  assert.equal((await ask(modern(port, { ...CALL, lines }))).status, 431);
  assert.equal((await ask(modern(port, { ...CALL, headers: { 'X-Long': 'x'.repeat(20_000) } }))).status, 431);
  assert.equal(ingress.seen.length, 0);
  assert.equal((await ask(modern(port, CALL))).status, 200, 'healthy after it');
});

test('the origin of a call says where it came from: surface, revision, client, peer, trace', async (t) => {
  const { port, ingress } = await listener(t);
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  await ask(modern(port, { ...CALL, meta: { ...envelope(), traceparent } }));
  await ask(modern(port, { ...CALL, headers: { traceparent, tracestate: 'a=b' } }));
  await ask(modern(port, { ...CALL, headers: { traceparent: 'rubbish' } }));
  assert.deepEqual(ingress.seen[0]?.origin, {
    surface: 'http', endpoint: { kind: 'merged' }, era: 'modern', version: MODERN, session: undefined, client: { name: 'test', version: '1' }, capabilities: NO_CAPABILITIES, logLevel: undefined,
    peer: '127.0.0.1', trace: { traceparent, tracestate: undefined },
  });
  assert.deepEqual(ingress.seen.slice(1).map(({ origin }) => origin.trace), [{ traceparent, tracestate: 'a=b' }, undefined]);
});
