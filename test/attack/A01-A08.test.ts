// A01–A08: who may be called by which name, and from which page. Raw requests against the HTTP listener.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backendId } from '../../src/core/ids.ts';
import { testSettings } from '../surfaces/settings.ts';
import { listener, modern, session, textOf } from '../surfaces/speak.ts';
import { ask, sendRaw } from '../surfaces/wire.ts';

const CALL = { method: 'tools/call', params: { name: 'echo', arguments: { a: 1 } } };

test('A01 a foreign Origin is refused with 403 before anything is dispatched, in both eras, and is recorded [SH2, SL13, SEC16]', async (t) => {
  const { port, ingress } = await listener(t);
  const foreign = { Origin: 'https://evil.example' };
  const refused = await ask(modern(port, { ...CALL, headers: foreign }));
  assert.equal(refused.status, 403);
  const talk = await session(port);
  const before = ingress.seen.length;
  assert.equal((await ask({ ...talk.with(foreign), body: '{}' })).status, 403);
  assert.equal((await ask({ ...talk.with({ ...foreign, Accept: 'text/event-stream' }), method: 'GET' })).status, 403);
  assert.equal((await ask({ ...talk.with(foreign), method: 'DELETE' })).status, 403);
  assert.equal(ingress.seen.length, before);
  assert.deepEqual(ingress.refused.map(({ reason }) => reason.code), ['origin', 'origin', 'origin', 'origin']);
  assert.equal(refused.headers['access-control-allow-origin'], undefined);
});

test('A02 Origin null is refused with 403 [SH2, SEC16]', async (t) => {
  const { port, ingress } = await listener(t);
  assert.equal((await ask(modern(port, { ...CALL, headers: { Origin: 'null' } }))).status, 403);
  assert.equal(ingress.seen.length, 0);
});

test('A02 an Origin that the operator listed is served, and its page may read the answer (T32)', async (t) => {
  const { port } = await listener(t);
  const reply = await ask(modern(port, { ...CALL, headers: { Origin: 'https://good.example' } }));
  assert.equal(reply.status, 200);
  assert.equal(reply.headers['access-control-allow-origin'], 'https://good.example');
  assert.equal(reply.headers.vary, 'Origin');
  const preflight = await ask({ port, method: 'OPTIONS', headers: { 'Origin': 'https://good.example', 'Access-Control-Request-Method': 'POST', 'Authorization': undefined } });
  assert.equal(preflight.status, 204);
  assert.match(String(preflight.headers['access-control-allow-headers']), /Mcp-Session-Id/);
});

test('A04 a rebound host name gets 421 before the credential is looked at, on every method and on the metadata [SH2, SEC17]', async (t) => {
  const { port, ingress } = await listener(t);
  const rebound = { Host: 'evil.example:9200' };
  assert.equal((await ask(modern(port, { ...CALL, headers: rebound }))).status, 421);
  assert.equal((await ask({ port, method: 'GET', headers: rebound })).status, 421);
  assert.equal((await ask({ port, method: 'GET', path: '/.well-known/oauth-protected-resource', headers: rebound })).status, 421);
  assert.equal(ingress.authentications, 0);
  assert.deepEqual(new Set(ingress.refused.map(({ reason }) => reason.code)), new Set(['host']));
});

test('A04 the names that are ours are served: loopback names with any port, the public URL, listed hosts', async (t) => {
  const { port, ingress } = await listener(t);
  for (const host of ['localhost', 'localhost:1234', '127.0.0.1', '[::1]:9200', 'LOCALHOST']) {
    assert.equal((await ask(modern(port, { ...CALL, headers: { Host: host } }))).status, 200, host);
  }
  assert.equal((await ask(modern(port, { ...CALL, headers: { Host: 'gw.example' } }))).status, 421);
  ingress.change({ gateway: { publicUrl: 'https://gw.example', allowedHosts: ['other.example'] } });
  for (const host of ['gw.example', 'gw.example:443', 'other.example']) {
    assert.equal((await ask(modern(port, { ...CALL, headers: { Host: host } }))).status, 200, host);
  }
  for (const host of ['gw.example.evil', 'xgw.example', 'gw.example@evil', '127.0.0.1.evil.example', '']) {
    assert.notEqual((await ask(modern(port, { ...CALL, headers: { Host: host } }))).status, 200, host);
  }
});

const BODY = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
const HEAD = `Authorization: Bearer alice.token.1\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\nContent-Length: ${BODY.length}\r\n`;

test('A06 two Host lines are 400, whichever comes first', async (t) => {
  const { port, ingress } = await listener(t);
  for (const hosts of ['Host: localhost\r\nHost: evil.example\r\n', 'Host: evil.example\r\nHost: localhost\r\n', 'Host: localhost\r\nHost: localhost\r\n']) {
    assert.equal((await sendRaw(port, `POST /mcp HTTP/1.1\r\n${hosts}${HEAD}\r\n${BODY}`)).status, 400, hosts);
  }
  assert.equal(ingress.authentications, 0);
});

