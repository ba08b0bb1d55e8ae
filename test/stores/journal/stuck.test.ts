import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { JournalSession } from '../../../src/stores/journal/session.ts';
import type { Node } from '../../../src/stores/node.ts';
import { HandClock } from '../../support/world.ts';
import { AUDIT, journalIn, recordsIn, sampleCall, sampleIntent, sampleNode, sampleOutcome, sessionIn, temporaryFolder } from '../sample.ts';

/** A journal's session whose writes wait for `disk.held`. */
function stuck(t: TestContext): { readonly folder: string; readonly node: Node; readonly session: JournalSession; readonly disk: { held: Promise<void> | undefined } } {
  const folder = temporaryFolder(t);
  const node = sampleNode(folder);
  const real = sessionIn(folder, node);
  const disk: { held: Promise<void> | undefined } = { held: undefined };
  const session: JournalSession = {
    ...real,
    append: async (entries) => {
      await disk.held;
      return real.append(entries);
    },
  };
  return { folder, node, session, disk };
}

test('a disk that neither writes nor fails holds no call for ever: intents are refused, and all is as before when it goes on', async (t) => {
  const { folder, node, session, disk } = stuck(t);
  const clock = new HandClock();
  const changes: (string | undefined)[] = [];
  const journal = journalIn(folder, { node, session, after: clock.after, onChange: ({ fault }) => changes.push(fault?.code) });
  assert.ok((await journal.start()).ok);
  const call = sampleCall();
  assert.ok((await journal.intend(sampleIntent(call))).ok);

  const free = Promise.withResolvers<void>();
  disk.held = free.promise;
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
  disk.held = undefined;
  while (journal.health().fault !== undefined) await new Promise((resolve) => setImmediate(resolve));
  assert.ok((await journal.intend(sampleIntent())).ok);
  assert.deepEqual(recordsIn(folder).filter(({ call_id }) => call_id === call.id).map(({ kind }) => kind), ['intent', 'outcome']);
  assert.deepEqual(changes, ['unavailable', undefined]);
  await journal.close();
});

for (const durability of ['batched', 'reads_batched'] as const) {
  test(`with ${durability}, where nobody waits for each record, a disk that hangs lets no more calls pass than can still be recorded`, async (t) => {
    const { folder, node, session, disk } = stuck(t);
    const clock = new HandClock();
    const journal = journalIn(folder, { node, session, after: clock.after, settings: () => ({ ...AUDIT, durability }), bounds: { queue: 64, retry: 256 } });
    assert.ok((await journal.start()).ok);
    const free = Promise.withResolvers<void>();
    disk.held = free.promise;
    const made: string[] = [];
    for (let at = 0; at < 500; at += 1) {
      const call = sampleCall();
      const intent = await journal.intend({ ...sampleIntent(call), judged: { owner: undefined, changes: durability === 'batched', declared: new Set() } });
      if (intent.ok) made.push(call.id);
      if (intent.ok && durability === 'batched') void journal.conclude(sampleOutcome(call));
      clock.advance(100);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.ok(made.length > 0 && made.length < 500, `${made.length} calls passed`);
    assert.notEqual(journal.health().fault, undefined);
    free.resolve();
    disk.held = undefined;
    while (journal.health().fault !== undefined) {
      clock.advance(100);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await journal.close();
    const recorded = new Set(recordsIn(folder).map(({ call_id }) => call_id));
    assert.deepEqual(made.filter((id) => !recorded.has(id)), []);
  });
}
