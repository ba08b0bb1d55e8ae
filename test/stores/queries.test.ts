import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sql } from 'kysely';
import { roleName, timestamp } from '../../src/core/ids.ts';
import type { Database } from '../../src/stores/database.ts';
import { createAuditReader, type AuditFilter, type AuditReader } from '../../src/stores/queries.ts';
import { ALICE, ENGINES, denied, journalOver, sampleCall, sampleIntent, sampleNode, sampleOfKinds, sampleOutcome, sampleRefusal, type Engine } from './sample.ts';
import type { TestContext } from 'node:test';

const BOB = { ...ALICE, subject: 'bob', roles: [roleName('viewer'), roleName('a"b')] };

/** read by alice (ok), write by alice (denied), read of `db` by bob (timeout), one refusal, one lifecycle event, one open intent. */
async function filled(t: TestContext, engine: Engine): Promise<{ readonly reader: AuditReader; readonly database: Database; readonly first: string }> {
  const { folder, open } = await engine.fresh(t);
  const database = open();
  const journal = journalOver(database, sampleNode(folder));
  await journal.start();
  const read = sampleCall({ wall: 1000 });
  await journal.intend(sampleIntent(read));
  await journal.conclude(sampleOutcome(read));
  await journal.conclude(denied(sampleCall({ tool: 'write_file' })));
  const slow = sampleCall({ backend: 'db', tool: 'read_file', principal: BOB });
  await journal.intend(sampleIntent(slow));
  await journal.conclude(sampleOutcome(slow, { kind: 'failed', fault: { code: 'timeout', afterMs: 5 } }));
  await journal.conclude(sampleRefusal({ name: 'x_y%z', wall: timestamp(2000) }));
  await journal.note({ id: 'event', wall: timestamp(3000), by: 'system', revision: 1, kind: 'stopped', reason: 'SIGTERM' });
  await journal.intend(sampleIntent(sampleCall({ tool: 'open_call' })));
  t.after(() => journal.close());
  return { reader: createAuditReader(database), database, first: read.id };
}

