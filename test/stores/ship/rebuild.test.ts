import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { MEMBER_NAMES, type Member, typeOf } from '../../../src/stores/journal/members.ts';
import { placeIn, recordOf, type ShippedRow } from '../../../src/stores/ship/rebuild.ts';
import { sendRecords, sortOut } from '../../../src/stores/ship/sender.ts';
import { createDatabase, testServer } from '../../support/postgres.ts';
import { migrated } from './synthetic.ts';

const server = testServer();
const skip = 'skip' in server ? server.skip : false;

const HOSTILE = ['\u2028', '\u2029', '\u007f', '\u0085', '\ufeff', '\r\n', '\\u0000', '"', '\\', '%n', '\u{1f600}', "'); drop table audit_record; --", '\ufffe', '</script>', '\t'];
const text = fc.oneof(fc.string({ unit: 'binary' }), fc.array(fc.constantFrom(...HOSTILE, 'a')).map((parts) => parts.join(''))).map((one) => one.replaceAll('\u0000', ''));
/** Nested values keep what a parser would change: 1.0, 1e5, -0, escapes, the order and the repetition of keys. */
const nested = fc.oneof(
  fc.jsonValue().map((value) => JSON.stringify(value).replaceAll(/\\u0000|\\ud[89a-f][0-9a-f]{2}/g, '?')).filter((one) => !/^(?:"|null)/.test(one)),
  fc.constantFrom('{"a":1.0,"a":2}', '[1e5,-0,9007199254740993,1E-7]', String.raw`{"\u0061":"\u00e9\/","b":[]}`, '{"z":1,"a":{"__proto__":1}}', '[]', 'true', '12.50', '{"s":"\u2028 \u{1f600}"}'),
);
const integer = fc.oneof(fc.integer(), fc.maxSafeInteger());

/** Any record that a journal can hold. */
const anyRecord = fc.record({
  place: fc.record({ epoch: fc.integer({ min: 1, max: 1e9 }), seq: fc.integer({ min: 1 }), ts: fc.integer({ min: -6e13, max: 2 ** 53 - 1 }), id: fc.uuid(), kind: fc.constantFrom('intent', 'outcome', 'refused', 'lifecycle') }),
  rest: fc.array(fc.tuple(fc.constantFrom(...MEMBER_NAMES), text, integer, nested), { maxLength: 30 }),
}).map(({ place, rest }) => {
  const row: Partial<Record<Member, string | number>> = {};
  for (const [name, word, number, json] of rest) row[name] = typeOf(name) === 'text' ? word : typeOf(name) === 'json' ? json : number;
  if (row.is_error !== undefined) row.is_error = 1;
  // Any other value is kept apart, as what blinds a reader.
  if (row.roles !== undefined) row.roles = '["a",1.0,{"\\u0061":-0}]';
  return recordOf({ ...row, ...place, v: 2, node: 'n', mono_ns: 2 ** 53 - 1 });
});

test('a record is refused when its columns would not give it back', () => {
  const good = '{"v":2,"node":"n","epoch":1,"seq":1,"id":"i","ts":5,"mono_ns":6,"kind":"refused"}';
  assert.ok(placeIn(good).ok);
  const bad = [
    good.replace('"ts":5', '"ts":5.5'), good.replace('"ts":5', '"ts":05'), good.replace('"ts":5', '"ts":5e0'), good.replace('"ts":5', '"ts":"5"'), good.replace('"ts":5', '"ts":9007199254740993'),
    good.replace('"ts":5,', ''), good.replace('"node":"n"', '"node":7'), good.replace('"id":"i"', '"id":"\\u0069"'), good.replace('{', '{ '), `${good} `, good.replace('}', ',"new":1}'),
    good.replace('"seq":1,"id":"i"', '"id":"i","seq":1'), good.replace('}', ',"detail":"text"}'), good.replace('}', ',"detail":null}'), good.replace('}', ',"fault":"a","fault":"b"}'),
    good.replace('}', ',"subject":null}'), `${good},${good}`, `[${good}]`, good.slice(0, -1), '', 'null', '7', '"x"',
  ];
  for (const record of bad) assert.equal(placeIn(record).ok, false, record);
});

test('a row of the first form, and one without its empty columns, read as records', () => {
  const row: ShippedRow = { v: 1, node: 'n', epoch: 1, seq: 2, prev: null, id: 'i', ts: '1700000000000', mono_ns: 5, kind: 'intent', roles: '["a"]', args: '{"x":1.0}', owner: null };
  assert.equal(recordOf(row), '{"v":1,"node":"n","epoch":1,"seq":2,"id":"i","ts":1700000000000,"mono_ns":5,"kind":"intent","roles":["a"],"args":{"x":1.0}}');
});

describe('on PostgreSQL', { skip }, () => {
  test('any record comes back from its row byte by byte', async (t) => {
    if ('skip' in server) return;
    const connection = await migrated(t, await createDatabase(server.url));
    let rowId = 0;
    await fc.assert(fc.asyncProperty(fc.uniqueArray(anyRecord, { maxLength: 20, selector: (record) => record.replace(/"prev":.*?"id"/, '').slice(0, 60) }), async (records) => {
      await connection.ask('begin');
      try {
        const sorted = sortOut(records.map((record) => ({ rowId: rowId += 1, record })));
        assert.deepEqual(sorted.bad, []);
        const sent = await sendRecords(connection, 'n', sorted);
        assert.deepEqual(sent, { ok: true, value: { inserted: records.length, resent: 0, refused: 0, conflicts: 0 } });
        const { rows } = await connection.ask(`select ${MEMBER_NAMES.join(', ')} from audit_record`);
        const back = rows.map((row) => recordOf(Object.fromEntries(Object.entries(row).map(([name, value]) => [name, typeof value === 'number' ? value : value === null ? null : String(value)]))));
        assert.deepEqual(back.toSorted(), records.toSorted());
      } finally {
        await connection.ask('rollback');
      }
    }), { numRuns: 150 });
  });
});
