// A10–A20: smuggled, repeated and contradicting headers; which era a request is served in.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALICE, BOB } from '../surfaces/fake-ingress.ts';
import { envelope, errorOf, listener, modern, MODERN, session, textOf } from '../surfaces/speak.ts';
import { ask, sendRaw } from '../surfaces/wire.ts';

const CALL = { method: 'tools/call', params: { name: 'echo', arguments: {} } };

test('A10 two Authorization lines are 400, never the first or the last of them [R9]', async (t) => {
  const { port, ingress } = await listener(t);
  for (const second of [ALICE, BOB, 'rubbish']) {
    assert.equal((await ask(modern(port, { ...CALL, lines: ['Authorization', `Bearer ${second}`] }))).status, 400);
  }
  const talk = await session(port);
  assert.equal((await ask({ ...talk.request('ping'), lines: ['authorization', `Bearer ${ALICE}`] })).status, 400);
  assert.equal(ingress.seen.filter(({ method }) => method !== 'initialize').length, 0);
});

test('A10 two tokens in one Authorization line are nobody', async (t) => {
  const { port, ingress } = await listener(t);
  for (const value of [`Bearer ${ALICE}, Bearer ${BOB}`, `Bearer ${ALICE} ${BOB}`, `Bearer ${ALICE},${BOB}`, `Basic ${ALICE}`, ALICE, 'Bearer', 'Bearer ']) {
    assert.equal((await ask(modern(port, { ...CALL, headers: { Authorization: value } }))).status, 401, value);
  }
  assert.equal(ingress.seen.length, 0);
});

const BODY = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
const COMMON = `Host: localhost\r\nAuthorization: Bearer ${ALICE}\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n`;

const SMUGGLED: readonly (readonly [string, string])[] = [
  ['Content-Length and Transfer-Encoding', `Content-Length: ${BODY.length}\r\nTransfer-Encoding: chunked\r\n\r\n28\r\n${BODY}\r\n0\r\n\r\n`],
  ['Transfer-Encoding and Content-Length', `Transfer-Encoding: chunked\r\nContent-Length: ${BODY.length}\r\n\r\n28\r\n${BODY}\r\n0\r\n\r\n`],
  ['two different Content-Lengths', `Content-Length: ${BODY.length}\r\nContent-Length: 1\r\n\r\n${BODY}`],
  ['two equal Content-Lengths', `Content-Length: ${BODY.length}\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`],
  ['a Content-Length list', `Content-Length: ${BODY.length}, ${BODY.length}\r\n\r\n${BODY}`],
  ['a signed Content-Length', `Content-Length: +${BODY.length}\r\n\r\n${BODY}`],
  ['a space before the colon', `Content-Length : ${BODY.length}\r\n\r\n${BODY}`],
  ['a folded header line', `X-Fold: a\r\n b\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`],
  ['NUL in a header', `X-Nul: a\0b\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`],
  ['a bare CR in a header', `X-Cr: a\rX-Injected: 1\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`],
  ['a chunk size that is no number', `Transfer-Encoding: chunked\r\n\r\nzz\r\n${BODY}\r\n0\r\n\r\n`],
  ['chunked twice', `Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n28\r\n${BODY}\r\n0\r\n\r\n`],
  ['an unknown transfer coding', `Transfer-Encoding: xchunked\r\n\r\n28\r\n${BODY}\r\n0\r\n\r\n`],
];

