import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { timestamp } from '../../src/core/ids.ts';
import { rfc3339 } from '../../src/core/rfc3339.ts';

test('a timestamp is written as the platform writes it, for every millisecond of the years 0 to 9999', () => {
  const first = Date.parse('0000-01-01T00:00:00.000Z');
  const last = Date.parse('9999-12-31T23:59:59.999Z');
  for (const at of [first, last, 0, -1, Date.parse('2000-02-29T23:59:59.999Z'), Date.parse('1900-03-01T00:00:00Z'), Date.parse('2100-02-28T12:00:00Z')]) assert.equal(rfc3339(timestamp(at)), new Date(at).toISOString());
  fc.assert(fc.property(fc.integer({ min: first, max: last }), (at) => assert.equal(rfc3339(timestamp(at)), new Date(at).toISOString())));
});
