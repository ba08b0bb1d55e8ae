import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseSpan, parseBytes, parseCount, parseMoment, parseTook } from '../../../src/core/audit/units.ts';

test('a moment is read as the platform reads it', () => {
  fc.assert(fc.property(fc.date({ min: new Date('0000-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true }), (date) => {
    assert.equal(parseMoment(date.toISOString()), date.getTime());
  }));
  for (const text of ['2026-11-21T00:00Z', '2024-02-29T12:30:15+05:30', '2026-11-21t00:00:00.5z', '2026-11-21T00:00:00-23:59', '1969-12-31T23:59:59.999Z']) assert.equal(parseMoment(text), Date.parse(text.toUpperCase()), text);
});

test('what is no moment, or one without an offset, is none', () => {
  for (const text of ['', '2026-11-21', '2026-11-21T00:00', '2026-02-29T00:00Z', '1900-02-29T00:00Z', '2026-13-01T00:00Z', '2026-00-01T00:00Z', '2026-04-31T00:00Z', '2026-11-21T24:00Z', '2026-11-21T00:60Z', '2026-11-21T00:00:60Z', '2026-11-21T00:00+24:00', 'x2026-11-21T00:00Z', '2026-11-21T00:00Zx']) assert.equal(parseMoment(text), undefined, text);
});

test('spans, durations and sizes are whole numbers or nothing', () => {
  assert.deepEqual(['90s', '30m', '30min', '2h', '7d', '1w', '1h30m'].map(parseSpan), [90_000, 1_800_000, 1_800_000, 7_200_000, 604_800_000, 604_800_000, 5_400_000]);
  for (const text of ['', '0s', '2', '2x', '-2h', '2h ', '1h 30m', '999999999999w']) assert.equal(parseSpan(text), undefined, text);
  assert.deepEqual(['1us', '500ms', '0.1ms', '1.5s', '2m', '1h', '0.3s'].map(parseTook), [1, 500_000, 100, 1_500_000, 120_000_000, 3_600_000_000, 300_000]);
  for (const text of ['', '5', '1.5us', '0.0001ms', '1d', 's', '1e3s', '.5s', '9007199254740992us', '__proto__']) assert.equal(parseTook(text), undefined, text);
  assert.deepEqual(['0', '7', '7B', '1KiB', '1.5MiB', '2GiB'].map(parseBytes), [0, 7, 7, 1024, 1_572_864, 2_147_483_648]);
  for (const text of ['', '1kb', '1.5', '1.3B', '-1', '1 KiB']) assert.equal(parseBytes(text), undefined, text);
  assert.deepEqual(['0', '12', '9007199254740991', '9007199254740992', '1.0', '1.5', 'x'].map(parseCount), [0, 12, Number.MAX_SAFE_INTEGER, undefined, 1, undefined, undefined]);
});
