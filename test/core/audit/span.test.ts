import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { all, any, compare, not, oneOf } from '../../../src/core/audit/filter.ts';
import { predicateOf } from '../../../src/core/audit/predicate.ts';
import { spanOf } from '../../../src/core/audit/span.ts';
import { filter, row } from '../../stores/filter-world.ts';

test('bounds that all hold are the inner ones, of bounds of which one holds the outer ones', () => {
  const [from, before] = [compare('ts', '>=', 10), compare('ts', '<', 20)];
  assert.deepEqual(spanOf(all([from, before, compare('ts', '>', 11), oneOf('code', ['x'])])), { from: 12, before: 20 });
  assert.deepEqual(spanOf(any([all([from, before]), compare('ts', '=', 30)])), { from: 10, before: 31 });
  assert.deepEqual(spanOf(any([from, oneOf('code', ['x'])])), { from: undefined, before: undefined });
  assert.deepEqual(spanOf(not(from)), { from: undefined, before: undefined });
  assert.deepEqual(spanOf(any([])), { from: undefined, before: undefined });
  assert.deepEqual(spanOf(compare('ts', '<=', 5)), { from: undefined, before: 6 });
});

test('no record outside the span of a filter is found by it', () => {
  fc.assert(fc.property(filter, row, (asked, record) => {
    const { from, before } = spanOf(asked);
    const at = record['ts'];
    if (!predicateOf(asked)(record)) return;
    if (from !== undefined) assert.ok(typeof at === 'number' && at >= from);
    if (before !== undefined) assert.ok(typeof at === 'number' && at < before);
  }), { numRuns: 3000 });
});
