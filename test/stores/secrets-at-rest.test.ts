import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { toRaw } from '../../src/core/json/compose.ts';
import { timestamp } from '../../src/core/ids.ts';
import { hmacSha256, loadNode } from '../../src/stores/node.ts';
import { CANARIES, FRAGMENTS } from './canaries.ts';
import { ALICE, RANDOM, journalIn, sampleCall, sampleIntent, sampleNode, sampleOutcome, sampleRefusal, temporaryFolder } from './sample.ts';

function everyByte(folder: string): string {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1')).join('\n');
}

test('J12: no canary put into any field reaches the disk', async (t) => {
  const folder = temporaryFolder(t);
  const journal = journalIn(folder);
  await journal.start();
  for (const [kind, canary] of CANARIES) {
    const call = sampleCall({
      args: toRaw({ text: canary, list: [canary], [canary]: 1, password: canary }), client: { name: canary, version: canary }, session: canary,
      principal: { ...ALICE, tokenId: canary },
    });
    const note = { stage: 'guard', rule: 'x', decision: 'deny', mode: 'monitor', severity: 'low', note: canary } as const;
    await journal.intend({ ...sampleIntent(call), trail: [note] });
    await journal.conclude(sampleOutcome(call, { kind: 'failed', fault: { code: 'spawn_failed', detail: `could not run: ${canary}` } }, [note]));
    await journal.conclude(sampleRefusal({ name: canary, method: canary }));
    await journal.note({ id: `event ${kind}`, wall: timestamp(1), by: 'system', revision: 1, kind: 'reload_refused', problems: 1, first: canary });
  }
  assert.equal(journal.health().failed, 0);
  await journal.close();
  const bytes = everyByte(folder);
  assert.ok(bytes.includes('read_file'), 'the records are there');
  for (const fragment of FRAGMENTS) assert.equal(bytes.includes(fragment), false, fragment);
});

test('the journal, its log and the keys are readable by their owner only', async (t) => {
  const folder = join(temporaryFolder(t), 'state');
  const journal = journalIn(folder);
  await journal.start();
  await journal.intend(sampleIntent());
  const names = readdirSync(folder, { recursive: true }).map(String);
  for (const expected of ['journal/00000001.db', 'journal/00000001.db-wal', 'audit-hmac.key', 'audit-sign.key', 'node-id']) assert.ok(names.includes(expected), expected);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  for (const name of names) if (name !== 'audit-sign.pub') assert.equal(statSync(join(folder, name)).mode & 0o077, 0, name);
  await journal.close();
});

test('equal arguments have equal digests on one node, and another node cannot tell them apart from chance', (t) => {
  const [one, two] = [sampleNode(temporaryFolder(t)), sampleNode(temporaryFolder(t))];
  assert.equal(one.hmac('yes'), one.hmac('yes'));
  assert.notEqual(one.hmac('yes'), two.hmac('yes'));
});

test('property: the digest is HMAC-SHA-256 as everybody computes it', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), fc.uint8Array({ minLength: 32, maxLength: 32 }), (text, key) => {
    assert.equal(hmacSha256(key)(text), createHmac('sha256', key).update(text, 'utf8').digest('hex'));
  }));
});

test('a state directory that others can write to is refused: the store in it could be theirs', (t) => {
  const folder = temporaryFolder(t);
  sampleNode(folder);
  chmodSync(folder, 0o770);
  const open = loadNode(folder, RANDOM);
  assert.ok(!open.ok && open.error.detail.includes('chmod 700'));
  chmodSync(folder, 0o755);
  assert.ok(loadNode(folder, RANDOM).ok);
});

test('a node keeps its name and key, and a key that others can read is refused', (t) => {
  const folder = temporaryFolder(t);
  const first = sampleNode(folder);
  const again = sampleNode(folder);
  assert.equal(again.id, first.id);
  assert.equal(again.hmac('a'), first.hmac('a'));
  chmodSync(join(folder, 'audit-hmac.key'), 0o644);
  const open = loadNode(folder, RANDOM);
  assert.ok(!open.ok && open.error.detail.includes('chmod 600'));
  chmodSync(join(folder, 'audit-hmac.key'), 0o600);
  writeFileSync(join(folder, 'audit-hmac.key'), 'short\n');
  const damaged = loadNode(folder, RANDOM);
  assert.equal(!damaged.ok && damaged.error.code, 'corrupt');
});
