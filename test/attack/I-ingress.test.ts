// I01, I04, I08–I10, I15, I20 at the agents' side: slow, deep, malformed and greedy clients meet a bound, and the next client is served.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { BOB } from '../surfaces/fake-ingress.ts';
import { testSettings } from '../surfaces/settings.ts';
import { envelope, errorOf, listener, modern, session } from '../surfaces/speak.ts';
import { ask, eventually, openStream, sendRaw } from '../surfaces/wire.ts';

const CALL = { method: 'tools/call', params: { name: 'echo' } };

test('I01 headers that never end, and a body that never ends, are 408 and the connection is closed', async (t) => {
  const { port } = await listener(t, { settings: testSettings({ bounds: { headersMs: 100, requestMs: 200 } }) });
  const wait = async (bytes: string): Promise<string> => new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    let text = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
    socket.write(bytes);
  });
  const [headers, body] = await Promise.all([
    wait('POST /mcp HTTP/1.1\r\nHost: localhost\r\nX-Slow: '),
    wait('POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer alice.token.1\r\nContent-Type: application/json\r\nAccept: */*\r\nContent-Length: 100\r\n\r\n{'),
  ]);
  assert.match(headers, /^HTTP\/1\.1 408 /);
  assert.match(body, /^HTTP\/1\.1 408 /);
  assert.equal((await ask(modern(port, CALL))).status, 200);
});

test('I01 connections are capped per peer and in total, and are free again when others close', async (t) => {
  const { port, surface } = await listener(t, { settings: testSettings({ bounds: { connectionsLoopback: 5, connections: 100 } }) });
  const sockets = Array.from({ length: 12 }, () => connect({ host: '127.0.0.1', port }));
  for (const socket of sockets) socket.on('error', () => undefined);
  await eventually(() => surface.stats().hits.connections === 7, 'seven were refused');
  assert.equal(surface.stats().connections, 5);
  for (const socket of sockets) socket.destroy();
  await eventually(() => surface.stats().connections === 0, 'all closed');
  assert.equal((await ask(modern(port, CALL))).status, 200);
});

test('I01 a proxy that nobody named is capped by the total alone, as is one that is named; whoever is not it has the cap of a peer', async (t) => {
  for (const [trustedProxies, kept] of [[[], 9], [['127.0.0.1/32'], 9], [['10.0.0.7/32'], 5]] as const) {
    const { port, surface } = await listener(t, { settings: testSettings({ gateway: { behindProxy: true, trustedProxies }, bounds: { connectionsLoopback: 5, connections: 9 } }) });
    const sockets = Array.from({ length: 12 }, () => connect({ host: '127.0.0.1', port }));
    for (const socket of sockets) socket.on('error', () => undefined);
    await eventually(() => surface.stats().hits.connections === 12 - kept, `all but ${kept} were refused`);
    assert.equal(surface.stats().connections, kept);
    for (const socket of sockets) socket.destroy();
  }
});

const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;
const message = (args: string): string => `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":${args},"_meta":${JSON.stringify(envelope())}}}`;

test('I04 too deep, too many members, too long a member name: 400 by the scanner, nothing dispatched [SH14]', async (t) => {
  const { port, ingress } = await listener(t);
  const keys = (count: number): string => `{${Array.from({ length: count }, (_, at) => `"k${at}":0`).join(',')}}`;
  for (const args of [`{"a":${nested(65)}}`, `{"a":${nested(50_000)}}`, keys(10_001), `{"${'k'.repeat(5000)}":1}`, `{"a":${'1'.repeat(300)}}`]) {
    const reply = await ask({ ...modern(port, CALL), body: message(args) });
    assert.equal(reply.status, 400);
    assert.deepEqual([errorOf(reply.text).code, errorOf(reply.text).id], [-32600, undefined]);
  }
  assert.equal(ingress.seen.length, 0);
  assert.equal((await ask({ ...modern(port, CALL), body: message(`{"a":${nested(60)}}`) })).status, 200);
});

test('I08 a __proto__ member anywhere is 400 -32602; constructor is an honest name and passes [SEC29]', async (t) => {
  const { port, ingress } = await listener(t);
  for (const args of ['{"__proto__":{"admin":true}}', '{"a":[{"\\u005f_proto__":1}]}']) {
    const reply = await ask({ ...modern(port, CALL), body: message(args) });
    assert.deepEqual([reply.status, errorOf(reply.text).code], [400, -32602]);
  }
  assert.equal(ingress.seen.length, 0);
  assert.equal((await ask({ ...modern(port, CALL), body: message('{"constructor":1}') })).status, 200);
});

const withId = (id: string): string => `{"jsonrpc":"2.0","id":${id},"method":"tools/list","params":{"_meta":${JSON.stringify(envelope())}}}`;

test('I09 ids that are no string or safe integer are 400 -32600 without an id', async (t) => {
  const { port, ingress } = await listener(t);
  for (const id of ['null', '1.5', '1.0', '9007199254740993', '1e3', '1e400', '-0', '{}', '[]', 'true', JSON.stringify('x'.repeat(10_000))]) {
    const reply = await ask({ ...modern(port, { method: 'tools/list' }), body: withId(id) });
    assert.deepEqual([reply.status, errorOf(reply.text).code, errorOf(reply.text).id], [400, -32600, undefined], id.slice(0, 40));
  }
  assert.equal(ingress.seen.length, 0);
});

