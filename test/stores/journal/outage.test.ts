import assert from 'node:assert/strict';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { JournalHealth } from '../../../src/stores/journal/journal.ts';
import { AUDIT, journalIn, recordsIn, sampleCall, sampleIntent, sampleOutcome, sampleRefusal, temporaryFolder } from '../sample.ts';

test('a journal that cannot be opened at the start refuses intents, keeps outcomes, and has them all when it is back', async (t) => {
  const folder = temporaryFolder(t);
  const place = join(folder, 'journal');
  writeFileSync(place, 'in the way');
  const told: JournalHealth[] = [];
  const journal = journalIn(folder, { onChange: (health) => void told.push(health) });
  const started = await journal.start();
  assert.equal(!started.ok && started.error.code, 'unavailable', JSON.stringify(started));
  const call = sampleCall();
  assert.equal((await journal.intend(sampleIntent(call))).ok, false);
  assert.equal((await journal.conclude(sampleOutcome(call))).ok, false);
  assert.equal((await journal.conclude(sampleRefusal())).ok, false);
  assert.equal(journal.health().queued, 2);
  rmSync(place);
  const until = Date.now() + 20_000;
  while (journal.health().queued > 0 && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
  const { space: _, ...health } = journal.health();
  assert.deepEqual(health, { enabled: true, queued: 0, failed: 0, unrecorded: 0, fault: undefined });
  assert.deepEqual(recordsIn(folder).map(({ kind, args_bytes }) => [kind, args_bytes]), [['lifecycle', undefined], ['outcome', 17], ['refused', undefined]]);
  assert.ok(told.some((one) => one.fault !== undefined) && told.at(-1)?.fault === undefined, 'the owner was told of both');
  assert.equal((await journal.intend(sampleIntent())).ok, true);
  await journal.close();
});

test('an audit that is switched off answers at once, writes nothing, and says that it is off', async (t) => {
  const folder = temporaryFolder(t);
  const journal = journalIn(folder, { settings: () => ({ ...AUDIT, enabled: false }) });
  const call = sampleCall();
  assert.deepEqual([await journal.start(), await journal.intend(sampleIntent(call)), await journal.conclude(sampleOutcome(call))].map((one) => one.ok), [true, true, true]);
  assert.deepEqual(journal.health(), { enabled: false, queued: 0, failed: 0, unrecorded: 0, fault: undefined, space: undefined });
  await journal.close();
  assert.equal(existsSync(join(folder, 'journal')), false);
});
