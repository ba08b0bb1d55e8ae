// Tasks that the gateway remembers: bounded for each principal and over all, and what is over is the first to go.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backendId, timestamp } from '../../src/core/ids.ts';
import { toRaw } from '../../src/core/json/compose.ts';
import { KnownTasks, type KnownTask } from '../../src/pipeline/tasks/known.ts';
import { HandClock, principal } from '../support/world.ts';
import { promptPermit } from '../backends/calls.ts';

const BOUNDS = { tasks: 3, tasksPerPrincipal: 2, taskBytes: 100 };
const alice = principal();
const bob = principal({ subject: 'bob' });

function tasksAt(clock: HandClock): { readonly tasks: KnownTasks; readonly add: (id: string, whose?: typeof alice) => KnownTask } {
  const tasks = new KnownTasks({ clock });
  const add = (id: string, whose = alice): KnownTask =>
    tasks.add({ id, principal: whose, target: { kind: 'tool', backend: backendId('alpha'), name: 'slow' }, task: id, permit: promptPermit('slow'), until: timestamp(clock.wall() + 10_000) }, BOUNDS);
  return { tasks, add };
}

const idsOf = (tasks: KnownTasks): readonly string[] => tasks.list().map(({ id }) => id);

test('as many as go on are bounded for each principal and over all, and the refused are counted', () => {
  const { tasks, add } = tasksAt(new HandClock());
  for (const id of ['a1', 'a2', 'a3']) add(id);
  assert.deepEqual(idsOf(tasks), ['a1', 'a2']);
  assert.equal(tasks.hasRoom(alice, BOUNDS), false);
  add('b1', bob);
  add('b2', bob);
  assert.deepEqual(idsOf(tasks), ['a1', 'a2', 'b1']);
  assert.equal(tasks.refused, 3);
});

test('what is over makes room, oldest first; what goes on, and a result that nobody else has, stay', () => {
  const { tasks, add } = tasksAt(new HandClock());
  const [first, second] = [add('a1'), add('a2')];
  first.status = 'completed';
  assert.ok(tasks.hasRoom(alice, BOUNDS));
  add('a3');
  assert.deepEqual(idsOf(tasks), ['a2', 'a3']);
  second.status = 'failed';
  assert.ok(tasks.host(second, toRaw({}), BOUNDS));
  assert.equal(tasks.hasRoom(alice, BOUNDS), false);
  add('b1', bob).status = 'cancelled';
  add('b2', bob);
  assert.deepEqual(idsOf(tasks), ['a2', 'a3', 'b2']);
});

test('what is past its time is gone, and its bytes with it', () => {
  const clock = new HandClock();
  const { tasks, add } = tasksAt(clock);
  assert.ok(tasks.host(add('a1'), toRaw('x'.repeat(90)), BOUNDS));
  assert.equal(tasks.host(add('a2'), toRaw('x'.repeat(90)), BOUNDS), false);
  clock.advance(10_000);
  assert.equal(tasks.size, 0);
  assert.ok(tasks.host(add('a3'), toRaw('x'.repeat(90)), BOUNDS));
});
