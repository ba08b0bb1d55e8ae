// T24, T27, T34: bodies and hosts that a modern HTTP agent never sends, at the listener.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { envelope, errorOf, listener, modern, resultOf } from '../surfaces/speak.ts';
import { ask } from '../surfaces/wire.ts';

const LIST = { method: 'tools/list' };

test('T24 an array with a modern request in it is 400 -32600, whatever else is in it, and nothing of it runs [S1, SH4]', async (t) => {
  const { port, ingress } = await listener(t);
  const one = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', arguments: {}, _meta: envelope() } };
  for (const batch of [[one], [one, { ...one, id: 2 }], [{ jsonrpc: '2.0', id: 3, method: 'ping' }, one], []]) {
    const reply = await ask({ ...modern(port, LIST), body: JSON.stringify(batch) });
    assert.deepEqual([reply.status, errorOf(reply.text).code], [400, -32600]);
  }
  assert.equal(ingress.seen.length, 0);
});

test('T27 a response under a modern header is 400: there is nothing it could answer [SH4]', async (t) => {
  const { port, ingress } = await listener(t);
  for (const body of [{ id: 1, result: {} }, { id: 's9', result: { action: 'accept', content: {} } }, { id: 1, error: { code: -1, message: 'no' } }]) {
    const reply = await ask({ ...modern(port, LIST), body: JSON.stringify({ jsonrpc: '2.0', ...body }) });
    assert.equal(reply.status, 400, reply.text);
  }
  assert.equal(ingress.seen.length, 0);
});

test('T34 on loopback a Host that is not ours is refused, with and without a good token, and one that is ours is served [SH2, SEC17]', async (t) => {
  const { port, ingress } = await listener(t);
  for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1.evil.example', 'localhost.evil.example']) {
    for (const headers of [{ Host: host }, { Host: host, Authorization: undefined }]) {
      const reply = await ask(modern(port, { ...LIST, headers }));
      assert.ok(reply.status >= 400 && reply.status < 500 && reply.status !== 401, `${host}: ${reply.status}`);
    }
  }
  assert.equal(ingress.authentications, 0, 'no credential was looked at');
  assert.equal(resultOf((await ask(modern(port, { ...LIST, headers: { Host: `localhost:${port}` } }))).text)['resultType'], 'complete');
});
