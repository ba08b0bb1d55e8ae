import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EVERYTHING, globText, type AuditFilter } from '../../src/core/audit/filter.ts';
import { parseFilter } from '../../src/core/audit/parse.ts';
import { term } from '../../src/core/audit/terms.ts';
import { roleName, timestamp } from '../../src/core/ids.ts';
import type { AuditReader } from '../../src/stores/queries.ts';
import { ALICE, auditEngines, denied, sampleCall, sampleIntent, sampleOfKinds, sampleOutcome, sampleRefusal, type AuditEngine } from './sample.ts';
import type { TestContext } from 'node:test';

function asked(text: string): AuditFilter {
  const parsed = parseFilter(text, { now: undefined, suggest: () => undefined });
  if (!parsed.ok) throw new Error(parsed.error.message);
  return parsed.value;
}

/** A call as one row. */
const SETTLED = asked('not kind = intent and not event = epoch_opened');

const BOB = { ...ALICE, subject: 'bob', roles: [roleName('viewer'), roleName('a"b')] };

/** Later than anything that the clock of a test says. */
const REFUSED_AT = Date.now() + 3_600_000;

/** read by alice (ok), write by alice (denied), read of `db` by bob (timeout), one refusal, one lifecycle event, one open intent. */
async function filled(t: TestContext, engine: AuditEngine): Promise<{ readonly reader: AuditReader; readonly first: string }> {
  const { journal, reader } = await engine.fresh(t);
  const read = sampleCall();
  await journal.intend(sampleIntent(read));
  await journal.conclude(sampleOutcome(read));
  await journal.conclude(denied(sampleCall({ tool: 'write_file' })));
  const slow = sampleCall({ backend: 'db', tool: 'read_file', principal: BOB });
  await journal.intend(sampleIntent(slow));
  await journal.conclude(sampleOutcome(slow, { kind: 'failed', fault: { code: 'timeout', afterMs: 5 } }));
  await journal.conclude(sampleRefusal({ name: 'x_y%z', wall: timestamp(REFUSED_AT) }));
  await journal.note({ id: 'event', wall: timestamp(REFUSED_AT + 1000), by: 'system', revision: 1, kind: 'stopped', reason: 'SIGTERM' });
  await journal.intend(sampleIntent(sampleCall({ tool: 'open_call', wall: REFUSED_AT + 2000 })));
  return { reader: await reader(), first: read.id };
}

