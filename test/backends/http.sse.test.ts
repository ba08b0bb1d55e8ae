import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { describe, test } from 'node:test';
import { createBackend } from '../../src/backends/create.ts';
import type { BackendLimits } from '../../src/backends/deps.ts';
import { roleName } from '../../src/core/ids.ts';
import { members } from '../../src/core/json/slice.ts';
import type { Backend } from '../../src/core/ports.ts';
import type { HttpBackendSettings } from '../../src/core/settings.ts';
import { EventPeer, type EventKnobs } from '../fixtures/backends/event-peer.ts';
import { httpSettings, io, json, permit, recorded, type Recorded, secret, textOf, toolCall, until } from './support.ts';

interface Running extends Recorded {
  readonly backend: Backend;
  readonly peer: EventPeer;
  ready(): Promise<void>;
}

async function running(knobs: Partial<EventKnobs>, settings: Partial<HttpBackendSettings>, body: (run: Running) => Promise<void>, limits: Partial<BackendLimits> = {}): Promise<void> {
  const peer = await new EventPeer(knobs).start();
  const recording = recorded(limits);
  const backend = createBackend(httpSettings(`${peer.origin}/sse`, { sse: true, ...settings }), recording.deps);
  backend.start();
  try {
    await body({ ...recording, backend, peer, ready: async () => until(() => backend.status().state === 'ready', 'ready') });
  } finally {
    await backend.stop();
    await peer.stop();
    recording.watchdog.close();
  }
}

