import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StoreFault } from '../../../src/core/ports.ts';
import { err, ok } from '../../../src/core/result.ts';
import type { Entry } from '../../../src/stores/journal/appender.ts';
import { type Adding, WriteQueue } from '../../../src/stores/journal/queue.ts';

const AWAY: StoreFault = { code: 'unavailable', detail: 'connection refused' };

const KEPT: Adding = { keep: true, urgent: true };
const WAITED: Adding = { keep: false, urgent: true };

interface Bench {
  readonly queue: WriteQueue;
  readonly groups: string[][];
  readonly delays: number[];
  /** What writes answer: undefined = written. */
  fault: StoreFault | undefined;
  /** Runs what was put off last, and waits for it. */
  readonly tick: () => Promise<void>;
}

function row(tail: string): Omit<Entry, 'n'> {
  return { tail, kind: 'lifecycle', call: undefined };
}

function bench(bounds: { readonly queue: number; readonly retry: number } = { queue: 10, retry: 10 }): Bench {
  const groups: string[][] = [];
  const delays: number[] = [];
  let task: (() => void) | undefined;
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
        append: async (entries: readonly Entry[]) => {
          await new Promise((resolve) => setImmediate(resolve));
          if (made.fault !== undefined) return err(made.fault);
          if (entries.length > 0) groups.push(entries.map((one) => one.tail));
          return ok(undefined);
        },
      },
    }),
    tick: async () => {
      const run = task;
      task = undefined;
      run?.();
      for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    },
  };
  return made;
}

test('rows of one turn share a write, rows that come meanwhile share the next, in order', async () => {
  const { queue, groups } = bench();
  const first = [queue.add(row('a'), KEPT), queue.add(row('b'), WAITED)];
  await new Promise((resolve) => setImmediate(resolve));
  await Promise.all([...first, queue.add(row('c'), KEPT), queue.add(row('d'), KEPT)]);
  assert.deepEqual(groups, [['a', 'b'], ['c', 'd']]);
});

test('an intent beyond the bound is refused as full and is not counted as lost', async () => {
  const { queue } = bench({ queue: 2, retry: 5 });
  const waiting = [queue.add(row('a'), WAITED), queue.add(row('b'), WAITED)];
  const refused = await queue.add(row('c'), WAITED);
  assert.equal(!refused.ok && refused.error.code, 'full');
  assert.deepEqual((await Promise.all(waiting)).map((one) => one.ok), [true, true]);
  assert.equal(queue.lost, 0);
});

test('when the database goes away intents fail, outcomes are kept, and are written when it is back', async () => {
  const made = bench();
  const { queue, tick } = made;
  made.fault = AWAY;
  const results = await Promise.all([queue.add(row('intent'), WAITED), queue.add(row('outcome'), KEPT)]);
  assert.deepEqual(results, [err(AWAY), err(AWAY)]);
  assert.deepEqual([queue.size, queue.fault], [1, AWAY]);
  assert.deepEqual(await queue.add(row('next intent'), WAITED), err(AWAY), 'refused at once, without asking the database');
  assert.deepEqual(await queue.add(row('next outcome'), KEPT), err(AWAY));
  await tick();
  assert.deepEqual(made.groups, []);
  made.fault = undefined;
  await tick();
  assert.deepEqual(made.groups, [['outcome', 'next outcome']]);
  assert.deepEqual([queue.size, queue.fault, queue.lost], [0, undefined, 0]);
  assert.equal((await queue.add(row('later'), WAITED)).ok, true);
});

test('a database that stays away is asked less and less often, but at least every five seconds', async () => {
  const made = bench();
  made.fault = AWAY;
  await made.queue.add(row('outcome'), KEPT);
  for (let turn = 0; turn < 7; turn += 1) await made.tick();
  assert.deepEqual(made.delays, [250, 500, 1000, 2000, 4000, 5000, 5000, 5000]);
});

test('an outage without anything to write ends too', async () => {
  const made = bench();
  made.fault = AWAY;
  await made.queue.add(row('intent'), WAITED);
  made.fault = undefined;
  await made.tick();
  assert.equal(made.queue.fault, undefined);
});

test('outcomes beyond the bound are refused and counted, never dropped in silence', async () => {
  const made = bench({ queue: 10, retry: 3 });
  made.fault = AWAY;
  const results = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((id) => made.queue.add(row(id), KEPT)));
  assert.ok(results.every((one) => !one.ok));
  assert.deepEqual([made.queue.size, made.queue.lost], [3, 2]);
});

test('closing writes what waits, and counts what is left', async () => {
  const made = bench();
  const waiting = made.queue.add(row('a'), KEPT);
  await made.queue.close();
  assert.equal(made.queue.lost, 0);
  assert.equal((await waiting).ok, true);
  assert.equal((await made.queue.add(row('late'), WAITED)).ok, false);

  const stuck = bench();
  stuck.fault = AWAY;
  await stuck.queue.add(row('b'), KEPT);
  await stuck.queue.close();
  assert.equal(stuck.queue.lost, 1);
});

test('what nobody waits for is written a moment later, or with the next that somebody waits for', async () => {
  const made = bench();
  void made.queue.add(row('a'), { keep: true, urgent: false });
  void made.queue.add(row('b'), { keep: true, urgent: false });
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([made.groups, made.delays, made.queue.size], [[], [20], 2]);
  await made.tick();
  assert.deepEqual(made.groups, [['a', 'b']]);
  void made.queue.add(row('c'), { keep: true, urgent: false });
  await made.queue.add(row('d'), WAITED);
  assert.deepEqual(made.groups, [['a', 'b'], ['c', 'd']]);
});
