import assert from 'node:assert/strict';
import { test } from 'node:test';
import { roleName } from '../../../src/core/ids.ts';
import { toRaw } from '../../../src/core/json/compose.ts';
import type { Entry } from '../../../src/stores/journal/appender.ts';
import type { JournalSession } from '../../../src/stores/journal/session.ts';
import { AUDIT, denied, journalIn, recordsIn, sampleCall, sampleIntent, sampleNode, sampleOutcome, sampleRefusal, sessionIn, temporaryFolder } from '../sample.ts';

const ok = { ok: true, value: undefined };

test('an intent that resolved can be read by another connection, and its outcome follows it', async (t) => {
  const folder = temporaryFolder(t);
  const journal = journalIn(folder);
  assert.ok((await journal.start()).ok);
  const call = sampleCall();
  assert.deepEqual(await journal.intend(sampleIntent(call)), ok);
  const intent = recordsIn(folder)[1];
  assert.equal(intent?.kind, 'intent');
  assert.equal(intent.call_id, call.id);
  assert.equal(intent.subject, 'alice');
  assert.equal(intent.roles, '["developer"]');
  assert.equal(intent.object_name, 'read_file');
  assert.equal(intent.args, undefined, 'no values');
  assert.equal(intent.args_bytes, 17);
  assert.equal(intent.decision, 'allow');
  assert.equal(intent.ruling, 'allow');
  assert.equal(intent.owner, 'team-a');
  assert.equal(intent.class, 'changing');
  assert.equal(intent.rule, 'role:developer:allow:fs/*');
  assert.equal(intent.peer, '192.0.2.0/24');
  assert.equal(intent.trace_id, 'a'.repeat(32));
  await journal.conclude(sampleOutcome(call));
  const outcome = recordsIn(folder)[2];
  assert.equal(outcome?.kind, 'outcome');
  assert.equal(outcome.status, 'success');
  assert.equal(outcome.code, 'ok');
  assert.equal(outcome.dispatch_us, 12_500);
  assert.equal(outcome.attempts, 1);
  assert.equal(outcome.args_shape, undefined, 'the arguments are described on the intent already');
  assert.deepEqual([intent.seq, outcome.seq], [2, 3]);
  const { space, ...health } = journal.health();
  assert.deepEqual(health, { enabled: true, queued: 0, failed: 0, unrecorded: 0, fault: undefined });
  assert.equal(space?.space, 'enough');
  await journal.close();
});

test('concurrent intents are committed in groups, each resolves, and their numbers have no gap', async (t) => {
  const folder = temporaryFolder(t);
  const node = sampleNode(folder);
  const session = sessionIn(folder, node);
  let groups = 0;
  const counting: JournalSession = { ...session, append: (entries: readonly Entry[]) => {
    groups += 1;
    return session.append(entries);
  } };
  const journal = journalIn(folder, { node, session: counting });
  await journal.start();
  const results = await Promise.all(Array.from({ length: 500 }, () => journal.intend(sampleIntent())));
  assert.ok(results.every((one) => one.ok));
  assert.ok(groups > 0 && groups <= 8, `500 intents took ${groups} commits`);
  assert.deepEqual(recordsIn(folder).map((row) => row.seq), Array.from({ length: 501 }, (_, at) => at + 1));
  await journal.close();
});

test('D1: NUL and lone surrogates in arguments, tool names, subjects and roles are stored, visibly escaped', async (t) => {
  const folder = temporaryFolder(t);
  const journal = journalIn(folder);
  await journal.start();
  const evil = 'a\u0000b\ud800c';
  const call = sampleCall({ tool: evil, args: toRaw({ [evil]: evil }), client: { name: evil, version: evil } });
  const intent = sampleIntent({ ...call, principal: { ...call.principal, subject: evil, roles: [...call.principal.roles, roleName(evil)] } });
  assert.deepEqual(await journal.intend(intent), ok);
  assert.equal((await journal.conclude(sampleRefusal({ name: evil, method: 'tools/call' }))).ok, true);
  const [, row, refused] = recordsIn(folder);
  assert.equal(row?.object_name, 'a\\u0000b\\ud800c');
  assert.equal(row.subject, 'a\\u0000b\\ud800c');
  assert.equal(row.roles, JSON.stringify(['developer', 'a\\u0000b\\ud800c']));
  assert.equal(refused?.exposed, 'a\\u0000b\\ud800c');
  await journal.close();
});

