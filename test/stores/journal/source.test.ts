import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { listSegments } from '../../../src/stores/journal/folder.ts';
import { openSource, type StoredRecord, unitsOf } from '../../../src/stores/journal/source.ts';
import { type Desk, desk, entry } from './desk.ts';

function filled(at: Desk, count: number): void {
  const writer = at.scribe('a', { segmentBytes: 128 * 1024 });
  for (let n = 0; n < count; n += 1) assert.deepEqual(writer.append([entry({ event: 'x', fault: 'y'.repeat((n * 397) % 3000) })]), { ok: true, value: undefined });
}

test('property: pages of any bounds together are the journal, and each has one record at least and ends where it is full', (t) => {
  const at = desk(t);
  filled(at, 300);
  const source = openSource(at.directories, () => Date.now() + 3_600_000);
  t.after(() => source.close());
  const whole = source.after(0, 1e9);
  assert.ok(listSegments(at.directories).length > 2 && whole.length > 300);
  fc.assert(fc.property(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 60_000 }), (limit, units) => {
    const found: StoredRecord[] = [];
    for (let page = source.after(0, limit, units); page.length > 0; page = source.after(found.at(-1)?.rowId ?? 0, limit, units)) {
      assert.ok(page.length <= limit && unitsOf(page.slice(0, -1)) < units);
      assert.ok(page.length === limit || unitsOf(page) >= units || page.at(-1)?.rowId === whole.at(-1)?.rowId, 'it is full, or the last');
      found.push(...page);
    }
    assert.deepEqual(found, whole);
  }), { numRuns: 30 });
});

test('how far behind a reader is, is told without opening again what does not change any more', (t) => {
  const at = desk(t);
  filled(at, 300);
  const source = openSource(at.directories, Date.now);
  t.after(() => source.close());
  const before = source.behind(0);
  const [first, second] = listSegments(at.directories);
  assert.ok(first !== undefined && second !== undefined);
  writeFileSync(first.path, 'no database');
  assert.equal(source.behind(0), before);
  assert.throws(() => openSource(at.directories, Date.now).behind(0));
});