for (const engine of ENGINES) {
  describe(`queries on ${engine.name}`, { skip: engine.skip }, () => {
    test('each filter finds what it names and nothing else', async (t) => {
      const { reader, first } = await filled(t, engine);
      const codes = async (filter: AuditFilter): Promise<readonly string[]> => {
        const page = await reader.query(filter, { limit: 50 });
        assert.ok(page.ok, JSON.stringify(page));
        return page.value.entries.map((entry) => entry.code ?? entry.event ?? entry.kind);
      };
      assert.deepEqual(await codes({}), ['stopped', 'unauthenticated', 'timeout', 'forbidden', 'ok']);
      assert.deepEqual(await codes({ subject: 'alice' }), ['forbidden', 'ok']);
      assert.deepEqual(await codes({ role: 'viewer' }), ['timeout']);
      assert.deepEqual(await codes({ role: 'a"b' }), ['timeout']);
      assert.deepEqual(await codes({ role: 'view' }), []);
      assert.deepEqual(await codes({ tool: 'read_file' }), ['timeout', 'ok']);
      assert.deepEqual(await codes({ tool: 'fs/*' }), ['forbidden', 'ok']);
      assert.deepEqual(await codes({ tool: '*/read_????' }), ['timeout', 'ok']);
      assert.deepEqual(await codes({ tool: 'fs__read_file' }), ['ok']);
      assert.deepEqual(await codes({ tool: 'x_y%*' }), ['unauthenticated']);
      assert.deepEqual(await codes({ tool: 'x?y_*' }), [], 'wildcards of SQL are plain characters');
      assert.deepEqual(await codes({ tool: '[x]*' }), []);
      assert.deepEqual(await codes({ backend: 'd?' }), ['timeout']);
      assert.deepEqual(await codes({ decision: 'deny' }), ['unauthenticated', 'forbidden']);
      assert.deepEqual(await codes({ status: 'error' }), ['timeout']);
      assert.deepEqual(await codes({ code: 'forbidden' }), ['forbidden']);
      assert.deepEqual(await codes({ callId: first }), ['ok']);
      assert.deepEqual(await codes({ kinds: ['intent'], tool: 'open_call' }), ['intent']);
      assert.deepEqual(await codes({ since: 2000, until: 3000 }), ['unauthenticated']);
      assert.deepEqual(await codes({ subject: "' or 1=1 --" }), []);
    });

    test('prompts, resources and completions are found by their kind, and tools are not among them', async (t) => {
      const { folder, open } = await engine.fresh(t);
      const database = open();
      const journal = journalOver(database, sampleNode(folder));
      await journal.start();
      t.after(() => journal.close());
      const { prompt, resource, completion, listen } = sampleOfKinds();
      for (const call of [sampleCall({ tool: 'review' }), prompt, resource, completion, listen]) await journal.conclude(sampleOutcome(call));
      const reader = createAuditReader(database);
      const kinds = async (tool: string): Promise<readonly (string | null)[]> => {
        const page = await reader.query({ tool }, { limit: 50 });
        assert.ok(page.ok, JSON.stringify(page));
        return page.value.entries.map((entry) => entry.object_type).toReversed();
      };
      assert.deepEqual(await kinds('tool:fs/*'), ['tool']);
      assert.deepEqual(await kinds('prompt:fs/rev*'), ['prompt']);
      assert.deepEqual(await kinds('prompt:review'), ['prompt']);
      assert.deepEqual(await kinds('completion:fs/review'), ['completion']);
      assert.deepEqual(await kinds('fs/review'), ['tool', 'prompt', 'completion'], 'without a kind, everything of that name');
      for (const uri of ['resource:fs/file:///srv/a', 'resource:file:///srv/*', 'resource:fs/file:///**', 'resource:fs/FILE:///s%72v/a', 'resource:*']) assert.deepEqual(await kinds(uri), ['resource', 'listen'], uri);
      assert.deepEqual(await kinds('listen:fs/file:///srv/a'), ['listen']);
      assert.deepEqual(await kinds('fs+file:///srv/a'), ['resource', 'listen'], 'by the URI the agent used');
      assert.deepEqual(await kinds('resource:gh/*'), []);
      const counts = await reader.stats({}, 10);
      assert.ok(counts.ok);
      assert.deepEqual(counts.value.map((one) => one.target).toSorted(), ['completion:fs/review', 'fs/review', 'listen:fs/file:///srv/a', 'prompt:fs/review', 'resource:fs/file:///srv/a']);
      const { rows } = await sql<{ tool_name: string }>`select tool_name from audit_log`.execute(database.db);
      assert.deepEqual(rows, [{ tool_name: 'fs__review' }], 'the view of the original has calls of tools only');
    });

    test('pages follow each other without gap or repeat', async (t) => {
      const { reader } = await filled(t, engine);
      const seen: string[] = [];
      let before: number | undefined;
      for (let pages = 0; pages < 10; pages += 1) {
        const page = await reader.query({}, { limit: 2, before });
        assert.ok(page.ok);
        seen.push(...page.value.entries.map((entry) => entry.code ?? entry.event ?? ''));
        before = page.value.next;
        if (before === undefined) break;
      }
      assert.deepEqual(seen, ['stopped', 'unauthenticated', 'timeout', 'forbidden', 'ok']);
    });

    test('a call is shown whole: what was intended, what came of it, and why', async (t) => {
      const { reader, first } = await filled(t, engine);
      const story = await reader.show(first);
      assert.ok(story.ok && story.value !== undefined);
      assert.equal(story.value.intent?.args, '{"path":"/tmp/a"}');
      assert.equal(story.value.outcome?.status, 'success');
      assert.equal(story.value.records.length, 2);
      assert.deepEqual(await reader.show('no-such-call'), { ok: true, value: undefined });
    });

    test('counts are by target, status and code, most frequent first', async (t) => {
      const { reader } = await filled(t, engine);
      const counts = await reader.stats({}, 10);
      assert.ok(counts.ok);
      assert.deepEqual(counts.value.map((one) => [one.target, one.status, one.code, one.calls]), [
        ['db/read_file', 'error', 'timeout', 1], ['fs/read_file', 'success', 'ok', 1], ['fs/write_file', 'denied', 'forbidden', 1], ['x_y%z', 'denied', 'unauthenticated', 1],
      ]);
      assert.equal(counts.value[1]?.averageMs, 12.5);
      assert.equal(counts.value[2]?.averageMs, undefined);
    });

    test('what came since a row is given oldest first', async (t) => {
      const { reader } = await filled(t, engine);
      const all = await reader.after({}, 0, 100);
      assert.ok(all.ok);
      const third = all.value[2];
      const rest = await reader.after({}, third?.row_id ?? 0, 100);
      assert.ok(rest.ok);
      assert.deepEqual(rest.value.map((one) => one.row_id), all.value.slice(3).map((one) => one.row_id));
    });
  });
}