test('A07 no Host is 400', async (t) => {
  const { port, ingress } = await listener(t);
  assert.equal((await sendRaw(port, `POST /mcp HTTP/1.1\r\n${HEAD}\r\n${BODY}`)).status, 400);
  assert.equal((await sendRaw(port, `POST /mcp HTTP/1.0\r\n${HEAD}\r\n${BODY}`)).status, 400);
  assert.equal(ingress.authentications, 0);
});

test('A08 an absolute-form target is 400, whatever authority it names', async (t) => {
  const { port, ingress } = await listener(t);
  for (const target of ['http://evil.example/mcp', `http://localhost:${port}/mcp`, 'https://localhost/mcp', '*', 'mcp']) {
    const reply = await sendRaw(port, `POST ${target} HTTP/1.1\r\nHost: localhost\r\n${HEAD}\r\n${BODY}`);
    assert.equal(reply.status, 400, target);
  }
  assert.equal(ingress.authentications, 0);
});

test('A31 only the exact raw paths exist: nothing is decoded, joined or lower-cased [SH1]', async (t) => {
  const { port, ingress } = await listener(t);
  const tricks = [
    '/mcp/', '//mcp', '/mcp;x', '/mcp%2f..%2fadmin', '/ADMIN', '/MCP', '/mcp#/x', '/mcp/../mcp', '/./mcp', '/mcp/gh/', '/mcp/g%68', '/%6dcp', '/mcp/gh/x',
    '/mcp/..', '/mcp/.', '/mcp/%2e%2e', '\\mcp', '/mcp\\gh', '/health', '/metrics', '/', '/.well-known/oauth-protected-resource/', '/.well-known/oauth-protected-resource/admin',
  ];
  for (const target of tricks) {
    const reply = await sendRaw(port, `POST ${target} HTTP/1.1\r\nHost: localhost\r\n${HEAD}\r\n${BODY}`);
    assert.ok(reply.status === 404 || reply.status === 400, `${target} ${reply.status}`);
  }
  assert.equal(ingress.authentications, 0);
  assert.equal((await ask(modern(port, { ...CALL, path: '/mcp/gh' }))).status, 200);
  assert.deepEqual(ingress.seen.at(-1)?.origin.endpoint, { kind: 'single', backend: 'gh' });
  assert.equal((await ask(modern(port, { ...CALL, path: '/mcp/unknown' }))).status, 404);
});

test('a backend of which a role may see nothing is the same 404 as one that does not exist [SEC49]', async (t) => {
  const settings = testSettings();
  const { port, ingress } = await listener(t, { settings: { ...settings, backends: settings.backends.flatMap((row) => [row, { ...row, id: backendId('secret') }]) } });
  const [hidden, unknown, known] = await Promise.all(['/mcp/secret', '/mcp/unknown', '/mcp/gh'].map((path) => ask(modern(port, { ...CALL, path }))));
  const plain = (reply: typeof hidden): unknown => [reply?.status, reply?.text, Object.entries(reply?.headers ?? {}).filter(([name]) => name !== 'date')];
  assert.deepEqual(plain(hidden), plain(unknown));
  assert.deepEqual([hidden?.status, known?.status], [404, 200]);
  assert.equal(ingress.seen.length, 1);
});

test('A12 a transfer coding other than chunked is 400 before anything is begun, and the connection is closed', async (t) => {
  const { port, ingress } = await listener(t);
  for (const coding of ['identity', 'xchunked', 'gzip, chunked', 'chunked, identity', 'chunked\r\nTransfer-Encoding: chunked']) {
    const reply = await sendRaw(port, `POST /mcp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: ${coding}\r\n${HEAD.replace(/Content-Length: \d+\r\n/i, '')}\r\n0\r\n\r\n`);
    assert.deepEqual([reply.status, reply.closed], [400, true], `${coding}: ${reply.text}`);
  }
  assert.equal(ingress.authentications, 0);
});

test('A04 a port that cannot be is a malformed Host, not a fault of ours', async (t) => {
  const { port } = await listener(t);
  for (const [host, status] of [['localhost:65536', 400], ['localhost:99999', 400], ['localhost:0', 401], ['localhost:65535', 401]] as const) {
    assert.equal((await ask({ port, headers: { Host: host, Authorization: undefined }, body: '{}' })).status, status, host);
  }
});

test('a call that passes all of this reaches the pipeline with its arguments byte for byte', async (t) => {
  const { port } = await listener(t);
  const reply = await ask({
    ...modern(port, { method: 'tools/call', params: { name: 'echo' } }),
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"n": 12345678901234567890, "f":1.0},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}',
  });
  assert.equal(textOf(reply.text), '{"n": 12345678901234567890, "f":1.0}');
});
