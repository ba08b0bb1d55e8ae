// What no method is is the pipeline's to say, on every way in: only there is it on record.
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import type { FakeIngress } from './fake-ingress.ts';
import { ALICE, fakeIngress } from './fake-ingress.ts';
import { serveStdio } from '../../src/surfaces/mcp/stdio.ts';
import { envelope, errorOf, listener, modern, session } from './speak.ts';
import { ask, eventually } from './wire.ts';

/** What comes to the pipeline, from now on. */
function asked(ingress: FakeIngress): readonly string[] {
  const methods: string[] = [];
  const { handle } = ingress;
  ingress.handle = (inbound, io) => {
    methods.push(`${inbound.origin.era} ${inbound.method}`);
    return handle(inbound, io);
  };
  return methods;
}

test('over HTTP an unknown method comes to the pipeline in both eras, and keeps its status', async (t) => {
  const { port, ingress } = await listener(t);
  const talk = await session(port);
  const methods = asked(ingress);
  const answers = [await ask(modern(port, { method: 'no/such', params: {} })), await ask(modern(port, { method: 'initialize', params: {} })), await ask(talk.request('no/such', {}, 7)), await ask(talk.request('server/discover', {}, 8))];
  assert.deepEqual(answers.map(({ status, text }) => [status, errorOf(text).code]), [[404, -32601], [404, -32601], [200, -32601], [200, -32601]]);
  assert.deepEqual(methods, ['modern no/such', 'modern initialize', 'legacy no/such', 'legacy server/discover']);
});

test('on a line it does too, and an `initialize` of the modern era, where there is none, does not undo the session', async (t) => {
  const ingress = fakeIngress();
  const methods = asked(ingress);
  const [input, output] = [new PassThrough(), new PassThrough()];
  let text = '';
  output.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const surface = serveStdio(ingress, { input, output, token: () => ALICE, peer: 'local' });
  t.after(() => surface.close(0));
  const say = async (message: object, id?: number): Promise<void> => {
    input.write(`${JSON.stringify({ jsonrpc: '2.0', ...(id === undefined ? {} : { id }), ...message })}\n`);
    if (id !== undefined) await eventually(() => text.includes(`"id":${id}`), `an answer to ${id}`);
  };
  const _meta = envelope();
  await say({ method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } } }, 1);
  await say({ method: 'notifications/initialized' });
  await say({ method: 'no/such', params: {} }, 2);
  await say({ method: 'no/such', params: { _meta } }, 3);
  await say({ method: 'initialize', params: { _meta } }, 4);
  await say({ method: 'tools/list', params: {} }, 5);
  const codes = text.trim().split('\n').map((line) => /"code":(-\d+)/.exec(line)?.[1] ?? 'result');
  assert.deepEqual(codes, ['result', '-32601', '-32601', '-32601', 'result']);
  assert.deepEqual(methods, ['legacy initialize', 'legacy no/such', 'modern no/such', 'modern initialize', 'legacy tools/list']);
});
