import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test, type TestContext } from 'node:test';
import { Secret } from '../../src/core/secret.ts';
import type { GatewaySettings } from '../../src/core/settings.ts';
import { startAdmin } from '../../src/surfaces/admin.ts';
import type { PeerBounds } from '../../src/surfaces/connections.ts';
import { type FakeOperations, fakeOperations } from './fake-operations.ts';
import { testSettings } from './settings.ts';
import { ask, eventually, type Reply, sendRaw } from './wire.ts';

interface Admin {
  readonly port: number;
  readonly operations: FakeOperations;
  get(path: string, headers?: Readonly<Record<string, string | undefined>>, method?: string): Promise<Reply>;
  change(gateway: Partial<GatewaySettings>): void;
  refused(): number;
}

async function admin(t: TestContext, bounds: PeerBounds = testSettings().bounds): Promise<Admin> {
  let { gateway } = testSettings();
  const operations = fakeOperations();
  const started = await startAdmin(operations, () => ({ gateway, bounds }));
  assert.ok(started.ok);
  t.after(() => started.value.close());
  const { port } = started.value.address;
  return {
    port,
    operations,
    refused: () => started.value.refused(),
    get: (path, headers = {}, method = 'GET') => ask({ port, path, method, headers: { Authorization: undefined, ...headers } }),
    change: (changes) => {
      gateway = { ...gateway, ...changes };
    },
  };
}

test('/health and /ready answer in the original\'s bodies', async (t) => {
  const { get, operations } = await admin(t);
  const told = async (path: string): Promise<readonly unknown[]> => get(path).then(({ status, text }) => [status, JSON.parse(text)]);
  assert.deepEqual(await told('/health'), [200, { status: 'ok' }]);
  assert.deepEqual(await told('/ready'), [200, { status: 'ready' }]);
  operations.ready = { ready: false, conditions: [] };
  assert.deepEqual(await told('/ready'), [503, { status: 'not_ready' }]);
  operations.backends = 0;
  assert.deepEqual(await told('/ready'), [503, { status: 'not_ready', reason: 'no backends registered' }]);
  assert.deepEqual(await told('/health'), [200, { status: 'ok' }]);
});

test('/livez and /readyz speak as Kubernetes expects', async (t) => {
  const { get, operations } = await admin(t);
  assert.deepEqual(await get('/livez').then(({ status, text }) => [status, text]), [200, 'ok']);
  assert.match((await get('/livez?verbose')).text, /^\[\+\]process ok$/m);
  assert.equal((await get('/readyz')).text, 'ok');
  assert.match((await get('/readyz?verbose')).text, /^\[\+\]backends ok\nreadyz check passed$/);
  operations.ready = { ready: false, conditions: [{ name: 'backends', ok: true, note: '' }, { name: 'audit', ok: false, note: 'disk\nfull' }] };
  const failed = await get('/readyz');
  assert.equal(failed.status, 503);
  assert.equal(failed.text, '[+]backends ok\n[-]audit failed: disk full\nreadyz check failed');
});

test('/metrics is open without a token, and with one asks for exactly it', async (t) => {
  const { get, change } = await admin(t);
  const open = await get('/metrics');
  assert.deepEqual([open.status, open.headers['content-type'], open.text], [200, 'text/plain; version=0.0.4; charset=utf-8', 'sentinel_up 1\n']);
  change({ metricsToken: new Secret('correct-horse') });
  for (const authorization of [undefined, 'Bearer wrong', 'Bearer correct-hors', 'Bearer correct-horse2', 'Basic correct-horse', 'correct-horse', 'Bearer ']) {
    const refused = await get('/metrics', { Authorization: authorization });
    assert.deepEqual([refused.status, refused.text, refused.headers['www-authenticate']], [401, 'Unauthorized', 'Bearer'], authorization);
  }
  assert.equal((await get('/metrics', { Authorization: 'Bearer correct-horse' })).status, 200);
  assert.equal((await get('/health')).status, 200, 'liveness asks for no token');
});

test('A04 a rebound host name or any web page is refused on every path [SEC16]', async (t) => {
  const { get, port } = await admin(t);
  for (const path of ['/health', '/ready', '/livez', '/readyz', '/metrics', '/nope']) {
    assert.equal((await get(path, { Host: 'evil.example:9201' })).status, 421, path);
    assert.equal((await get(path, { Origin: 'https://evil.example' })).status, 403, path);
  }
  assert.equal((await sendRaw(port, 'GET /health HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n')).status, 400);
});

test('only GET and HEAD, only the paths there are', async (t) => {
  const { get } = await admin(t);
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) assert.equal((await get('/health', {}, method)).status, 405, method);
  assert.deepEqual(await get('/health', {}, 'HEAD').then(({ status, text }) => [status, text]), [200, '']);
  for (const path of ['/', '/health/', '/health?x', '/HEALTH', '/metrics/', '/readyz?verbose=1', '/mcp', '/admin']) assert.equal((await get(path)).status, 404, path);
});

test('a port that is taken is a fault the caller sees', async (t) => {
  const { port } = await admin(t);
  const again = await startAdmin(fakeOperations(), () => testSettings({ gateway: { healthListen: { host: '127.0.0.1', port } } }));
  assert.deepEqual(again.ok ? 'bound' : again.error.code, 'address_in_use');
});

test('metrics that fail are 500 without a reason', async (t) => {
  const { get, operations } = await admin(t);
  operations.metrics = () => Promise.reject(new Error('secret'));
  assert.deepEqual(await get('/metrics').then(({ status, text }) => [status, text]), [500, 'internal error']);
});

test('one peer holds no more than its share of connections, and gets them back when it lets go', async (t) => {
  const { port, get, refused } = await admin(t, { connectionsPerPeer: 1, connectionsLoopback: 3 });
  const held = Array.from({ length: 5 }, () => connect({ port, host: '127.0.0.1' }).on('error', () => undefined));
  await eventually(() => refused() === 2, 'two are over the share');
  for (const socket of held) socket.destroy();
  let answered = false;
  const again = (): void => void get('/health').then(() => (answered = true), () => undefined);
  await eventually(() => {
    if (!answered) again();
    return answered;
  }, 'there is room again');
});

test('loopback never holds every connection there is, whatever the bounds say', async (t) => {
  const { port, refused } = await admin(t, { connectionsPerPeer: 1000, connectionsLoopback: 1000 });
  const held = Array.from({ length: 130 }, () => connect({ port, host: '127.0.0.1' }).on('error', () => undefined));
  await eventually(() => refused() === 2, 'half of 256 is the most');
  for (const socket of held) socket.destroy();
});
