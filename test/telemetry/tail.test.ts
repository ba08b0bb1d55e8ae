import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LiveEvent } from '../../src/core/operations.ts';
import { timestamp } from '../../src/core/ids.ts';
import { createTail, type Tail } from '../../src/telemetry/tail.ts';
import { outcome } from './sample.ts';

function bench(bounds?: { readonly watchers: number; readonly buffer: number }): { readonly tail: Tail; readonly turn: () => void } {
  let tasks: (() => void)[] = [];
  const tail = createTail({ defer: (task) => void tasks.push(task), ...(bounds === undefined ? {} : { bounds }) });
  return {
    tail,
    turn: () => {
      const due = tasks;
      tasks = [];
      for (const task of due) task();
    },
  };
}

test('each watcher gets every event in order, in a later turn', () => {
  const { tail, turn } = bench();
  const seen: string[][] = [[], []];
  for (const list of seen) tail.watch((event) => void list.push(event.type));
  tail.outcome(outcome());
  tail.lifecycle({ id: 'e', wall: timestamp(1), by: 'system', revision: 1, kind: 'stopped', reason: 'x' });
  assert.deepEqual(seen, [[], []], 'a call does not wait for who watches it');
  turn();
  assert.deepEqual(seen, [['outcome', 'lifecycle'], ['outcome', 'lifecycle']]);
});

test('a slow watcher misses the oldest events, which are counted, and costs a bounded buffer', () => {
  const { tail, turn } = bench({ watchers: 2, buffer: 3 });
  const seen: LiveEvent[] = [];
  tail.watch((event) => void seen.push(event));
  for (let at = 0; at < 10; at += 1) tail.outcome({ ...outcome(), revision: at });
  turn();
  assert.deepEqual(seen.map((event) => event.type === 'outcome' && event.outcome.revision), [7, 8, 9]);
  assert.equal(tail.missed(), 7);
});

test('a watcher that throws is dropped and disturbs no other', () => {
  const { tail, turn } = bench();
  let others = 0;
  tail.watch(() => {
    throw new Error('broken pipe');
  });
  tail.watch(() => void (others += 1));
  tail.outcome(outcome());
  turn();
  tail.outcome(outcome());
  turn();
  assert.deepEqual([others, tail.watchers()], [2, 1]);
});

test('who stopped watching gets nothing more, not even what waited; beyond the bound nobody is let in', () => {
  const { tail, turn } = bench({ watchers: 1, buffer: 3 });
  let seen = 0;
  const stop = tail.watch(() => void (seen += 1));
  assert.equal(tail.watch(() => undefined), undefined);
  tail.outcome(outcome());
  stop?.();
  turn();
  assert.equal(seen, 0);
  assert.notEqual(tail.watch(() => undefined), undefined);
});
