import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timestamp } from '../../../src/core/ids.ts';
import { AUDIT, journalIn, RANDOM, recordsIn, sampleCall, sampleIntent, sampleOutcome, temporaryFolder } from '../sample.ts';

test('an audit that is switched off while it runs has who did it, and the end of each call it has the beginning of', async (t) => {
  const folder = temporaryFolder(t);
  let enabled = true;
  const journal = journalIn(folder, { settings: () => ({ ...AUDIT, enabled }) });
  assert.ok((await journal.start()).ok);
  const call = sampleCall();
  assert.ok((await journal.intend(sampleIntent(call))).ok);
  enabled = false;
  const said = { id: RANDOM.uuid(), wall: timestamp(Date.now()), by: 'mallory', revision: 2, kind: 'reloaded', configHash: 'h', changes: ['gateway.audit_enabled: true → false'] } as const;
  assert.ok((await journal.note(said)).ok);
  assert.ok((await journal.conclude(sampleOutcome(call))).ok);
  const later = sampleCall();
  assert.ok((await journal.intend(sampleIntent(later))).ok);
  assert.ok((await journal.conclude(sampleOutcome(later))).ok);
  await journal.close();
  const records = recordsIn(folder);
  assert.ok(records.some(({ event, actor }) => event === 'reloaded' && actor === 'mallory'));
  assert.deepEqual(records.filter(({ call_id }) => call_id === call.id).map(({ kind }) => kind), ['intent', 'outcome']);
  assert.deepEqual(records.filter(({ call_id }) => call_id === later.id), [], 'what began after that is not recorded');
});