test('two processes of one node write side by side under epochs of their own', async (t) => {
  const folder = temporaryFolder(t);
  const [one, two] = [journalIn(folder), journalIn(folder)];
  assert.deepEqual((await Promise.all([one.start(), two.start()])).map((started) => started.ok), [true, true]);
  const all = await Promise.all(Array.from({ length: 60 }, (_, at) => (at % 2 === 0 ? one : two).intend(sampleIntent())));
  assert.ok(all.every((result) => result.ok));
  const rows = recordsIn(folder);
  assert.equal(rows.length, 62);
  assert.deepEqual([...new Set(rows.map((row) => row.epoch))].toSorted(), [1, 2]);
  await Promise.all([one.close(), two.close()]);
});

test('with `durability = "batched"` nobody waits, and all of it is there soon after', async (t) => {
  const folder = temporaryFolder(t);
  const journal = journalIn(folder, { settings: () => ({ ...AUDIT, durability: 'batched' }) });
  await journal.start();
  const call = sampleCall();
  assert.deepEqual(await journal.intend(sampleIntent(call)), ok);
  assert.equal(journal.health().queued, 1, 'not written yet');
  await journal.conclude(sampleOutcome(call));
  const until = Date.now() + 10_000;
  while (journal.health().queued > 0 && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(recordsIn(folder).map(({ kind }) => kind), ['lifecycle', 'intent', 'outcome']);
  await journal.close();
});

test('with `durability = "reads_batched"` only what may change something waits', async (t) => {
  const folder = temporaryFolder(t);
  const journal = journalIn(folder, { settings: () => ({ ...AUDIT, durability: 'reads_batched' }) });
  await journal.start();
  await journal.intend({ ...sampleIntent(), judged: { owner: undefined, changes: false, declared: new Set() } });
  assert.equal(journal.health().queued, 1);
  await journal.intend(sampleIntent());
  assert.deepEqual(recordsIn(folder).map((one) => one.class), [undefined, 'reading', 'changing'], 'and takes along what is there');
  await journal.close();
});

test('what may change something is refused when the room is low, all when there is hardly any, and outcomes are still written', async (t) => {
  for (const [space, expected] of [['low', [false, true, true]], ['full', [false, false, true]]] as const) {
    const folder = temporaryFolder(t);
    const node = sampleNode(folder);
    const session = sessionIn(folder, node);
    const journal = journalIn(folder, { node, session: { ...session, space: () => ({ space, bytes: 1, free: 1 }) } });
    await journal.start();
    const results = [await journal.intend(sampleIntent()), await journal.intend({ ...sampleIntent(), judged: { owner: undefined, changes: false, declared: new Set() } }), await journal.conclude(denied(sampleCall()))];
    assert.deepEqual(results.map((one) => one.ok), expected, space);
    assert.equal(journal.health().fault?.code, 'full');
    await journal.close();
  }
});

test('the room that is kept for calls under way goes to their ends: refusals are counted meanwhile, and nothing is where the audit is switched off', async (t) => {
  const folder = temporaryFolder(t);
  const node = sampleNode(folder);
  const real = sessionIn(folder, node);
  let [space, enabled]: ['enough' | 'full', boolean] = ['enough', true];
  const journal = journalIn(folder, { node, session: { ...real, space: () => ({ space, bytes: 1, free: 1 }) }, settings: () => ({ ...AUDIT, enabled }) });
  await journal.start();
  const call = sampleCall();
  await journal.intend(sampleIntent(call));
  const before = recordsIn(folder).length;
  space = 'full';
  assert.deepEqual(await journal.conclude(sampleRefusal()), ok);
  assert.deepEqual(await journal.conclude(denied(sampleCall())), ok);
  assert.deepEqual([recordsIn(folder).length, journal.health().unrecorded], [before, 2]);
  assert.deepEqual(await journal.conclude(sampleOutcome(call)), ok);
  assert.equal(recordsIn(folder).length, before + 1, 'what was begun has its end');
  enabled = false;
  await journal.conclude(sampleRefusal());
  assert.equal(journal.health().unrecorded, 2);
  await journal.close();
});
