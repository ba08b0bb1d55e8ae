import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BACKEND_LIMITS } from '../../../src/core/json/raw.ts';
import { elements, kindOf, memberOf, members, safeIntegerOf, stringOf } from '../../../src/core/json/slice.ts';
import { jsonText, raw } from './texts.ts';

/** Valid texts with whitespace wherever the grammar allows it. */
const spacedText = fc.tuple(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom('', ' ', '\t', '\r\n '))
  .map(([value, indent]) => JSON.stringify(value, null, indent).replaceAll('\n', indent === '\r\n ' ? '\r\n' : '\n'))
  .filter((text) => !text.includes('"__proto__"'));

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

test('member slices parse to the values JSON.parse finds, in the order written', () => {
  fc.assert(fc.property(fc.oneof(jsonText, spacedText), (text) => {
    const value: unknown = JSON.parse(text);
    const found = members(raw(text));
    if (!isPlain(value)) {
      assert.equal(found, undefined);
      return;
    }
    assert.ok(found !== undefined);
    const parsed = new Map([...found].map(([key, slice]) => [key, JSON.parse(slice)]));
    assert.deepEqual(parsed, new Map(Object.entries(value)));
    assert.ok([...found.values()].every((slice) => slice === slice.trim()));
  }), { numRuns: 500 });
});

test('one member is the one that all of them give, wherever it stands', () => {
  fc.assert(fc.property(spacedText, (text) => {
    const found = members(raw(text));
    for (const key of [...found?.keys() ?? [], 'no such key']) assert.equal(memberOf(raw(text), key), found?.get(key));
  }));
});

test('members keep the order of the text even for keys that look like indices', () => {
  assert.deepEqual([...members(raw('{"b":1,"2":2,"1":3}')) ?? []], [['b', '1'], ['2', '2'], ['1', '3']]);
});

test('element slices parse to the values JSON.parse finds', () => {
  fc.assert(fc.property(fc.oneof(jsonText, spacedText), (text) => {
    const value: unknown = JSON.parse(text);
    const found = elements(raw(text));
    if (!Array.isArray(value)) {
      assert.equal(found, undefined);
      return;
    }
    assert.deepEqual(found?.map((slice): unknown => JSON.parse(slice)), value);
  }), { numRuns: 500 });
});

test('quotes, brackets and backslashes inside strings do not end a slice', () => {
  const text = String.raw`{"a\"":"}],\\","b\\":["\\\"","]","\\\\"],"c":{"d":"\\"}}`;
  assert.deepEqual([...members(raw(text)) ?? []], [['a"', String.raw`"}],\\"`], ['b\\', String.raw`["\\\"","]","\\\\"]`], ['c', String.raw`{"d":"\\"}`]]);
  assert.deepEqual(elements(raw('[ "a" , [ 1 , 2 ] , { } , -0 , null ]')), ['"a"', '[ 1 , 2 ]', '{ }', '-0', 'null']);
  assert.deepEqual(elements(raw('[ ]')), []);
  assert.equal(members(raw('{ }'))?.size, 0);
});

test('kindOf agrees with JSON.parse', () => {
  fc.assert(fc.property(jsonText, (text) => {
    const value: unknown = JSON.parse(text);
    const kind = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value === 'boolean' ? String(value) : typeof value;
    assert.equal(kindOf(raw(text)), kind);
  }));
});

test('stringOf decodes strings and nothing else', () => {
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => {
    assert.equal(stringOf(raw(JSON.stringify(text))), text);
  }));
  assert.equal(stringOf(raw(String.raw`"\u0061\/\n"`)), 'a/\n');
  assert.equal(stringOf(raw(String.raw`"\ud83d"`, BACKEND_LIMITS)), '\ud83d');
  for (const text of ['1', 'null', '["a"]', '{"a":"b"}']) assert.equal(stringOf(raw(text)), undefined);
});

test('I09: only a plainly written safe integer is one', () => {
  for (const [text, value] of [['0', 0], ['-1', -1], ['9007199254740991', 9007199254740991]] as const) assert.equal(safeIntegerOf(raw(text)), value);
  for (const text of ['-0', '1.0', '1e3', '9007199254740992', '-9007199254740993', '1e400', '12345678901234567890', '"1"', 'null', '[1]']) {
    assert.equal(safeIntegerOf(raw(text)), undefined, text);
  }
});
