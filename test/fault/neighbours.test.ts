import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect, GENERATIONS, type Answer, type Peer } from '../support/e2e/clients.ts';
import { logOf, startGateway, type Gateway } from '../support/e2e/gateway.ts';
import { ROOT, until } from '../support/e2e/processes.ts';
import { everything, filesystem, fixture, stdioBackend } from '../support/e2e/servers.ts';

const LOUD = join(ROOT, 'test/fixtures/backends/loud.ts');
const succeeded = (answer: Answer): boolean => answer.kind === 'result' && !answer.isError;
/** Refused calls are meant here: no limit shall end them. */
const ROLE = ['[rbac.roles.developer]', 'permissions = ["*"]', '', '[rate_limits]', 'default_rpm = 1000000', 'probe_rpm = 1000000', ''].join('\n');
/** Enough for a breaker to open, and long enough for it to stay so. */
const BREAKER = ['circuit_breaker_threshold = 3', 'circuit_breaker_recovery_secs = 600', 'timeout_secs = 2'];

describe('four backends misbehave, the others do not notice', () => {
  const bin = new AsyncDisposableStack();
  let gateway: Gateway;
  let folder = '';
  let peers: readonly Peer[];
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'files-'));
    bin.defer(() => rmSync(folder, { recursive: true, force: true }));
    const toml = [
      everything(), filesystem(folder),
      fixture('hung', ['--never'], ['handshake_timeout = "5m"', ...BREAKER]),
      fixture('crashing', ['--crash-start'], ['max_restarts = 0', ...BREAKER]),
      stdioBackend('shouting', [process.execPath, LOUD, 'stderr']),
      stdioBackend('garbling', [process.execPath, LOUD, 'stdout'], ['max_restarts = 0']),
      fixture('asleep', [], BREAKER),
      fixture('stuck'),
      ROLE,
    ].join('\n');
    gateway = bin.use(await startGateway({ toml, wait: 'listening' }));
    await gateway.when(({ backends }) => ['everything', 'filesystem', 'asleep', 'stuck'].every((id) => backends.some((one) => one.id === id && one.state === 'ready')), 'the good ones are ready although others never will be');
    peers = await Promise.all(GENERATIONS.map(async (generation) => bin.use(await connect(generation, { via: 'http', url: gateway.endpoint, token: await gateway.token(`agent-${generation}`, 'developer') }))));
  });
  after(async () => bin.disposeAsync());

  /** Calls to the bad ones, over and over, and some that hang, until `work` is done. */
  const meanwhile = async (peer: Peer, work: () => Promise<void>): Promise<void> => {
    let over = false;
    const stop = new AbortController();
    const hanging = Array.from({ length: 5 }, async () => assert.rejects(peer.call('stuck__never', {}, { signal: stop.signal })));
    const pester = ['hung__echo', 'crashing__echo', 'shouting__echo', 'garbling__echo'].map(async (tool) => {
      while (!over) await peer.call(tool, {});
    });
    try {
      await gateway.when((report) => report.backends.some((one) => one.id === 'stuck' && one.inflight === hanging.length), 'calls hang');
      await work();
    } finally {
      over = true;
      stop.abort();
    }
    await Promise.all([...pester, ...hanging]);
  };

  for (const [index, generation] of GENERATIONS.entries()) {
    test(`${generation}: lists answer and calls to good backends succeed while all four misbehave`, async () => {
      const peer = peers[index];
      assert.ok(peer !== undefined);
      await meanwhile(peer, async () => {
        for (let n = 0; n < 20; n += 1) {
          const owners = new Set((await peer.list()).map((tool) => tool.name.split('__')[0]));
          assert.ok(owners.has('everything') && owners.has('filesystem'), [...owners].join(' '));
          assert.ok(!owners.has('hung') && !owners.has('crashing'), 'what never answered offers nothing');
          const echoed = await peer.call('everything__echo', { message: `n${n}` });
          assert.ok(echoed.kind === 'result' && echoed.text.includes(`n${n}`), JSON.stringify(echoed));
          assert.ok(succeeded(await peer.call('filesystem__list_allowed_directories', {})));
        }
      });
    });
  }

  test('a call to the one that floods its stderr is answered; its words are logged without their control characters', async () => {
    const [peer] = peers;
    const answer = await peer?.call('shouting__echo', {});
    assert.ok(answer !== undefined && succeeded(answer), JSON.stringify(answer));
    await until(() => logOf(gateway).some((line) => line['backend'] === 'shouting' && line['event'] === 'stderr'), 'its stderr is in the log');
    assert.ok(!gateway.process.stderr().includes('\u001b'), 'no escape sequence reaches a terminal');
  });

  test('T79: garbage on stdout is dropped, counted and ends in a restart, and never reaches an agent', async () => {
    const { backends } = await gateway.when((report) => report.backends.some((one) => one.id === 'garbling' && (one.noise > 0 || one.restarts > 0)), 'it is counted');
    assert.ok(backends.some((one) => one.id === 'garbling'));
  });

  test('calls that are never answered time out one by one, open the breaker, and it shows everywhere', async () => {
    const [peer] = peers;
    assert.ok(peer !== undefined);
    const timedOut = await Promise.all(Array.from({ length: 3 }, async () => peer.call('asleep__never', {})));
    for (const answer of timedOut) assert.ok(answer.kind === 'error' && answer.code === -32603 && JSON.stringify(answer.data).includes('SEN-0404'), JSON.stringify(answer));
    const refused = await peer.call('asleep__echo', {});
    assert.ok(refused.kind === 'result' && refused.isError && refused.text.includes('SEN-0307'), JSON.stringify(refused));
    assert.ok(succeeded(await peer.call('everything__echo', { message: 'others go on' })));

    const metrics = (await gateway.page('/metrics')).body;
    assert.match(metrics, /^sentinel_circuit_state\{backend="asleep"\} 2$/m);
    assert.match(metrics, /^sentinel_backend_healthy\{backend="asleep"\} 0$/m);
    assert.match(metrics, /^sentinel_backend_healthy\{backend="everything"\} 1$/m);
    assert.match(metrics, /^sentinel_requests_total\{tool="asleep__echo",status="circuit_open"\} 1$/m);
    const status = (await gateway.json(['status'], 3)) as { readonly circuits: readonly { readonly backend: string; readonly state: string }[] };
    assert.ok(status.circuits.some((one) => one.backend === 'asleep' && one.state === 'open'));
    assert.ok(status.circuits.some((one) => one.backend === 'everything' && one.state === 'closed'));
    assert.equal((await gateway.page('/ready')).status, 200, 'others can be called');
    // Between two crashes it is `starting` for as long as its program takes to come up: asked until the question falls between.
    const said = await until(async () => {
      const asked = await gateway.cli(['status', '--check']);
      return /backend crashing is backing_off/.test(asked.stderr) ? asked : undefined;
    }, 'the one that crashes is said to be down');
    assert.equal(said.code, 3);
    assert.match(said.stderr, /circuit of asleep is open/);
  });
});

