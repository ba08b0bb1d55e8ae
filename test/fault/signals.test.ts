import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect, type Peer } from '../support/e2e/clients.ts';
import { atLeast, fourBackends, none, noNpx, prepareFour, serve } from '../support/e2e/four.ts';
import { launch, prepare, type Gateway, type Setup } from '../support/e2e/gateway.ts';
import { INITIALIZE, startLines } from '../support/e2e/lines.ts';
import { descendants, endOf, MAIN, start, until } from '../support/e2e/processes.ts';
import { fixture } from '../support/e2e/servers.ts';
import { suite } from '../support/e2e/suite.ts';

suite('signals end the gateway and everything it started', noNpx, () => {
  const bin = new AsyncDisposableStack();
  let setup: Setup;
  before(async () => {
    setup = bin.use(await prepareFour());
  });
  after(async () => bin.disposeAsync());

  test('SIGHUP and SIGTERM during the start leave no process, and a SIGHUP does not end it', async () => {
    for (const children of [0, 1, 3, 5]) {
      const daemon = serve(setup);
      const recorded = await atLeast(daemon, children);
      daemon.signal('SIGHUP');
      if (children > 0) await until(() => daemon.hasEnded() || daemon.stderr().split('\n').length > 2, 'it goes on');
      daemon.signal('SIGTERM');
      const said = await endOf(daemon, `a gateway with ${children} children`);
      if (children > 0) assert.ok(said.signal === null && (said.code === 0 || said.code === 143), `${children} children: ${said.code} ${said.signal}\n${said.stderr}`);
      await none(setup, recorded, `${children} children`);
    }
  });

  test('sentinel stdio outlives a SIGHUP during its start; when its agent is gone, a SIGTERM is not kept waiting by a stubborn backend', async () => {
    const slow = bin.use(await prepare({ toml: `${fixture('stubborn', ['--ignore-eof', '--ignore-term'], ['stop_timeout = "10m"'])}\n[rbac.roles.developer]\npermissions = ["*"]\n` }));
    const alone = bin.use(startLines([process.execPath, MAIN, 'stdio', '--alone', '--token-file', await slow.tokenFile('alone', 'developer'), '--config', slow.config], { env: slow.env, cwd: slow.folder }));
    await atLeast(alone.process, 1);
    alone.process.signal('SIGHUP');
    assert.equal((await alone.ask(1, 'initialize', INITIALIZE)).error, undefined);
    const recorded = descendants(alone.process.pid);
    alone.process.child.stdin?.end();
    await until(() => alone.process.stderr().includes('"reason":"eof"'), 'it has noticed');
    alone.process.signal('SIGTERM');
    assert.equal((await endOf(alone.process, 'sentinel stdio')).code, 143);
    await none(slow, recorded, 'SIGTERM after the end of stdin');
  });

  test('a gateway that was told to end before it was ready says nothing of being ready', async () => {
    const slow = bin.use(await prepare({ toml: `${fixture('hung', ['--never'], ['handshake_timeout = "10m"'])}\n[rbac.roles.developer]\npermissions = ["*"]\n` }));
    const gateway = await launch(slow, 'listening');
    assert.equal(gateway.process.stdout(), '');
    const said = await gateway.stop();
    assert.equal(said.stdout, '', said.stderr);
    // Its socket answers a moment before the start is over; until then there is nothing to drain, and the signal ends it.
    assert.ok(said.code === 0 || said.code === 143, `${said.code}`);
  });

  test('a second SIGTERM does not wait for calls in flight, and leaves no process either', async () => {
    const patient = bin.use(await prepare({ toml: fourBackends(join(setup.folder, 'files')), gateway: ['drain_timeout = "10m"'] }));
    const gateway = await launch(patient);
    bin.defer(() => gateway.process.signal('SIGKILL'));
    const { call, peer } = await neverAnswered(gateway);
    bin.use(peer);
    const recorded = descendants(gateway.pid);
    gateway.process.signal('SIGTERM');
    await until(async () => (await gateway.page('/readyz')).status === 503, 'it drains');
    assert.equal(gateway.process.hasEnded(), false, 'the first one waits');
    gateway.process.signal('SIGTERM');
    assert.equal((await endOf(gateway.process, 'the gateway')).code, 143);
    await call;
    await none(patient, recorded, 'second SIGTERM');
  });

  test('SIGTERM with a call in flight that is never answered ends it when the drain time is over', async () => {
    const gateway = await launch(setup);
    bin.defer(() => gateway.process.signal('SIGKILL'));
    const { call, peer } = await neverAnswered(gateway);
    bin.use(peer);
    const recorded = descendants(gateway.pid);
    const said = await gateway.stop();
    assert.equal(said.code, 0, said.stderr);
    await call;
    await none(setup, recorded, 'SIGTERM');
    const [row] = await setup.jsonLines(['audit', 'query', '--tool', 'stubborn/never', '--limit', '1']);
    assert.equal(row?.['kind'], 'outcome', 'the call it cut has an end in the audit');
  });

  test('sentinel stdio ends on SIGTERM although its stdin stays open, answers what it cut, and leaves no process', async () => {
    const file = await setup.tokenFile('alone', 'developer');
    const alone = start([process.execPath, MAIN, 'stdio', '--alone', '--token-file', file, '--config', setup.config], { env: setup.env, cwd: setup.folder });
    bin.defer(() => alone.signal('SIGKILL'));
    const say = (message: object): void => void alone.child.stdin?.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
    const answers = (): readonly { readonly id?: unknown; readonly result?: { readonly tools?: readonly unknown[] } }[] => alone.stdout().split('\n').slice(0, -1).map((line) => JSON.parse(line));
    say({ id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'e2e', version: '1' } } });
    say({ method: 'notifications/initialized' });
    let asked = 1;
    await until(() => {
      if (answers().some((answer) => JSON.stringify(answer.result?.tools ?? []).includes('stubborn__never'))) return true;
      if (answers().some((answer) => answer.id === asked)) say({ id: (asked += 1), method: 'tools/list' });
      return false;
    }, 'the tools are listed');
    say({ id: 'cut', method: 'tools/call', params: { name: 'stubborn__never' } });
    await until(() => descendants(alone.pid).length >= 5, 'all backends run');
    const recorded = descendants(alone.pid);
    alone.signal('SIGTERM');
    const said = await endOf(alone, 'sentinel stdio');
    assert.equal(said.code, 0, said.stderr);
    assert.ok(answers().some((answer) => answer.id === 'cut'), said.stdout);
    await none(setup, recorded, 'SIGTERM');
  });
});

async function neverAnswered(gateway: Gateway): Promise<{ readonly call: Promise<unknown>; readonly peer: Peer }> {
  const peer = await connect('v1', { via: 'http', url: gateway.endpoint, token: await gateway.token('agent', 'developer') });
  const call = peer.call('stubborn__never', {}).catch((error: unknown) => error);
  await gateway.when((report) => report.inflight === 1, 'the call is in flight');
  return { call, peer };
}