for (const engine of auditEngines()) {
  describe(`queries on ${engine.name}`, { skip: engine.skip }, () => {
    test('each filter finds what it names and nothing else', async (t) => {
      const { reader, first } = await filled(t, engine);
      const codes = async (filter: string): Promise<readonly string[]> => {
        const page = await reader.query(asked(filter), { limit: 50 });
        assert.ok(page.ok, JSON.stringify(page));
        return page.value.entries.map((entry) => entry.code ?? entry.event ?? entry.kind).filter((one) => one !== 'epoch_opened');
      };
      const everything = ['intent', 'stopped', 'unauthenticated', 'timeout', 'intent', 'forbidden', 'ok', 'intent'];
      const settled = ['stopped', 'unauthenticated', 'timeout', 'forbidden', 'ok'];
      const cases: readonly (readonly [filter: string, codes: readonly string[]])[] = [
        ['', everything],
        ['kind != intent', settled],
        ['kind in (outcome, refused, lifecycle)', settled],
        ['subject = alice and kind = outcome', ['forbidden', 'ok']],
        ['subject = ali* and kind = outcome', ['forbidden', 'ok']],
        ['not subject = alice and not kind = intent', ['stopped', 'unauthenticated', 'timeout']],
        ['not subject = * and kind != intent', ['stopped', 'unauthenticated']],
        ['role = viewer and code = *', ['timeout']],
        ['role = \'a"b\' and code = *', ['timeout']],
        ['role = view', []],
        ['role = view* and code = *', ['timeout']],
        ['tool = read_file and code = *', ['timeout', 'ok']],
        ['tool = "fs/*" and code = *', ['forbidden', 'ok']],
        ['tool = */read_???? and code = *', ['timeout', 'ok']],
        ['tool = fs__read_file and code = *', ['ok']],
        ['tool in (fs__read_file, db/*) and code = *', ['timeout', 'ok']],
        ['kind = outcome and not tool = "fs/*"', ['timeout']],
        ['tool = "x_y%*"', ['unauthenticated']],
        ['tool = x?y_*', []],
        ['tool = "[x]*"', []],
        ['backend = d? and code = *', ['timeout']],
        ['decision = deny', ['unauthenticated', 'forbidden']],
        ['status = error', ['timeout']],
        ['code = forbidden', ['forbidden']],
        ['code in (timeout, forbidden)', ['timeout', 'forbidden']],
        [`call = ${first} and kind = outcome`, ['ok']],
        ['kind = intent and tool = open_call', ['intent']],
        [`ts >= ${new Date(REFUSED_AT).toISOString()} and until ${new Date(REFUSED_AT + 1000).toISOString()} and kind != intent`, ['unauthenticated']],
        ['event = stop*', ['stopped']],
        ['actor = system', ['stopped']],
        ['severity >= medium', ['forbidden']],
        ['is_error = false', ['ok']],
        ['took > 13ms', ['timeout', 'ok']],
        ['took <= 13ms', ['forbidden']],
        ['dispatch = 12.5ms and result_bytes >= 42B', ['ok']],
        ['surface = http and protocol = 2025-11-25 and code = ok', ['ok']],
        ["subject = \"' or 1=1 --\"", []],
        ['(code = ok or code = timeout) and backend = db', ['timeout']],
        ['code = ok or code = timeout and backend = db', ['timeout', 'ok']],
      ];
      for (const [filter, found] of cases) assert.deepEqual(await codes(filter), found, filter);
    });

    test('prompts, resources and completions are found by their kind, and tools are not among them', async (t) => {
      const { journal, reader: readerOf } = await engine.fresh(t);
      const { prompt, resource, completion, listen } = sampleOfKinds();
      for (const call of [sampleCall({ tool: 'review' }), prompt, resource, completion, listen]) await journal.conclude(sampleOutcome(call));
      const reader = await readerOf();
      const kinds = async (tool: string): Promise<readonly (string | null)[]> => {
        const page = await reader.query(term('tool', '=', globText(tool)), { limit: 50 });
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
      const counts = await reader.stats(EVERYTHING, 10);
      assert.ok(counts.ok);
      assert.deepEqual(counts.value.map((one) => one.target).toSorted(), ['completion:fs/review', 'fs/review', 'listen:fs/file:///srv/a', 'prompt:fs/review', 'resource:fs/file:///srv/a']);
    });

    test('pages follow each other without gap or repeat', async (t) => {
      const { reader } = await filled(t, engine);
      const seen: string[] = [];
      let before: number | undefined;
      for (let pages = 0; pages < 10; pages += 1) {
        const page = await reader.query(SETTLED, { limit: 2, before });
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
      assert.equal(story.value.intent?.args_bytes, 17);
      assert.equal(story.value.outcome?.status, 'success');
      assert.equal(story.value.records.length, 2);
      assert.deepEqual(await reader.show('no-such-call'), { ok: true, value: undefined });
    });

    test('counts are by target, status and code, most frequent first', async (t) => {
      const { reader } = await filled(t, engine);
      const counts = await reader.stats(EVERYTHING, 10);
      assert.ok(counts.ok);
      assert.deepEqual(counts.value.map((one) => [one.target, one.status, one.code, one.calls]), [
        ['db/read_file', 'error', 'timeout', 1], ['fs/read_file', 'success', 'ok', 1], ['fs/write_file', 'denied', 'forbidden', 1], ['x_y%z', 'denied', 'unauthenticated', 1],
      ]);
      assert.equal(counts.value[1]?.averageMs, 12.5);
      assert.equal(counts.value[2]?.averageMs, undefined);
    });

    test('what came since a row is given oldest first', async (t) => {
      const { reader } = await filled(t, engine);
      const all = await reader.after(EVERYTHING, 0, 100);
      assert.ok(all.ok);
      const third = all.value[2];
      const rest = await reader.after(EVERYTHING, third?.row_id ?? 0, 100);
      assert.ok(rest.ok);
      assert.deepEqual(rest.value.map((one) => one.row_id), all.value.slice(3).map((one) => one.row_id));
    });
  });
}
