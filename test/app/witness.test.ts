import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openWitness } from '../../src/app/witness.ts';
import { instant, timestamp } from '../../src/core/ids.ts';
import type { LifecycleEvent } from '../../src/core/lifecycle.ts';
import { err, ok } from '../../src/core/result.ts';
import { keyNameOf, signCheckpoint } from '../../src/stores/tlog/checkpoint.ts';
import { publicBytes, vkeyOf } from '../../src/stores/tlog/note.ts';
import type { JournalHealth } from '../../src/stores/journal/journal.ts';
import { keyOf, NODE, OTHER } from '../stores/tlog/log.ts';

const note = (size: number, root = size): string => signCheckpoint({ node: NODE, epoch: 1, size, root: Buffer.alloc(32, root) }, keyOf(NODE));
const body = (text: string): string => `${JSON.stringify({ checkpoint: text })}\n`;

test('a checkpoint is an event of the journal, with the note as it came, and is taken only while the journal takes records', async () => {
  const noted: LifecycleEvent[] = [];
  const told: string[] = [];
  const works: Pick<JournalHealth, 'enabled' | 'fault'> = { enabled: true, fault: undefined };
  let [journal, answers] = [works, true];
  const keys = [vkeyOf(keyNameOf(NODE), publicBytes(keyOf(NODE)))];
  const witness = openWitness({
    node: OTHER, settings: () => ({ witness: keys }), revision: () => 7,
    telemetry: { auditConflict: ({ node, size }) => told.push(`${node} ${size}`) },
    health: () => journal,
    note: async (event) => {
      if (!answers) return err({ code: 'unavailable', detail: 'gone' });
      noted.push(event);
      return ok(undefined);
    },
  }, { clock: { mono: () => instant(0), wall: () => timestamp(5) }, random: { uuid: () => 'id', token: () => '', float: () => 0 } });
  assert.deepEqual(await witness.take(body(note(1))), { kind: 'kept', recorded: 1, known: 0 });
  assert.deepEqual(noted, [{ id: 'id', wall: 5, by: 'system', revision: 7, kind: 'witnessed', node: NODE, epoch: 1, size: 1, checkpoint: note(1) }]);
  for (const state of [{ enabled: true, fault: { code: 'full', detail: 'kept for calls' } }, { enabled: false, fault: undefined }] as const) {
    journal = state;
    assert.deepEqual(await witness.take(body(note(2))), { kind: 'unrecorded' });
  }
  [journal, answers] = [works, false];
  assert.deepEqual(await witness.take(body(note(2))), { kind: 'unrecorded' });
  answers = true;
  assert.equal(noted.length, 1);
  assert.deepEqual(await witness.take(body(note(1, 9))), { kind: 'conflict' });
  assert.deepEqual(told, [`${NODE} 1`]);
});
