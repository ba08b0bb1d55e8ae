import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ListTally } from '../../src/app/list-tally.ts';
import { roleName } from '../../src/core/ids.ts';
import type { LifecycleEvent } from '../../src/core/lifecycle.ts';
import { HandClock, principal } from '../support/world.ts';

function bench(): { readonly clock: HandClock; readonly tally: ListTally; readonly said: () => readonly (readonly [string, string, number, number])[] } {
  const clock = new HandClock();
  const events: LifecycleEvent[] = [];
  const tally = new ListTally({ clock, timers: clock, random: { uuid: () => 'id', token: () => '', float: () => 0 }, revision: () => 7, announce: (event) => void events.push(event) });
  return { clock, tally, said: () => events.flatMap((event) => (event.kind === 'listed' ? [[event.subject, event.method, event.times, event.shown] as const] : [])) };
}

test('the first list of a principal is on record at once, and what follows within a minute as one more', () => {
  const { clock, tally, said } = bench();
  const [ann, bob] = [principal({ subject: 'ann' }), principal({ subject: 'bob' })];
  for (let n = 0; n < 500; n += 1) tally.count(ann, 'tools/list', 12);
  tally.count(bob, 'tools/list', 3);
  assert.deepEqual(said(), [['ann', 'tools/list', 1, 12], ['bob', 'tools/list', 1, 3]]);
  clock.advance(60_000);
  assert.deepEqual(said().slice(2), [['ann', 'tools/list', 499, 12]]);
  tally.count(ann, 'tools/list', 11);
  assert.deepEqual(said().at(-1), ['ann', 'tools/list', 1, 11]);
  tally.count(ann, 'tools/list', 11);
  tally.close();
  assert.deepEqual(said().at(-1), ['ann', 'tools/list', 1, 11], 'nothing that was counted is lost at the end');
  assert.equal(said().length, 5);
});

test('lists that another token of the same subject is served under other roles are counted apart', () => {
  const clock = new HandClock();
  const events: LifecycleEvent[] = [];
  const tally = new ListTally({ clock, timers: clock, random: { uuid: () => 'id', token: () => '', float: () => 0 }, revision: () => 7, announce: (event) => void events.push(event) });
  tally.count(principal({ subject: 'ann', roles: [roleName('developer')] }), 'tools/list', 2);
  tally.count(principal({ subject: 'ann', roles: [roleName('admin')] }), 'tools/list', 50);
  assert.deepEqual(events.map((event) => event.kind === 'listed' && [event.roles, event.shown]), [[['developer'], 2], [['admin'], 50]]);
});

test('however many principals come, what is kept of them is bounded, and none is left out of the count', () => {
  const { clock, tally, said } = bench();
  for (let n = 0; n < 3000; n += 1) tally.count(principal({ subject: `s${n}` }), 'tools/list', 1);
  clock.advance(60_000);
  assert.equal(said().reduce((sum, [, , times]) => sum + times, 0), 3000);
  assert.deepEqual(said().at(-1), ['(others)', 'tools/list', 3000 - 1024, 0]);
});
