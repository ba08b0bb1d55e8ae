// What of the audit comes to a terminal, which obeys some characters, and what to files, where every byte counts.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { auditLine } from '../../src/cli/audit-text.ts';
import { paintFor } from '../../src/cli/render.ts';
import { NO_CAPTURE, type CaptureRule } from '../../src/core/capture.ts';
import { createCapture } from '../../src/stores/capture/capture.ts';
import { journalReader } from '../../src/stores/journal/reader.ts';
import { openSource } from '../../src/stores/journal/source.ts';
import { CLOCK, journalIn, sampleCall, sampleIntent, sampleNode, sampleOutcome, sampleRefusal } from '../stores/sample.ts';
import { configured, done, place, start } from './audit-world.ts';

const STEERING = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e]/;

test('an export has every byte as it was hashed in files and pipes, and shows the same values escaped on a terminal', async (t) => {
  const { folder, journal } = await place(t);
  await journal.conclude(sampleRefusal({ method: '\u009b2J\u009b31mhello\u202e', name: '\u0085\u2028x\u{e0041}' }));
  const source = openSource([join(folder, 'state', 'journal')], Date.now);
  const hashed = source.after(0, 100).map(({ record }) => record);
  source.close();
  const piped = (await done(start(folder, ['audit', 'export']))).trimEnd().split('\n');
  assert.deepEqual(piped.slice(0, hashed.length), hashed);
  assert.match(piped.join('\n'), STEERING);
  const shown = (await done(start(folder, ['audit', 'export'], {}, true))).trimEnd().split('\n');
  assert.doesNotMatch(shown.join('\n'), STEERING);
  assert.ok(!shown.join('').includes('\u{e0041}'));
  const parsed = (line: string): unknown => JSON.parse(line);
  assert.deepEqual(shown.slice(0, hashed.length).map(parsed), hashed.map(parsed));
});

test('an id that another gateway gave a call steers no terminal', async (t) => {
  const { folder, call } = await place(t);
  const found = await journalReader([join(folder, 'state', 'journal')]).show(call);
  const [entry] = found.ok ? (found.value?.records ?? []) : [];
  assert.ok(entry !== undefined);
  const line = auditLine({ ...entry, call_id: '\u001b]0;pwned\u0007\u001b[2J' }, paintFor(false));
  assert.ok(line.includes('\\u001b]0;pwned\\u0007'));
  assert.doesNotMatch(line, STEERING);
});

test('a part of an id finds nothing, and is told that ids are whole', async (t) => {
  const { run, call } = await place(t);
  for (const verb of [['audit', 'show'], ['why']]) {
    const short = run([...verb, call.slice(0, 8)]);
    assert.equal(await short.status, 1);
    assert.match(short.err(), /no call 0198c0de is on record[^]*ids are whole, such as .*; sentinel audit query shows them/);
    const other = run([...verb, '0199d7a2-6f3e-7c11-9d2a-5b1c8e4f7a60']);
    assert.equal(await other.status, 1);
    assert.match(other.err(), /sentinel audit query shows the ids of recent calls/);
  }
});

test('records that hold something captured are found by that, also where only the beginning of a call does', async (t) => {
  const folder = configured(t);
  const state = join(folder, 'state');
  const node = sampleNode(state);
  const rules: readonly CaptureRule[] = [{ targets: ['fs/read_file'], arguments: ['/path'], results: [], bytes: 4096, owner: undefined, reason: 'a test' }];
  const capture = createCapture({ node: node.id, stateDir: state, clock: CLOCK, settings: () => ({ capture: { ...NO_CAPTURE, rules }, redactKeys: [] }) });
  const journal = journalIn(state, { node, capture });
  t.after(() => journal.close());
  await journal.start();
  for (const tool of ['read_file', 'write_file']) {
    const call = sampleCall({ tool });
    await journal.intend(sampleIntent(call));
    await journal.conclude(sampleOutcome(call));
  }
  const found = async (filter: string): Promise<readonly unknown[]> => {
    const said = await done(start(folder, ['audit', 'query', filter, '--json']));
    return said.split('\n').filter((line) => line !== '').map((line): Record<string, unknown> => JSON.parse(line)).map(({ kind, object_name }) => `${String(kind)} ${String(object_name)}`);
  };
  assert.deepEqual(await found('captured = *'), ['intent read_file']);
  assert.deepEqual(await found('captured = yes and kind = outcome'), []);
  assert.deepEqual(await found('captured = no and kind = intent'), ['intent write_file']);
  assert.equal((await done(start(folder, ['audit', 'export', 'captured = *']))).trimEnd().split('\n').length, 1);
});
