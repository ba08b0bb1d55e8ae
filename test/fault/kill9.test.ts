import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connect } from '../support/e2e/clients.ts';
import { atLeast, none, noNpx, prepareFour, serve } from '../support/e2e/four.ts';
import { launch, type Setup } from '../support/e2e/gateway.ts';
import { descendants, type Running, type Seen } from '../support/e2e/processes.ts';
import { suite } from '../support/e2e/suite.ts';

const ROUNDS = process.env['SENTINEL_TEST_FULL'] === '1' ? 500 : 8;

/** Stopped first, so that it cannot start another while its children are counted. */
function killAndRecord(daemon: Pick<Running, 'pid' | 'signal'>): readonly Seen[] {
  daemon.signal('SIGSTOP');
  const recorded = descendants(daemon.pid);
  daemon.signal('SIGKILL');
  return recorded;
}

suite('nothing outlives a gateway that is killed', noNpx, () => {
  const bin = new AsyncDisposableStack();
  let setup: Setup;
  before(async () => {
    setup = bin.use(await prepareFour());
  });
  after(async () => bin.disposeAsync());

  test(`H14: ${ROUNDS} kill -9 with four stdio backends, half of them during the start, leave no process`, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const recorded = await (round % 2 === 0 ? killRunning(setup, bin) : killStarting(setup, 1 + ((round >> 1) % 5)));
      await none(setup, recorded, `round ${round}`);
    }
    // What was left on the disk does not keep the next one from starting.
    const gateway = bin.use(await launch(setup));
    assert.equal((await gateway.status()).readiness.ready, true);
    const recorded = descendants(gateway.pid);
    assert.equal((await gateway.stop()).code, 0);
    await none(setup, recorded, 'SIGTERM');
  });
});

async function killRunning(setup: Setup, bin: AsyncDisposableStack): Promise<readonly Seen[]> {
  const gateway = await launch(setup);
  bin.defer(() => gateway.process.signal('SIGKILL'));
  const peer = await connect('v1', { via: 'http', url: gateway.endpoint, token: await setup.token('agent', 'developer') });
  // A grandchild in a session of its own, whose parent is gone.
  const answer = await peer.call('stubborn__survivor', {});
  assert.ok(answer.kind === 'result' && /^\d+$/.test(answer.text), JSON.stringify(answer));
  const recorded = killAndRecord(gateway.process);
  assert.ok(recorded.length >= 5, `four backends and the watchdog: ${recorded.length}`);
  await gateway.process.ended;
  await peer.close().catch(() => undefined);
  return recorded;
}

async function killStarting(setup: Setup, children: number): Promise<readonly Seen[]> {
  const daemon = serve(setup);
  const seen = await atLeast(daemon, children);
  const recorded = [...seen, ...killAndRecord(daemon)];
  await daemon.ended;
  return recorded;
}
