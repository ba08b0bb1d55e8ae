import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StoreFault } from '../../src/core/ports.ts';
import { err, ok, type Result } from '../../src/core/result.ts';
import { timestamp } from '../../src/core/ids.ts';
import type { WriteFault } from '../../src/stores/fault.ts';
import type { Numbered } from '../../src/stores/ledger.ts';
import { WriteQueue } from '../../src/stores/queue.ts';
import type { Unplaced } from '../../src/stores/schema.ts';
import { createEncoder } from '../../src/stores/record.ts';
import { AUDIT, CLOCK, RANDOM, sampleNode, temporaryFolder } from './sample.ts';
import type { TestContext } from 'node:test';

const AWAY: StoreFault = { code: 'unavailable', detail: 'connection refused' };

interface Bench {
  readonly queue: WriteQueue;
  readonly groups: string[][];
  readonly delays: number[];
  /** What writes answer: undefined = written. */
  fault: StoreFault | undefined;
  readonly row: (id: string) => Unplaced;
  /** Runs the retry that was asked for last, and waits for it. */
  readonly tick: () => Promise<void>;
}

function bench(t: TestContext, bounds: { readonly queue: number; readonly retry: number } = { queue: 10, retry: 10 }): Bench {
  const encoder = createEncoder({ node: sampleNode(temporaryFolder(t)), clock: CLOCK, random: RANDOM, settings: () => AUDIT });
  const groups: string[][] = [];
  const delays: number[] = [];
  let task: (() => void) | undefined;
  const answer = (): Result<void, WriteFault> => (made.fault === undefined ? ok(undefined) : err({ fault: made.fault, row: false }));
  const made: Bench = {
    groups, delays, fault: undefined,
    queue: new WriteQueue({
      bounds, onChange: () => undefined,
      after: (ms, run) => {
        delays.push(ms);
        task = run;
        return () => (task = undefined);
      },
      sink: {
        write: async (rows: readonly Numbered[]) => {
          await new Promise((resolve) => setImmediate(resolve));
          if (made.fault === undefined) groups.push(rows.map((one) => one.row.id));
          return answer();
        },
        ping: async () => answer(),
      },
    }),
    row: (id) => encoder.lifecycle({ id, wall: timestamp(1), by: 'system', revision: 1, kind: 'stopped', reason: 'x' }),
    tick: async () => {
      const run = task;
      task = undefined;
      run?.();
      for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    },
  };
  return made;
}

test('rows of one turn share a write, rows that come meanwhile share the next, in order', async (t) => {
  const { queue, groups, row } = bench(t);
  const first = [queue.add(row('a'), true), queue.add(row('b'), false)];
  await new Promise((resolve) => setImmediate(resolve));
  await Promise.all([...first, queue.add(row('c'), true), queue.add(row('d'), true)]);
  assert.deepEqual(groups, [['a', 'b'], ['c', 'd']]);
});

test('an intent beyond the bound is refused as full and is not counted as lost', async (t) => {
  const { queue, row } = bench(t, { queue: 2, retry: 5 });
  const waiting = [queue.add(row('a'), false), queue.add(row('b'), false)];
  const refused = await queue.add(row('c'), false);
  assert.equal(!refused.ok && refused.error.code, 'full');
  assert.deepEqual((await Promise.all(waiting)).map((one) => one.ok), [true, true]);
  assert.equal(queue.lost, 0);
});

test('when the database goes away intents fail, outcomes are kept, and are written when it is back', async (t) => {
  const made = bench(t);
  const { queue, row, tick } = made;
  made.fault = AWAY;
  const results = await Promise.all([queue.add(row('intent'), false), queue.add(row('outcome'), true)]);
  assert.deepEqual(results, [err(AWAY), err(AWAY)]);
  assert.deepEqual([queue.size, queue.fault], [1, AWAY]);
  assert.deepEqual(await queue.add(row('next intent'), false), err(AWAY), 'refused at once, without asking the database');
  assert.deepEqual(await queue.add(row('next outcome'), true), err(AWAY));
  await tick();
  assert.deepEqual(made.groups, []);
  made.fault = undefined;
  await tick();
  assert.deepEqual(made.groups, [['outcome', 'next outcome']]);
  assert.deepEqual([queue.size, queue.fault, queue.lost], [0, undefined, 0]);
  assert.equal((await queue.add(row('later'), false)).ok, true);
});

test('a database that stays away is asked less and less often, but at least every five seconds', async (t) => {
  const made = bench(t);
  made.fault = AWAY;
  await made.queue.add(made.row('outcome'), true);
  for (let turn = 0; turn < 7; turn += 1) await made.tick();
  assert.deepEqual(made.delays, [250, 500, 1000, 2000, 4000, 5000, 5000, 5000]);
});

test('an outage without anything to write ends too', async (t) => {
  const made = bench(t);
  made.fault = AWAY;
  await made.queue.add(made.row('intent'), false);
  made.fault = undefined;
  await made.tick();
  assert.equal(made.queue.fault, undefined);
});

test('outcomes beyond the bound are refused and counted, never dropped in silence', async (t) => {
  const made = bench(t, { queue: 10, retry: 3 });
  made.fault = AWAY;
  const results = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((id) => made.queue.add(made.row(id), true)));
  assert.ok(results.every((one) => !one.ok));
  assert.deepEqual([made.queue.size, made.queue.lost], [3, 2]);
});

test('closing writes what waits, and says whether anything is left', async (t) => {
  const made = bench(t);
  const waiting = made.queue.add(made.row('a'), true);
  assert.equal(await made.queue.close(), true);
  assert.equal((await waiting).ok, true);
  assert.equal((await made.queue.add(made.row('late'), false)).ok, false);

  const stuck = bench(t);
  stuck.fault = AWAY;
  await stuck.queue.add(stuck.row('b'), true);
  assert.equal(await stuck.queue.close(), false);
  assert.equal(stuck.queue.lost, 1);
});