for (const [what, rest] of SMUGGLED) {
  test(`A12 ${what}: 400 and the connection is closed`, async (t) => {
    const { port, ingress } = await listener(t);
    const reply = await sendRaw(port, `POST /mcp HTTP/1.1\r\n${COMMON}${rest}GET /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    assert.equal(reply.status, 400, reply.text);
    assert.ok(reply.closed);
    assert.equal(reply.text.split('HTTP/1.1 ').length, 2, 'exactly one answer');
    assert.equal(ingress.seen.length, 0);
  });
}

test('A12 bare LF line ends do not make a request', async (t) => {
  const { port, ingress } = await listener(t);
  const reply = await sendRaw(port, `POST /mcp HTTP/1.1\nHost: localhost\nAuthorization: Bearer ${ALICE}\nContent-Length: ${BODY.length}\n\n${BODY}`);
  assert.equal(reply.status, 400);
  assert.ok(reply.closed);
  assert.equal(ingress.seen.length, 0);
});

test('A13 GET and DELETE without a legacy session are 405 with Allow, before the credential is looked at (T22, T23) [SH11]', async (t) => {
  const { port, ingress } = await listener(t);
  for (const method of ['GET', 'DELETE', 'PUT', 'PATCH', 'HEAD', 'OPTIONS']) {
    const reply = await ask({ port, method, headers: { 'MCP-Protocol-Version': MODERN } });
    assert.equal(reply.status, 405, method);
    assert.equal(reply.headers.allow, 'POST');
  }
  assert.equal(ingress.authentications, 0);
});

test('A14 Mcp-Session-Id and Last-Event-ID on a modern request are ignored: nothing minted, nothing echoed (T29, T30) [SH10]', async (t) => {
  const { port, ingress, surface } = await listener(t);
  const talk = await session(port);
  const sessions = surface.stats().sessions;
  for (const id of ['abc', talk.id]) {
    const reply = await ask(modern(port, { ...CALL, headers: { 'Mcp-Session-Id': id, 'Last-Event-ID': '5' } }));
    assert.equal(reply.status, 200);
    assert.equal(reply.headers['mcp-session-id'], undefined);
    assert.equal(ingress.seen.at(-1)?.origin.era, 'modern');
    assert.equal(ingress.seen.at(-1)?.origin.session, undefined);
  }
  assert.equal(surface.stats().sessions, sessions);
  assert.equal((await ask({ port, method: 'GET', headers: { 'Mcp-Session-Id': talk.id, 'MCP-Protocol-Version': MODERN } })).status, 405);
});

test('A16 a version header that is not the version in the body is 400 -32020', async (t) => {
  const { port, ingress } = await listener(t);
  for (const inBody of ['2025-11-25', '2099-01-01', '2026-07-29']) {
    const reply = await ask(modern(port, { ...CALL, meta: envelope(inBody) }));
    assert.equal(reply.status, 400);
    assert.deepEqual({ id: errorOf(reply.text).id, code: errorOf(reply.text).code }, { id: 1, code: -32020 });
  }
  assert.equal(ingress.seen.length, 0);
});

test('A17 an unknown version is 400 -32022 and names what is supported and what was asked [S3]', async (t) => {
  const { port, ingress } = await listener(t);
  for (const version of ['2099-01-01', '2025-11-25', 'banana']) {
    const reply = await ask(modern(port, { ...CALL, headers: { 'MCP-Protocol-Version': version }, meta: envelope(version) }));
    assert.equal(reply.status, 400);
    assert.equal(errorOf(reply.text).code, -32022);
    assert.deepEqual(errorOf(reply.text).data, { supported: [MODERN], requested: version });
  }
  assert.equal(ingress.seen.length, 0);
});

const encoded = (name: string): string => `=?base64?${Buffer.from(name).toString('base64')}?=`;

test('A20 an Mcp-Name in Base64 form that decodes to the same name is accepted', async (t) => {
  const { port } = await listener(t);
  const reply = await ask(modern(port, { ...CALL, headers: { 'Mcp-Name': encoded('echo') } }));
  assert.equal(reply.status, 200);
  assert.equal(textOf(reply.text), '{}');
});

test('A20 an Mcp-Name that is not readable, or reads otherwise, is 400 -32020 and nothing is called [SH8]', async (t) => {
  const { port, ingress } = await listener(t);
  const names = [
    '=?base64?ZWNoby?=', '=?base64?Z W N o?=', '=?base64?*?=', '=?BASE64?ZWNobw==?=', '=?base64?ZWNobw==', 'base64?ZWNobw==?=', encoded('Echo'), encoded('echo '),
    'Echo', 'echo2', '=?base64?/w==?=', encoded('echo\r\nX-Injected: 1'), '',
  ];
  for (const name of names) {
    const reply = await ask(modern(port, { ...CALL, headers: { 'Mcp-Name': name } }));
    assert.equal(reply.status, 400, name);
    assert.equal(errorOf(reply.text).code, -32020, name);
  }
  assert.equal(ingress.seen.length, 0);
});

test('A23 Mcp-Param headers are neither trusted nor echoed, and one with a line break inside its Base64 splits nothing', async (t) => {
  const { port, ingress } = await listener(t);
  const reply = await ask(modern(port, { ...CALL, headers: { 'Mcp-Param-Tenant': encoded('a\r\nX-Injected: 1') } }));
  assert.equal(reply.status, 200);
  assert.equal(reply.headers['x-injected'], undefined);
  assert.equal(JSON.stringify(ingress.seen).includes('Injected'), false);
});
