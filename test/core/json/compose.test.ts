import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { arrayOf, objectOf, quote, type Spot, toRaw, withMembers, withValues } from '../../../src/core/json/compose.ts';
import { scan } from '../../../src/core/json/scan.ts';
import { elements, members, valueAt, walkElements } from '../../../src/core/json/slice.ts';
import { anyUnits, jsonText, raw, WIDE } from './texts.ts';

test('joining the slices of a compact text gives the same bytes', () => {
  fc.assert(fc.property(jsonText, (text) => {
    const scanned = raw(text);
    const inside = members(scanned);
    if (inside !== undefined) assert.equal(objectOf(inside), text);
    const items = elements(scanned);
    if (items !== undefined) assert.equal(arrayOf(items), text);
  }), { numRuns: 500 });
});

test('what the composers make passes the scanner', () => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.string({ unit: 'grapheme' }), jsonText)), (entries) => {
    fc.pre(entries.every(([key]) => key !== '__proto__'));
    const made = objectOf(entries.map(([key, text]) => [key, raw(text)] as const));
    assert.deepEqual(scan(made, WIDE), { ok: true, value: made });
    const list = arrayOf(entries.map(([, text]) => raw(text)));
    assert.deepEqual(scan(list, WIDE), { ok: true, value: list });
  }));
  assert.equal(objectOf([['a', raw('1')], ['b', raw('2')], ['a', raw('3')]]), '{"a":3,"b":2}');
});

test('quote writes any text so that it reads back, lone surrogates as escapes', () => {
  fc.assert(fc.property(anyUnits, (text) => {
    const literal = quote(text);
    assert.equal(JSON.parse(literal), text);
    assert.ok(literal.isWellFormed());
  }));
  assert.equal(quote('\ud83d"\n'), String.raw`"\ud83d\"\n"`);
});

test('T151: numbers, unknown fields, key spelling and nested whitespace survive an edit byte for byte', () => {
  const before = raw(String.raw`{"name":"x", "big":12345678901234567890,"one":1.0,"zero":-0,"huge":1e400,"tiny":1E-07,"k\u0065y":{ "b" : 1, "a":[ ] },"_new":null,"__v":"\/"}`);
  const after = withMembers(before, { set: { name: quote('y') } });
  assert.equal(after, String.raw`{"name":"y","big":12345678901234567890,"one":1.0,"zero":-0,"huge":1e400,"tiny":1E-07,"k\u0065y":{ "b" : 1, "a":[ ] },"_new":null,"__v":"\/"}`);
});

test('withMembers changes the named members and no other byte', () => {
  const edits = fc.record({
    text: jsonText.filter((text) => text.startsWith('{')),
    place: fc.nat(),
    value: jsonText,
    fresh: fc.constantFrom('id', '_meta', 'io.x/y', 'é"'),
  });
  fc.assert(fc.property(edits, ({ text, place, value, fresh }) => {
    const before = raw(text);
    const old = members(before) ?? new Map<string, never>();
    const named = [...old.keys()][place % (old.size + 1)];
    const edited = members(raw(withMembers(before, { set: new Map([[fresh, raw(value)]]), drop: named === undefined ? [] : [named] })));
    const expected = new Map(old);
    if (named !== undefined && named !== fresh) expected.delete(named);
    expected.set(fresh, raw(value));
    assert.deepEqual([...edited ?? []], [...expected]);
  }), { numRuns: 300 });
});

test('set finds a key in any spelling, keeps its place, and wins over drop', () => {
  const before = raw(String.raw`{"a":1,"\u0062":2,"c":3}`);
  assert.equal(withMembers(before, { set: { b: raw('9') } }), String.raw`{"a":1,"\u0062":9,"c":3}`);
  assert.equal(withMembers(before, { set: { b: raw('9') }, drop: ['b', 'c', 'zz'] }), String.raw`{"a":1,"\u0062":9}`);
  assert.equal(withMembers(before, { set: { z: raw('0'), a: raw('[]') }, drop: ['b'] }), '{"a":[],"c":3,"z":0}');
  assert.equal(withMembers(raw('{ }'), { set: { a: raw('1') } }), '{"a":1}');
});

test('an edit that changes nothing gives back the same text, whitespace and all', () => {
  const before = raw('{ "a" : 1 }');
  assert.equal(withMembers(before, { drop: ['b'] }), before);
  assert.equal(withMembers(before, { set: { a: raw('1') } }), before);
  assert.equal(withMembers(before, {}), before);
});

test('editing something that is not an object throws, because a silent no would be a hole', () => {
  for (const text of ['[]', '"a"', '1', 'null']) assert.throws(() => withMembers(raw(text), { set: { a: raw('1') } }), TypeError);
});

test('toRaw speaks plain values and throws on what JSON cannot say', () => {
  assert.equal(toRaw({ a: [1, 'x', null], b: undefined }), '{"a":[1,"x",null]}');
  for (const value of [undefined, () => 1, Symbol('s'), 1n]) assert.throws(() => toRaw(value), TypeError);
});

test('values put in by their place leave every other byte, and places out of order throw', () => {
  const before = raw('[ 1.0 ,{"a" : -0}, 2 ]');
  assert.equal(withValues(before, []), before);
  assert.equal(withValues(before, [{ from: 2, to: 5, value: raw('"x"') }, { from: 19, to: 20, value: raw('[]') }]), '[ "x" ,{"a" : -0}, [] ]');
  for (const spots of [[{ from: 19, to: 20 }, { from: 2, to: 5 }], [{ from: 2, to: 2 }], [{ from: 2, to: 99 }], [{ from: 2, to: 5 }, { from: 4, to: 6 }], [{ from: -1, to: 1 }]]) {
    assert.throws(() => withValues(before, spots.map((spot) => ({ ...spot, value: raw('0') }))), RangeError);
  }
});

test('every value that a walk finds is cut out as it stands and can be put back where it stood', () => {
  fc.assert(fc.property(jsonText, (text) => {
    const whole = raw(`[${text},${text}]`);
    const spots: Spot[] = [];
    walkElements(whole, 0, (at) => {
      const value = valueAt(whole, at);
      spots.push({ from: at, to: at + value.length, value });
      return at + value.length;
    });
    assert.deepEqual(spots.map(({ value }) => value), [text, text]);
    assert.equal(withValues(whole, spots), whole);
  }));
});
