// T63–T82 through the whole gateway: what backends say and fail to say, seen from an agent of either era.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { connect, type Answer, type Peer } from '../support/e2e/clients.ts';
import { startGateway, type Gateway } from '../support/e2e/gateway.ts';
import { until } from '../support/e2e/processes.ts';
import { fixture } from '../support/e2e/servers.ts';

/** Name, flags of the fixture, and the era that must come out. */
const DIALECTS = [
  ['plain', [], 'legacy'],
  ['no-method', ['--discover-error=-32601'], 'legacy'],
  ['no-server', ['--discover-error=-32000'], 'legacy'],
  ['no-params', ['--discover-error=-32602'], 'legacy'],
  ['silent', ['--silent-discover'], 'legacy'],
  ['dying', ['--dies-unknown'], 'legacy'],
  ['modern', ['--era=modern'], 'modern'],
  ['refusing', ['--era=modern', '--refuse-version'], 'modern'],
  ['banner', ['--banner'], 'legacy'],
  ['old', ['--version=2024-11-05'], 'legacy'],
] as const;

const NO_BREAKER = ['circuit_breaker_threshold = 0', 'timeout_secs = 5', 'max_restarts = 0', 'result = "1MiB"'];

describe('backends as they are, behind the gateway', () => {
  const bin = new AsyncDisposableStack();
  let gateway: Gateway;
  let peers: readonly Peer[];
  before(async () => {
    const toml = [
      ...DIALECTS.map(([name, flags]) => fixture(name, flags, NO_BREAKER)),
      fixture('paged', ['--pages=3'], NO_BREAKER), fixture('looping', ['--cursor-loop'], NO_BREAKER), fixture('odd', ['--bad-tools'], NO_BREAKER), fixture('bare', ['--no-tools'], NO_BREAKER),
      '[rbac.roles.developer]', 'permissions = ["*"]', '',
    ].join('\n');
    gateway = bin.use(await startGateway({ toml, wait: 'listening' }));
    await gateway.when(({ backends }) => backends.every((one) => one.state === 'ready'), 'every backend is ready');
    peers = await Promise.all((['v1', 'v2-modern'] as const).map(async (generation) => bin.use(await connect(generation, { via: 'http', url: gateway.endpoint, token: await gateway.token('agent', 'developer') }))));
  });
  after(async () => bin.disposeAsync());

  const text = (answer: Answer): string => (answer.kind === 'result' ? answer.text : `${answer.code} ${answer.message}`);

  for (const [name, flags, era] of DIALECTS) {
    test(`T63 T64: a backend that is ${flags.join(' ') || 'as usual'} is spoken to in its era, and agents of both eras reach it`, async () => {
      const status = (await gateway.status()).backends.find((one) => one.id === name);
      assert.equal(status?.era, era);
      assert.equal(status.restarts, 0, 'no start was wasted');
      for (const peer of peers) assert.equal(text(await peer.call(`${name}__echo`, {})), 'ok');
      const seen = text(await (peers[0] as Peer).call(`${name}__seen`, {}));
      if (era === 'modern') assert.ok(!seen.includes('initialize'), seen);
      else assert.equal(seen.split(' ').filter((method) => method === 'initialize').length, 1, seen);
    });
  }

  test('T70: the backend is asked by the tool\'s own name, and learns nothing of the agent [C18]', async () => {
    for (const peer of peers) {
      const answer = await peer.call('modern__echo', { n: 1 });
      const { line } = (answer.kind === 'result' ? answer.whole['structuredContent'] : {}) as { readonly line: string };
      const sent = JSON.parse(line) as { params: { name: string; arguments: unknown; _meta: Record<string, unknown> } };
      assert.equal(sent.params.name, 'echo');
      assert.deepEqual(sent.params.arguments, { n: 1 });
      assert.deepEqual(sent.params._meta['io.modelcontextprotocol/clientInfo'], { name: 'sentinel', version: '0.1.0' });
      assert.ok(!line.includes('e2e') && !line.includes('modern__'), line);
    }
  });

  test('T73 T74: an unknown resultType is an error, a complete one and none are results [C5]', async () => {
    for (const peer of peers) {
      assert.match(text(await peer.call('modern__type', { n: 0 })), /^-32603 /);
      assert.equal((await peer.call('modern__type', { n: 2 })).kind, 'result');
      assert.equal((await peer.call('modern__echo', {})).kind, 'result');
    }
  });

  test('T80 T106: a backend that asks is answered by the gateway, not by the agent, and its call goes on', async () => {
    for (const peer of peers) {
      const asked = await peer.call('plain__ask', {});
      const { reply } = (asked.kind === 'result' ? asked.whole['structuredContent'] : {}) as { readonly reply: string };
      assert.equal((JSON.parse(reply) as { readonly error?: { readonly code: number } }).error?.code, -32_601, 'roots/list has no answer here');
      assert.equal(text(await peer.call('plain__ping', {})), 'answered');
    }
  });

  test('T81: a call that is never answered times out, is cancelled at the backend, and the next one works', async () => {
    const [peer] = peers;
    assert.ok(peer !== undefined);
    const answer = await peer.call('plain__never', {});
    assert.ok(answer.kind === 'error' && answer.code === -32_603 && JSON.stringify(answer.data).includes('SEN-0404'), JSON.stringify(answer));
    await until(async () => {
      const seen = await peer.call('plain__seen', {});
      return ((seen.kind === 'result' ? seen.whole['structuredContent'] : {}) as { cancelled: readonly unknown[] }).cancelled.length > 0;
    }, 'the backend is told');
    assert.equal(text(await peer.call('plain__echo', {})), 'ok');
  });

  test('answers that belong to no call, and null ones, harm nobody', async () => {
    for (const peer of peers) {
      assert.equal(text(await peer.call('plain__wrongid', {})), 'the right one');
      assert.match(text(await peer.call('plain__null', {})), /^-32603 /);
      assert.equal(text(await peer.call('plain__echo', {})), 'ok');
    }
  });

  test('a result above the bound is an error, and neither the gateway nor the backend is lost over it [SEC47]', async () => {
    for (const peer of peers) {
      const big = await peer.call('plain__big', { bytes: 2 * 1024 * 1024 });
      assert.ok(big.kind === 'error' && JSON.stringify(big.data).includes('SEN-0406'), JSON.stringify(big).slice(0, 300));
      assert.equal(text(await peer.call('plain__big', { bytes: 1000 })).length, 1000);
    }
    assert.equal((await gateway.status()).backends.find((one) => one.id === 'plain')?.restarts, 0);
  });

  test('T129 T130: all pages are read, one that never ends is cut, bad definitions are left out, and one without tools offers none [C9]', async () => {
    const names = new Set((await (peers[1] as Peer).list()).map((tool) => tool.name));
    const of = (name: string): number => [...names].filter((one) => one.startsWith(`${name}__`)).length;
    assert.equal(of('paged'), of('plain'));
    assert.equal(of('looping'), 1);
    assert.equal(of('odd'), of('plain'));
    assert.equal(of('bare'), 0);
  });

  test('a backend that says its tools changed is asked again, and agents hear of it [CI5, C8]', async () => {
    for (const [index, name] of ['plain', 'modern'].entries()) {
      const peer = peers[index];
      assert.ok(peer !== undefined);
      const before = peer.changes();
      await peer.call(`${name}__add`, { times: 3 });
      await until(() => peer.changes() > before, 'the agent is told');
      await until(async () => (await peer.list()).some((tool) => tool.name === `${name}__extra1`), 'and lists it');
    }
  });
});
