import assert from 'node:assert/strict';
import { test } from 'node:test';
import { journalOver, ENGINES, sampleCall, sampleIntent, sampleNode, sampleOutcome } from './sample.ts';
import { HandClock } from '../support/world.ts';

const [sqlite] = ENGINES;

test('a disk that neither writes nor fails holds no call for ever: intents are refused, and all is as before when it goes on', async (t) => {
  assert.ok(sqlite !== undefined);
  const { folder, open } = await sqlite.fresh(t);
  const real = open();
  let held: Promise<void> | undefined;
  const db = new Proxy(real.db, {
    get: (target, key) => {
      const member: unknown = Reflect.get(target, key, target);
      if (key === 'executeQuery' && typeof member === 'function') return async (...args: readonly unknown[]) => { await held; return Reflect.apply(member, target, args); };
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
  const clock = new HandClock();
  const changes: (string | undefined)[] = [];
  const journal = journalOver({ ...real, db }, sampleNode(folder), { after: clock.after, onChange: ({ fault }) => changes.push(fault?.code) });
  assert.ok((await journal.start()).ok);
  const call = sampleCall();
  assert.ok((await journal.intend(sampleIntent(call))).ok);

  const free = Promise.withResolvers<void>();
  held = free.promise;
  const waiting = journal.intend(sampleIntent());
  const concluded = journal.conclude(sampleOutcome(call));
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(10_000);
  assert.equal((await waiting).ok, false);
  assert.equal((await concluded).ok, false);
  assert.equal(journal.health().fault?.code, 'unavailable');
  // Whoever comes now is told at once.
  assert.equal((await journal.intend(sampleIntent())).ok, false);
  assert.equal(clock.timers.size, 0);

  free.resolve();
  held = undefined;
  while (journal.health().fault !== undefined) await new Promise((resolve) => setImmediate(resolve));
  assert.ok((await journal.intend(sampleIntent())).ok);
  const rows = await real.db.selectFrom('audit_record').select('kind').where('call_id', '=', call.id).execute();
  assert.deepEqual(rows.map(({ kind }) => kind).toSorted(), ['intent', 'outcome']);
  assert.deepEqual(changes, ['unavailable', undefined]);
  await journal.close();
});
