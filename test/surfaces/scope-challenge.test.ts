// What the HTTP surface makes of an answer that needs more scope: the status and the challenge, as long as no stream was begun.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Handle } from '../../src/core/inbound.ts';
import { toRaw } from '../../src/core/json/compose.ts';
import { errorMessage } from '../../src/relay/rpc.ts';
import { answerTools } from './fake-ingress.ts';
import { listener, modern, session } from './speak.ts';
import { testSettings } from './settings.ts';
import { ask } from './wire.ts';

const PUBLIC = { gateway: { publicUrl: 'https://gw.example/in' }, scopes: ['base'] };
const CHALLENGE = 'Bearer error="insufficient_scope", scope="a b", resource_metadata="https://gw.example/.well-known/oauth-protected-resource/in/mcp"';
const refusing: Handle = (inbound, io) => (inbound.method === 'tools/call' ? Promise.resolve({ message: errorMessage(inbound.id, -32600, 'more'), status: 403, scopes: ['a', 'b'] }) : answerTools(inbound, io));

test('each era answers 403 with the challenge; the session of a legacy agent goes on', async (t) => {
  const { port } = await listener(t, { settings: testSettings(PUBLIC), handle: refusing });
  const now = await ask(modern(port, { method: 'tools/call', params: { name: 'echo' } }));
  assert.deepEqual([now.status, now.headers['www-authenticate'], JSON.parse(now.text).id], [403, CHALLENGE, 1]);
  const talk = await session(port);
  const then = await ask(talk.request('tools/call', { name: 'echo' }));
  assert.deepEqual([then.status, then.headers['www-authenticate']], [403, CHALLENGE]);
  assert.equal((await ask(talk.request('tools/list'))).status, 200);
});

test('a page of an allowed origin may read the challenge', async (t) => {
  const { port } = await listener(t, { settings: testSettings({ ...PUBLIC, gateway: { ...PUBLIC.gateway, allowedOrigins: ['https://app.example'] } }), handle: refusing });
  const reply = await ask(modern(port, { method: 'tools/call', params: { name: 'echo' }, headers: { Origin: 'https://app.example' } }));
  assert.deepEqual([reply.status, reply.headers['www-authenticate']], [403, CHALLENGE]);
  assert.match(String(reply.headers['access-control-expose-headers']), /WWW-Authenticate/);
});

test('who would rather have a stream gets it once the call is decided, and a status before that', async (t) => {
  const Accept = 'text/event-stream, application/json';
  let begun = false;
  const { port } = await listener(t, {
    settings: testSettings(PUBLIC),
    handle: async (inbound, io) => {
      if (begun) io.begun?.();
      return refusing(inbound, io);
    },
  });
  const talk = await session(port);
  const asking = talk.request('tools/call', { name: 'echo' });
  const early = await ask({ ...asking, headers: { ...asking.headers, Accept } });
  assert.deepEqual([early.status, early.headers['content-type'], early.headers['www-authenticate']], [403, 'application/json', CHALLENGE]);
  begun = true;
  const late = await ask({ ...asking, headers: { ...asking.headers, Accept } });
  assert.deepEqual([late.status, late.headers['content-type'], late.headers['www-authenticate']], [200, 'text/event-stream', undefined], 'a stream that was begun has its status');
  assert.match(late.text, /"code":-32600/);
});

test('a stream that was begun by a notification carries the error itself', async (t) => {
  const { port } = await listener(t, {
    settings: testSettings(PUBLIC),
    handle: async (inbound, io) => {
      io.notify(toRaw({ jsonrpc: '2.0', method: 'notifications/message', params: {} }));
      return refusing(inbound, io);
    },
  });
  const reply = await ask(modern(port, { method: 'tools/call', params: { name: 'echo' } }));
  assert.deepEqual([reply.status, reply.headers['www-authenticate']], [200, undefined]);
  assert.match(reply.text, /"code":-32600/);
});
