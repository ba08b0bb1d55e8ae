// The official clients of both generations as peers of the HTTP listener: what they expect of a server is what it does.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { ALICE } from '../surfaces/fake-ingress.ts';
import { listener } from '../surfaces/speak.ts';
import { eventually } from '../surfaces/wire.ts';
import { connect, GENERATIONS } from '../support/e2e/clients.ts';

for (const generation of GENERATIONS) {
  test(`${generation}: connects, lists, calls, follows progress, cancels and leaves nothing behind`, async (t) => {
    const { port, ingress, surface } = await listener(t);
    const peer = await connect(generation, { via: 'http', url: `http://127.0.0.1:${port}/mcp`, token: ALICE });
    assert.equal(peer.version, generation === 'v2-modern' ? '2026-07-28' : '2025-11-25');
    assert.deepEqual((await peer.list()).map(({ name }) => name), ['echo', 'wait', 'progress', 'hang', 'big']);
    const echoed = await peer.call('echo', { a: 1 });
    assert.ok(echoed.kind === 'result' && echoed.text === '{"a":1}');
    const steps: number[] = [];
    await peer.call('progress', { steps: 3 }, { onProgress: (step) => void steps.push(step) });
    assert.deepEqual(steps, [1, 2, 3]);
    await peer.ping();
    const unknown = await peer.call('nope');
    assert.ok(unknown.kind === 'error' && unknown.code === -32602);

    const cancel = new AbortController();
    const hanging = peer.call('hang', {}, { signal: cancel.signal });
    await eventually(() => ingress.seen.at(-1)?.params?.includes('hang') === true, 'the call began');
    cancel.abort();
    await assert.rejects(hanging);
    await eventually(() => ingress.cancelled.includes('agent'), 'the call was cancelled');

    await peer.close();
    await eventually(() => surface.stats().sessions === 0 && surface.stats().exchanges === 0 && surface.stats().subscriptions === 0, 'nothing is left');
    assert.equal(ingress.watchers.size, 0);
  });

  test(`${generation}: parallel calls each get their own answers`, async (t) => {
    const { port } = await listener(t);
    const peer = await connect(generation, { via: 'http', url: `http://127.0.0.1:${port}/mcp`, token: ALICE });
    const answers = await Promise.all(Array.from({ length: 20 }, async (_, nonce) => peer.call('wait', { ms: (nonce * 7) % 20, nonce })));
    answers.forEach((answer, nonce) => assert.ok(answer.kind === 'result' && answer.text.includes(`"nonce":${nonce}}`)));
    await peer.close();
  });

  test(`${generation}: a wrong token is an error of the client, not a hang`, async (t) => {
    const { port } = await listener(t);
    await assert.rejects(connect(generation, { via: 'http', url: `http://127.0.0.1:${port}/mcp`, token: 'rubbish' }));
  });
}

test('v2 with automatic negotiation finds the modern era', async (t) => {
  const { port, ingress } = await listener(t);
  const client = new Client({ name: 'auto', version: '1' }, { versionNegotiation: { mode: 'auto' } });
  await client.connect(new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${port}/mcp`), { requestInit: { headers: { Authorization: `Bearer ${ALICE}` } } }));
  assert.equal(client.getNegotiatedProtocolVersion(), '2026-07-28');
  assert.equal(ingress.seen.some(({ method }) => method === 'initialize'), false);
  await client.close();
});

test('a change notice reaches a legacy client by its own GET stream', async (t) => {
  const { port, ingress, surface } = await listener(t);
  const peer = await connect('v1', { via: 'http', url: `http://127.0.0.1:${port}/mcp`, token: ALICE });
  await eventually(() => surface.stats().subscriptions === 1, 'its stream is open');
  ingress.watchers.forEach(({ changed }) => changed('tools'));
  await eventually(() => peer.changes() === 1, 'the client was told');
  await peer.close();
});