describe('a backend that speaks HTTP+SSE', { timeout: 60_000, concurrency: true }, () => {
  test('T68: is tried as one only where that is enabled [CH4]', async () => {
    await running({}, { sse: false }, async (run) => {
      await until(() => run.backend.status().restarts >= 2, 'tried twice');
      assert.deepEqual(run.backend.status().lastFault, { code: 'http_status', status: 404 });
      assert.deepEqual(run.peer.seen.filter(({ verb }) => verb === 'GET'), []);
    });
    await running({}, {}, async (run) => {
      await run.ready();
      const listing = run.backend.listing();
      assert.deepEqual([listing?.era, listing?.version, listing?.tools.length], ['legacy', '2024-11-05', 3]);
      assert.deepEqual(run.peer.seen.slice(0, 3).map(({ verb, path, message }) => [verb, path, message['method']]), [
        ['POST', '/sse', 'server/discover'], ['POST', '/sse', 'initialize'], ['GET', '/sse', undefined],
      ]);
    });
  });

  test('a pinned modern era is never left for it', async () => running({}, { era: 'modern' }, async (run) => {
    await until(() => run.backend.status().restarts >= 1, 'tried');
    assert.deepEqual(run.peer.seen.filter(({ verb }) => verb === 'GET'), []);
  }));

  test('calls go to the endpoint, answers and progress come on the stream, each to its own', async () => running({}, { bearer: secret('backend-token') }, async (run) => {
    await run.ready();
    const steps: string[] = [];
    const results = await Promise.all(Array.from({ length: 20 }, async (_, n) => run.backend.call(permit('echo', { n }, { wantsProgress: n === 7 }), io({ onProgress: (params) => steps.push(params) }))));
    results.forEach((result, n) => assert.equal(result.ok && result.value.kind === 'result' ? textOf(result.value.raw) : '', `{"n":${n}}`));
    assert.deepEqual(steps, ['{"progress":1}']);
    assert.ok(run.peer.got('tools/call').every(({ path, headers }) => path === '/messages?session=1' && headers.authorization === 'Bearer backend-token' && headers['mcp-session-id'] === undefined));
    assert.equal(run.peer.got('notifications/initialized').length, 1);
  }));

  test('a cancelled call is cancelled there', async () => running({}, {}, async (run) => {
    await run.ready();
    const stop = new AbortController();
    const call = run.backend.call(permit('wait'), io({ signal: stop.signal }));
    await until(() => run.peer.got('tools/call').length === 1, 'sent');
    stop.abort();
    assert.deepEqual(await call, { ok: false, error: { code: 'cancelled' } });
    await until(() => run.peer.got('notifications/cancelled').length === 1, 'told');
  }));

  test('T81: a call without an answer times out', async () => running({}, { timeoutMs: 150, maxTimeoutMs: 150 }, async (run) => {
    await run.ready();
    const result = await run.backend.call(permit('wait'), io());
    assert.ok(!result.ok && result.error.code === 'timeout', JSON.stringify(result));
  }));

  test('T91: its question belongs to the only call there is; another principal\'s that was given up a while ago is a doubt', async () => running({}, {}, async (run) => {
    await run.ready();
    const replied = (): readonly unknown[] => run.peer.seen.filter(({ message }) => message['id'] === 'q' && message['method'] === undefined).map(({ message }) => message['result']);
    const asking = async (subject: string): Promise<number> => {
      let asked = 0;
      const before = replied().length;
      const stop = new AbortController();
      const { principal } = toolCall('ask');
      const call = run.backend.call(permit('ask', {}, { principal: { ...principal, subject, roles: [roleName('role')] } }), io({
        signal: stop.signal,
        ask: async () => {
          asked += 1;
          return Promise.resolve({ kind: 'result', raw: json({ action: 'accept' }) });
        },
      }));
      await until(() => replied().length > before, 'a reply');
      stop.abort();
      await call;
      return asked;
    };
    assert.deepEqual([await asking('one'), await asking('one'), await asking('other')], [1, 1, 0]);
    assert.deepEqual(replied(), [{ action: 'accept' }, { action: 'accept' }, { action: 'decline' }]);
  }));

  test('a change of the list is heard on the stream', async () => running({}, {}, async (run) => {
    await run.ready();
    run.peer.say({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' });
    await until(() => run.peer.got('tools/list').length === 2, 'read again');
  }));

  test('when the stream ends, calls in flight fail, are not sent again, and a new session is opened', async () => running({}, {}, async (run) => {
    await run.ready();
    const call = run.backend.call(permit('wait'), io());
    await until(() => run.peer.got('tools/call').length === 1, 'sent');
    run.peer.cut();
    const result = await call;
    assert.ok(!result.ok && result.error.code === 'unreachable', JSON.stringify(result));
    await until(() => run.backend.status().restarts === 1 && run.backend.status().state === 'ready', 'ready again');
    const again = await run.backend.call(permit('echo', {}), io());
    assert.ok(again.ok);
    assert.deepEqual(run.peer.got('tools/call').map(({ path }) => path), ['/messages?session=1', '/messages?session=2']);
  }));

  test('an endpoint that is gone although the stream is there leads to a new session', async () => running({}, {}, async (run) => {
    await run.ready();
    const [held] = run.peer.streams.values();
    // It forgets the session, and keeps the stream.
    run.peer.streams.clear();
    const result = await run.backend.call(permit('echo'), io());
    assert.deepEqual(result, { ok: false, error: { code: 'http_status', status: 404 } });
    await until(() => run.backend.status().restarts === 1 && run.backend.status().state === 'ready', 'ready again');
    await until(() => held?.closed === true, 'the old stream is not kept');
  }));

  for (const [name, endpoint] of [
    ['another origin', 'https://other.example/messages'], ['another port', 'http://127.0.0.1:1/messages'], ['no scheme', '//other.example/messages'],
    ['something that is no URL', 'http://[oops'], ['no origin at all', 'data:text/plain,x'],
  ] as const) {
    test(`T77: an endpoint of ${name} is refused, and nothing is sent anywhere [CH4, SEC20]`, async () => running({ endpoint: () => endpoint }, { bearer: secret('backend-token') }, async (run) => {
      await until(() => run.backend.status().restarts >= 1, 'refused');
      assert.match(JSON.stringify(run.backend.status().lastFault), /not of its own origin/);
      assert.ok(run.peer.seen.every(({ path }) => path === '/sse'));
    }));
  }

  test('T77: the other origin hears nothing of us [SEC20]', async () => {
    let heard = 0;
    const other = createServer((_request, response) => {
      heard += 1;
      response.end();
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await running({ endpoint: () => `http://127.0.0.1:${port}/messages` }, {}, async (run) => {
      await until(() => run.backend.status().restarts >= 2, 'refused twice');
    });
    assert.equal(heard, 0);
    other.close();
  });

  test('a stream that names no endpoint is not waited for without end', async () => running({ endpoint: () => undefined }, { timeoutMs: 150 }, async (run) => {
    await until(() => run.backend.status().restarts >= 1, 'given up');
    assert.equal(run.backend.status().lastFault?.code, 'timeout');
    await until(() => run.peer.streams.size <= 1, 'no stream is left behind');
  }));

  test('a later endpoint moves nothing', async () => running({}, {}, async (run) => {
    await run.ready();
    for (const stream of run.peer.streams.values()) stream.write('event: endpoint\ndata: /messages?session=99\n\n');
    const result = await run.backend.call(permit('echo', { a: 1 }), io());
    assert.ok(result.ok && result.value.kind === 'result');
    assert.equal(members(result.value.raw)?.has('content'), true);
  }));
});