describe('the only backend', () => {
  const bin = new AsyncDisposableStack();
  after(async () => bin.disposeAsync());

  test('E10: dead from the start: /ready says no, /health says yes, and the list is empty at once', async () => {
    const gateway = bin.use(await startGateway({ toml: `${stdioBackend('dead', ['false'], ['max_restarts = 0'])}\n${ROLE}`, wait: 'listening' }));
    // A crash is over at once, and is repeated without end: it has been seen to be down, whatever it does at this moment.
    await gateway.when(({ backends: [dead] }) => dead?.lastFault?.code === 'exited', 'it crashed');
    const ready = await gateway.page('/ready');
    assert.deepEqual([ready.status, JSON.parse(ready.body)], [503, { status: 'not_ready' }]);
    const health = await gateway.page('/health');
    assert.deepEqual([health.status, JSON.parse(health.body)], [200, { status: 'ok' }]);
    const peer = bin.use(await connect('v2-modern', { via: 'http', url: gateway.endpoint, token: await gateway.token('agent', 'developer') }));
    assert.deepEqual(await peer.list(), []);
    assert.deepEqual(await peer.call('dead__echo', {}), { kind: 'error', code: -32602, message: 'Unknown tool: dead__echo', data: undefined });
  });

  test('an open breaker makes it not ready; one probe closes it again', async () => {
    const gateway = bin.use(await startGateway({ toml: `${fixture('only', [], ['circuit_breaker_threshold = 2', 'circuit_breaker_recovery_secs = 1', 'timeout_secs = 1'])}\n${ROLE}` }));
    const peer = bin.use(await connect('v1', { via: 'http', url: gateway.endpoint, token: await gateway.token('agent', 'developer') }));
    assert.equal((await gateway.page('/ready')).status, 200);
    await Promise.all([peer.call('only__never', {}), peer.call('only__never', {})]);
    assert.equal((await gateway.page('/ready')).status, 503);
    // A tool error is the tool's own business and a client's mistake is the client's: neither keeps a breaker open.
    const probe = await until(async () => {
      const answer = await peer.call('only__echo', {});
      return succeeded(answer) ? answer : undefined;
    }, 'a probe gets through after the recovery time');
    assert.ok(succeeded(probe));
    assert.equal((await gateway.page('/ready')).status, 200);
  });

  test('a tool that fails and a call that does not fit do not open the breaker', async () => {
    const gateway = bin.use(await startGateway({ toml: `${fixture('only', [], ['circuit_breaker_threshold = 2'])}\n${ROLE}` }));
    const peer = bin.use(await connect('v1', { via: 'http', url: gateway.endpoint, token: await gateway.token('agent', 'developer') }));
    for (const tool of ['only__fail', 'only__refuse', 'only__fail', 'only__refuse', 'only__no-such']) await peer.call(tool, {});
    assert.ok(succeeded(await peer.call('only__echo', {})));
    assert.deepEqual((await gateway.status()).circuits.map((one) => one.state), ['closed']);
  });

  test('crashes after its handshake: the call in flight fails at once, the next one does not hang, and it comes back as another process', async () => {
    const gateway = bin.use(await startGateway({ toml: `${fixture('only', [], ['circuit_breaker_threshold = 0', 'max_restarts = 0'])}\n${ROLE}` }));
    const peer = bin.use(await connect('v2-legacy', { via: 'http', url: gateway.endpoint, token: await gateway.token('agent', 'developer') }));
    const pid = async (): Promise<string> => {
      const answer = await peer.call('only__pid', {});
      return answer.kind === 'result' ? (answer.text.split(' ')[0] ?? '') : '';
    };
    const first = await pid();
    for (let round = 0; round < 3; round += 1) {
      const waiting = peer.call('only__never', {});
      const [crashed, cut] = await Promise.all([peer.call('only__crash', {}), waiting]);
      for (const answer of [crashed, cut]) assert.ok(answer.kind === 'error' && JSON.stringify(answer.data).includes('SEN-0402'), JSON.stringify(answer));
      // The first call after a crash gets an answer, whichever it is.
      const next = await peer.call('only__echo', {});
      assert.ok(succeeded(next) || next.kind === 'error', JSON.stringify(next));
      assert.ok((await peer.list()).some((tool) => tool.name === 'only__echo'), 'what it offers is still known');
      await until(async () => succeeded(await peer.call('only__echo', {})), 'it is back');
    }
    assert.notEqual(await pid(), first);
    const [status] = (await gateway.status()).backends;
    assert.ok(status?.state === 'ready' && status.restarts >= 3, JSON.stringify(status));
    assert.match((await gateway.page('/metrics')).body, /^sentinel_backend_restarts_total\{backend="only"\} [3-9]$/m);
  });
});
