import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openFirstForm } from '../../../src/stores/import/first-form.ts';
import { importAll } from '../../../src/stores/import/importer.ts';
import { recordsIn, sampleNode, sessionIn, temporaryFolder } from '../sample.ts';
import { oldRow, oldRows, oldStore } from './old-store.ts';

test('calls of an import that was killed between intent and outcome are not closed by the next gateway: their outcomes are still to come', async (t) => {
  const state = temporaryFolder(t);
  // A group of 256 ends between the intent and the outcome of a call.
  await oldStore(join(state, 'sentinel.db'), [oldRow(0, { kind: 'refused', call_id: 'other' }), ...oldRows(600)]);
  const source = await openFirstForm(join(state, 'sentinel.db'));
  assert.ok(source.ok && source.value !== undefined);
  const node = sampleNode(state);
  const dead = sessionIn(state, node, { mark: 'dead', alive: () => true });
  let groups = 0;
  const done = await importAll({
    source: source.value, directories: [join(state, 'journal')], onProgress: () => {}, signal: new AbortController().signal, told: () => assert.fail('too early'),
    session: () => ({
      ...dead,
      append: async (entries) => {
        if ((groups += 1) > 1) throw new Error('killed');
        return dead.append(entries);
      },
    }),
  });
  assert.ok(!done.ok);
  await source.value.close();
  assert.equal(recordsIn(state).at(-1)?.kind, 'intent');
  const next = sessionIn(state, node, { mark: 'next', alive: () => false });
  assert.deepEqual(await next.open(), { ok: true, value: { epoch: 2, indeterminate: 0 } });
  await next.end();
  assert.equal(recordsIn(state).filter(({ code }) => code === 'indeterminate').length, 0);
});