test('I09 every legal id comes back byte for byte as it was sent', async (t) => {
  const { port } = await listener(t);
  const ids = fc.oneof(
    fc.integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }).filter((id) => !Object.is(id, -0)).map(String),
    fc.string({ maxLength: 40 }).map((id) => JSON.stringify(id)),
    fc.constantFrom('""', '"\\u0041"', '"\\/"', '9007199254740991', '-9007199254740991', '0', '"1"', '"__proto__"'),
  ).filter((id) => id.isWellFormed() && !/\\ud[89a-f]/i.test(id));
  await fc.assert(fc.asyncProperty(ids, async (id) => {
    const reply = await ask({ ...modern(port, { method: 'tools/list' }), body: withId(id) });
    assert.equal(reply.status, 200, id);
    assert.ok(reply.text.startsWith(`{"jsonrpc":"2.0","id":${id},`), reply.text.slice(0, 100));
  }), { numRuns: 60 });
});

test('I10 lone surrogates, overlong forms, UTF-16 and byte order marks are 400 [S1, SEC29]', async (t) => {
  const { port, ingress } = await listener(t);
  const good = message('{"a":"x"}');
  const bodies = [
    Buffer.from(good.replace('"x"', '"\\ud800"')),
    Buffer.from(good.replace('"x"', '"\\udc00\\ud800"')),
    Buffer.concat([Buffer.from(good.slice(0, -2)), Buffer.from([0xc0, 0xaf]), Buffer.from('}}')]),
    Buffer.from(Buffer.from(good).toString('latin1').replace('"x"', '"\xed\xa0\x80"'), 'latin1'),
    Buffer.from(good, 'utf16le'),
    Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(good)]),
    Buffer.from(Buffer.from(good).toString('latin1').replace('"x"', '"\xff"'), 'latin1'),
  ];
  for (const body of bodies) assert.equal((await ask({ ...modern(port, CALL), body })).status, 400);
  assert.equal(ingress.seen.length, 0);
  assert.equal((await ask({ ...modern(port, CALL), body: Buffer.from(good) })).status, 200);
});

test('I15 a stream whose reader stops reading is closed at the high-water mark and its call cancelled', async (t) => {
  const { port, ingress, surface } = await listener(t, {
    settings: testSettings({ bounds: { streamBufferBytes: 10_000 } }),
    handle: async (_inbound, io) => {
      const noise = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: 1, progress: 1, message: 'x'.repeat(50_000) } });
      const { scan } = await import('../../src/core/json/scan.ts');
      const { AGENT_LIMITS } = await import('../../src/core/json/raw.ts');
      const scanned = scan(noise, AGENT_LIMITS);
      assert.ok(scanned.ok);
      let sent = 0;
      while (!io.signal.aborted && sent < 5000) {
        io.notify(scanned.value);
        sent += 1;
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.ok(sent < 5000, 'it was cancelled');
      return { message: undefined, status: 200 };
    },
  });
  const stream = await openStream(modern(port, CALL));
  stream.pause();
  await eventually(() => ingress.cancelled.length === 1, 'the call was cancelled');
  assert.deepEqual(ingress.cancelled, ['agent']);
  await eventually(() => surface.stats().exchanges === 0, 'nothing is left of it');
  stream.cut();
});

test('I20 streams without an end are capped per principal, over both eras together [SEC48]', async (t) => {
  const { port, surface } = await listener(t, { settings: testSettings({ bounds: { streamsPerPrincipal: 2 } }) });
  const talk = await session(port);
  const get = await openStream({ ...talk.with({ Accept: 'text/event-stream' }), method: 'GET' });
  const listen = (id: number, headers = {}): Parameters<typeof openStream>[0] => modern(port, { method: 'subscriptions/listen', params: { notifications: {} }, id, headers });
  const first = await openStream(listen(1));
  assert.equal((await ask(listen(2))).status, 429);
  assert.equal((await ask({ ...talk.with({ Accept: 'text/event-stream' }), method: 'GET' })).status, 429);
  const bobs = await openStream(listen(3, { Authorization: `Bearer ${BOB}` }));
  assert.equal(bobs.status, 200);
  get.cut();
  await eventually(() => surface.stats().subscriptions === 0, 'the GET stream is gone');
  const again = await openStream(listen(4));
  assert.equal(again.status, 200);
  for (const stream of [first, bobs, again]) stream.cut();
});

test('a pipeline that throws is 500 -32603 with the id and not a word of what happened [S32]', async (t) => {
  const { port } = await listener(t, { handle: () => { throw new Error('secret /etc/path'); } });
  const reply = await ask(modern(port, { ...CALL, id: 'x' }));
  assert.equal(reply.status, 500);
  assert.deepEqual([errorOf(reply.text).id, errorOf(reply.text).code, errorOf(reply.text).message], ['x', -32603, 'Internal error']);
});

test('rubbish on the socket costs one 400 and nothing else', async (t) => {
  const { port, surface } = await listener(t);
  for (const bytes of ['\0\0\0\0', 'GET\r\n\r\n', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', `GET /mcp HTTP/1.1\r\n${'a'.repeat(100_000)}`]) {
    const reply = await sendRaw(port, Buffer.from(bytes, 'latin1'));
    assert.ok(reply.status === 400 || reply.status === 431, reply.text);
    assert.ok(reply.closed);
  }
  assert.deepEqual([surface.stats().malformed, surface.stats().hits.headers], [3, 1]);
  assert.equal((await ask(modern(port, CALL))).status, 200);
});
