import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JournalSession } from '../../../src/stores/journal/session.ts';
import { HandClock } from '../../support/world.ts';
import { journalIn, recordsIn, sampleCall, sampleIntent, sampleNode, sampleOutcome, sessionIn, temporaryFolder } from '../sample.ts';

test('a disk that neither writes nor fails holds no call for ever: intents are refused, and all is as before when it goes on', async (t) => {
  const folder = temporaryFolder(t);
  const node = sampleNode(folder);
  const real = sessionIn(folder, node);
  let held: Promise<void> | undefined;
  const session: JournalSession = {
    ...real,
    append: async (entries) => {
      await held;
      return real.append(entries);
    },
  };
  const clock = new HandClock();
  const changes: (string | undefined)[] = [];
  const journal = journalIn(folder, { node, session, after: clock.after, onChange: ({ fault }) => changes.push(fault?.code) });
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
  assert.deepEqual(recordsIn(folder).filter(({ call_id }) => call_id === call.id).map(({ kind }) => kind), ['intent', 'outcome']);
  assert.deepEqual(changes, ['unavailable', undefined]);
  await journal.close();
});
