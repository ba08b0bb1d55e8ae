// Tasks that the gateway remembers: bounded for each principal and over all, and what is over is the first to go.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backendId, timestamp } from '../../../src/core/ids.ts';
import { toRaw } from '../../../src/core/json/compose.ts';
import { KnownTasks, type KnownTask } from '../../../src/pipeline/tasks/known.ts';
import { promptPermit } from '../../backends/calls.ts';
import { HandClock, principal } from '../../support/world.ts';

const BOUNDS = { tasks: 3, tasksPerPrincipal: 2, taskBytes: 100 };
const alice = principal();
const bob = principal({ subject: 'bob' });
const LASTS_MS = 10_000;

interface Book {
  readonly tasks: KnownTasks;
  /** One that a call became, if there was a place for it. */
  begin(id: string, whose?: typeof alice): KnownTask | undefined;
  /** One that is asked after. */
  recall(id: string, whose?: typeof alice): KnownTask;
}

function bookAt(clock: HandClock): Book {
  const tasks = new KnownTasks({ clock, timers: clock, past: () => assert.fail('nothing works past its time here') });
  const made = (id: string, whose: typeof alice): Parameters<KnownTasks['enter']>[0] => ({ id, principal: whose, target: { kind: 'tool', backend: backendId('alpha'), name: 'slow' }, task: id, born: 't', permit: promptPermit('slow'), until: timestamp(clock.wall() + LASTS_MS) });
  return {
    tasks,
    begin: (id, whose = alice) => {
      const over = tasks.reserve(whose, BOUNDS);
      const known = over === undefined ? undefined : tasks.enter(made(id, whose));
      over?.();
      return known;
    },
    recall: (id, whose = alice) => tasks.recall(made(id, whose), BOUNDS),
  };
}

function sure(known: KnownTask | undefined): KnownTask {
  assert.ok(known);
  return known;
}

const idsOf = (tasks: KnownTasks): readonly string[] => tasks.list().map(({ id }) => id);

test('as many as go on are bounded for each principal and over all, and the refused are counted by the bound', () => {
  const { tasks, begin } = bookAt(new HandClock());
  assert.deepEqual(['a1', 'a2', 'a3'].map((id) => begin(id)?.id), ['a1', 'a2', undefined]);
  assert.deepEqual(['b1', 'b2'].map((id) => begin(id, bob)?.id), ['b1', undefined]);
  assert.deepEqual(idsOf(tasks), ['a1', 'a2', 'b1']);
  assert.deepEqual(tasks.hits, { tasks: 1, tasks_per_principal: 1, task_results: 0 });
});

test('a call that may become a task has its place from the beginning: many at once are no way past the bound', () => {
  const { tasks } = bookAt(new HandClock());
  const [first, second, third] = [1, 2, 3].map(() => tasks.reserve(alice, BOUNDS));
  assert.ok(first !== undefined && second !== undefined);
  assert.equal(third, undefined);
  assert.ok(tasks.reserve(bob, BOUNDS));
  assert.equal(tasks.reserve(principal({ subject: 'carol' }), BOUNDS), undefined);
  first();
  first();
  assert.ok(tasks.reserve(alice, BOUNDS));
  assert.equal(tasks.reserve(alice, BOUNDS), undefined);
});

test('what is over makes room, oldest first; what goes on, and a result that nobody else has, stay', () => {
  const { tasks, begin } = bookAt(new HandClock());
  const [first, second] = [sure(begin('a1')), sure(begin('a2'))];
  first.status = 'completed';
  assert.ok(begin('a3'));
  assert.deepEqual(idsOf(tasks), ['a2', 'a3']);
  second.status = 'failed';
  assert.ok(tasks.host(second, toRaw({}), BOUNDS));
  assert.equal(begin('a4'), undefined);
  sure(begin('b1', bob)).status = 'cancelled';
  assert.ok(begin('b2', bob));
  assert.deepEqual(idsOf(tasks), ['a2', 'a3', 'b2']);
});

test('one that is asked after without room is served and not listed; one that is known is the same one each time', () => {
  const { tasks, recall } = bookAt(new HandClock());
  const known = recall('a1');
  assert.equal(known.listed, true);
  assert.equal(recall('a1'), known);
  recall('a2');
  assert.equal(recall('a3').listed, false);
  assert.deepEqual(idsOf(tasks), ['a1', 'a2']);
});

test('bytes of kept results are bounded over all and per principal, and given back when the task is past its time or forgotten', () => {
  const clock = new HandClock();
  const { tasks, begin } = bookAt(clock);
  const [first, second, bobs] = [sure(begin('a1')), sure(begin('a2')), sure(begin('b1', bob))];
  assert.ok(tasks.host(first, toRaw('x'.repeat(20)), BOUNDS));
  assert.equal(tasks.host(second, toRaw('x'.repeat(20)), BOUNDS), false, 'a quarter for one principal');
  assert.equal(second.hosted, undefined);
  assert.equal(tasks.hits.task_results, 1);
  assert.ok(tasks.host(bobs, toRaw('x'.repeat(20)), BOUNDS), 'and the others have theirs');
  assert.ok(tasks.host(first, toRaw('y'.repeat(20)), BOUNDS), 'in place of its own');
  assert.equal(tasks.mayHost(alice, BOUNDS), true);
  tasks.forget('a1');
  assert.ok(tasks.host(second, toRaw('x'.repeat(20)), BOUNDS));
  clock.advance(LASTS_MS);
  assert.equal(tasks.size, 0);
  assert.equal(tasks.get('a2'), undefined);
  assert.ok(tasks.host(sure(begin('a3')), toRaw('x'.repeat(20)), BOUNDS));
});

test('what works past its time is handed on to be ended, by itself, and once; what is over, or kept here, is only forgotten', () => {
  const clock = new HandClock();
  const past: string[] = [];
  const tasks = new KnownTasks({ clock, timers: clock, past: ({ id }) => past.push(id) });
  const enter = (id: string): KnownTask => tasks.enter({ id, principal: alice, target: { kind: 'tool', backend: backendId('alpha'), name: 'slow' }, task: id, born: 't', permit: promptPermit('slow'), until: timestamp(clock.wall() + LASTS_MS) });
  enter('works');
  enter('over').status = 'completed';
  tasks.host(enter('kept'), toRaw('x'), BOUNDS);
  clock.advance(LASTS_MS + 10_000);
  assert.deepEqual(past, ['works']);
  assert.equal(tasks.size, 0);
  assert.deepEqual(past, ['works']);
});

test('each principal has its own, in the order they began', () => {
  const { tasks, begin } = bookAt(new HandClock());
  for (const [id, whose] of [['a1', alice], ['b1', bob], ['a2', alice]] as const) begin(id, whose);
  assert.deepEqual([tasks.of(alice), tasks.of(bob)].map((of) => of.map(({ id }) => id)), [['a1', 'a2'], ['b1']]);
  assert.deepEqual(tasks.of(principal({ subject: 'alice', issuer: 'other' })), []);
});
