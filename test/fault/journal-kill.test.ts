// SIGKILL at any moment: what had an effect is on record, and what nobody knows the outcome of is said once (F43, F52, J07).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertTrue, emptyFolder, FULL, loadIn, openCallsIn, startLoad, writtenIn } from '../support/journal/load.ts';

const ROUNDS = FULL ? 200 : 12;

/** Mulberry32: the same moments in each run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test(`of ${ROUNDS} gateways killed under load each effect has its intent, each open call one outcome, and the chain verifies`, async (t) => {
  const random = seeded(43);
  // Small segments: some die while they begin the next one.
  const load = loadIn(emptyFolder(t), { segmentBytes: 256 * 1024 });
  let open: readonly string[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const gateway = startLoad(t, load);
    // One in four dies while it starts.
    if (random() < 0.25 && round > 0) {
      await pause(random() * 600);
    } else {
      await gateway.until('an effect', (said) => said.said === 'so far' && said.effects > 0);
      await pause(random() * 150);
    }
    await gateway.kill();
    for (const said of gateway.said) if (said.said === 'opened' && said.indeterminate > 0) assert.equal(said.indeterminate, open.length, `round ${round}`);
    open = openCallsIn(writtenIn(load.directories));
    // Whole checks cost more with each round.
    if (round % 10 === 0) await assertTrue(load);
  }
  const last = startLoad(t, load);
  const opened = await last.until('that it is open', ({ said }) => said === 'opened');
  assert.equal(opened.said === 'opened' && opened.indeterminate, open.length);
  assert.equal(await last.stop(), 0);
  const records = await assertTrue(load);
  assert.deepEqual(openCallsIn(records), []);
  const unknown = records.filter(({ code }) => code === 'indeterminate').map(({ call_id: call }) => call);
  assert.equal(new Set(unknown).size, unknown.length);
});

test('two gateways that start at once close the calls of a dead one once', async (t) => {
  for (let round = 0; round < (FULL ? 10 : 2); round += 1) {
    const load = loadIn(emptyFolder(t), { workers: 16 });
    const dead = startLoad(t, load);
    await dead.until('an effect', (said) => said.said === 'so far' && said.effects > 0);
    await dead.kill();
    const open = openCallsIn(writtenIn(load.directories));
    const both = [startLoad(t, load), startLoad(t, load)];
    const opened = await Promise.all(both.map((one) => one.until('that it is open', ({ said }) => said === 'opened')));
    assert.equal(opened.reduce((sum, said) => sum + (said.said === 'opened' ? said.indeterminate : 0), 0), open.length);
    assert.deepEqual(await Promise.all(both.map((one) => one.stop())), [0, 0]);
    assert.deepEqual(openCallsIn(await assertTrue(load)), []);
  }
});
