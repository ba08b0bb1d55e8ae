import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AGENT_LIMITS, BACKEND_LIMITS } from '../../../src/core/json/raw.ts';
import { decodeUtf8, type JsonFault, type JsonLimits, scan } from '../../../src/core/json/scan.ts';
import { anyUnits, crowdedObject, jsonText, judge, mutatedText, tokenSoup, WIDE } from './texts.ts';

function faultOf(text: string, limits: JsonLimits = AGENT_LIMITS): JsonFault | undefined {
  const scanned = scan(text, limits);
  return scanned.ok ? undefined : scanned.error;
}
const codeOf = (text: string, limits?: JsonLimits): JsonFault['code'] | undefined => faultOf(text, limits)?.code;

test('every text JSON.stringify can make is accepted and kept byte for byte', () => {
  fc.assert(fc.property(jsonText, (text) => {
    const scanned = scan(text, WIDE);
    assert.ok(scanned.ok);
    assert.equal(scanned.value, text);
  }), { numRuns: 500 });
});

test('accepts exactly what JSON.parse accepts, less repeated keys, __proto__ keys and lone surrogates', () => {
  const seen = { accepted: 0, refused: 0, duplicate: 0, forbidden: 0, surrogate: 0 };
  fc.assert(fc.property(fc.oneof(mutatedText, tokenSoup, crowdedObject, anyUnits, anyUnits.map((text) => `["${text}"]`)), (text) => {
    const expected = judge(text);
    const scanned = scan(text, WIDE);
    const clean = expected.grammar && !expected.duplicate && !expected.forbidden && !expected.surrogate;
    assert.equal(scanned.ok, clean, JSON.stringify(text));
    if (scanned.ok) {
      seen.accepted += 1;
      return;
    }
    seen.refused += 1;
    if (!expected.grammar) return;
    if (scanned.error.code === 'duplicate_key') {
      seen.duplicate += 1;
      assert.ok(expected.duplicate);
    } else if (scanned.error.code === 'forbidden_key') {
      seen.forbidden += 1;
      assert.ok(expected.forbidden);
    } else {
      seen.surrogate += 1;
      assert.equal(scanned.error.code, 'surrogate');
      assert.ok(expected.surrogate);
    }
  }), { numRuns: 3000 });
  for (const [what, count] of Object.entries(seen)) assert.ok(count > 10, `${what}: only ${count} cases`);
});

test('never throws, whatever the text', () => {
  fc.assert(fc.property(anyUnits, fc.constantFrom(AGENT_LIMITS, BACKEND_LIMITS), (text, limits) => {
    const scanned = scan(text, limits);
    if (!scanned.ok) assert.ok(scanned.error.offset >= 0 && scanned.error.offset <= text.length);
  }), { numRuns: 1000 });
});

test('whitespace around the value is trimmed, inside it is kept', () => {
  const scanned = scan(' \r\n\t{ "a" : [ 1 , 2 ] }\n', AGENT_LIMITS);
  assert.deepEqual(scanned, { ok: true, value: '{ "a" : [ 1 , 2 ] }' });
});

test('broken grammar is refused with the place where it breaks', () => {
  const broken: readonly (readonly [string, number])[] = [
    ['', 0], ['  ', 2], ['{', 1], ['[', 1], ['"', 1], ['"a', 2], ['nul', 0], ['tru', 0], ['NaN', 0], ['Infinity', 0], ['-', 1], ['-Infinity', 1], ['01', 1], ['-01', 2],
    ['1.', 2], ['.5', 0], ['1e', 2], ['1e+', 3], ['+1', 0], ['0x10', 1], ['1 2', 2], ['{} x', 3], ['[1,]', 3], ['[,1]', 1], ['{"a":1,}', 7], ['{a:1}', 1], ['{"a"}', 4],
    ['{"a" 1}', 5], ['{"a":}', 5], ['[1 2]', 3], ['[}', 1], ['{]', 1], ['[1}', 2], ['{"a":1]', 6], ['"\n"', 1], ['"\u0000"', 1], ['"\\x41"', 1], ['"\\u00g0"', 1], ['"\\u1g00"', 1], ['"\\u1 00"', 1],
    ['"\\u00', 1], ['"\\', 1], ['//a\n1', 0], ['\'a\'', 0], ['\u00a01', 0], ['\ufeff1', 0],
  ];
  for (const [text, offset] of broken) {
    assert.throws(() => JSON.parse(text));
    assert.deepEqual(faultOf(text), { code: 'syntax', offset }, JSON.stringify(text));
  }
});

test('T35: a repeated key is refused at any depth, also in an escaped spelling', () => {
  assert.deepEqual(faultOf('{"name":"a","name":"b"}'), { code: 'duplicate_key', offset: 12 });
  assert.equal(codeOf('{"a":1,"\\u0061":2}'), 'duplicate_key');
  assert.equal(codeOf('{"\\u0061":1,"a":2}'), 'duplicate_key');
  assert.equal(codeOf('[[{"x":{"/":1,"\\/":2}}]]'), 'duplicate_key');
  assert.equal(codeOf('{"":1,"":2}'), 'duplicate_key');
  assert.equal(codeOf('{"😀":1,"\\ud83d\\ude00":2}'), 'duplicate_key');
  const many = Array.from({ length: 40 }, (_, index) => `"k${index}":0`);
  assert.equal(codeOf(`{${many.join(',')}}`), undefined);
  assert.equal(codeOf(`{${many.join(',')},"k3":0}`), 'duplicate_key');
  assert.equal(codeOf(`{${many.join(',')},"k39":0}`), 'duplicate_key');
});

test('the same key in different objects, in other case or other normal form, is no repeat', () => {
  for (const text of ['{"a":{"a":{"a":1}}}', '[{"a":1},{"a":1}]', '{"a":1,"A":2}', '{"\u00e9":1,"e\u0301":2}', '{"1":1,"01":2,"\\"1":3}']) {
    assert.equal(codeOf(text), undefined, text);
  }
});

test('I08: a __proto__ key is refused anywhere and in any spelling; as a value it is text', () => {
  for (const text of ['{"__proto__":1}', '[{"a":{"__proto__":{}}}]', '{"\\u005f_proto__":1}', '{"\\u005F\\u005fproto\\u005f\\u005f":1}']) {
    assert.equal(codeOf(text), 'forbidden_key', text);
  }
  for (const text of ['"__proto__"', '{"a":"__proto__"}', '{"constructor":{"prototype":1}}', '{"__proto":1,"_proto__":1,"__PROTO__":1}']) {
    assert.equal(codeOf(text), undefined, text);
  }
});

test('I04: depth 64 passes, depth 65 is refused, and a hundred thousand brackets are refused at the 65th', () => {
  const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
  assert.equal(codeOf(nested(64)), undefined);
  assert.deepEqual(faultOf(nested(65)), { code: 'depth', offset: 64 });
  assert.equal(codeOf(`${'{"a":'.repeat(63)}[]${'}'.repeat(63)}`), undefined);
  assert.equal(codeOf(`${'{"a":'.repeat(64)}[]${'}'.repeat(64)}`), 'depth');
  assert.deepEqual(faultOf('['.repeat(100_000)), { code: 'depth', offset: 64 });
  assert.equal(codeOf('[[],[],{}]', { ...AGENT_LIMITS, maxDepth: 2 }), undefined);
  assert.equal(codeOf('1', { ...AGENT_LIMITS, maxDepth: 0 }), undefined);
});

test('I05: a depth that would overflow the call stack is only a matter of the limit', () => {
  const deep = '['.repeat(200_000) + ']'.repeat(200_000);
  assert.equal(codeOf(deep, { ...WIDE, maxDepth: 200_000 }), undefined);
});

test('I04: ten thousand keys pass, one more is refused, and a million cost no more than the cap', () => {
  const keyed = (count: number): string => `{${Array.from({ length: count }, (_, index) => `"k${index}":0`).join(',')}}`;
  assert.equal(codeOf(keyed(10_000)), undefined);
  assert.equal(codeOf(keyed(10_001)), 'keys');
  const million = keyed(1_000_000);
  const at = faultOf(million);
  assert.equal(at?.code, 'keys');
  assert.equal(at?.offset, keyed(10_000).length, 'stopped at the first key over the cap');
  assert.equal(codeOf(`[${'{"a":0},'.repeat(10_000)}{"a":0}]`), 'keys', 'counted over all objects');
});

test('I04: list items are counted over all arrays, and millions cost no more than the cap', () => {
  const list = (count: number): string => `[${'0,'.repeat(count - 1)}0]`;
  const few = { ...AGENT_LIMITS, maxItems: 4 };
  assert.equal(codeOf('[1,[2,3]]', few), undefined);
  assert.deepEqual(faultOf('[1,[2,3],4]', few), { code: 'items', offset: 9 });
  assert.deepEqual(faultOf('{"a":[0,0],"b":[[],[],{}]}', few), { code: 'items', offset: 22 });
  assert.equal(codeOf('[[],[],{},{"a":[]}]', few), undefined, 'an empty list holds no item');
  assert.equal(codeOf(list(200_000)), undefined, 'a table of numbers is honest');
  assert.deepEqual(faultOf(list(2_000_000)), { code: 'items', offset: 400_001 });
  assert.equal(codeOf(list(8 * 1024 * 1024), BACKEND_LIMITS), undefined, 'and a backend answers with as many as its 16 MiB hold');
});

test('I04: a key longer than the limit is refused', () => {
  assert.equal(codeOf(`{"${'k'.repeat(1024)}":0}`), undefined);
  assert.deepEqual(faultOf(`{"${'k'.repeat(1025)}":0}`), { code: 'key_length', offset: 1 });
  assert.equal(codeOf(`{"a":{"${'k'.repeat(1_000_000)}":0}}`), 'key_length');
});

test('a number longer than the limit is refused, large and odd ones within it pass', () => {
  assert.equal(codeOf(`[${'9'.repeat(256)}]`), undefined);
  assert.deepEqual(faultOf(`[${'9'.repeat(257)}]`), { code: 'number', offset: 1 });
  for (const text of ['12345678901234567890', '1.0', '-0', '-0.0', '1e400', '1E-400', '0e0', '1.5e+3']) {
    assert.deepEqual(scan(text, AGENT_LIMITS), { ok: true, value: text });
  }
});

test('I10: lone surrogates are refused; from backends only as escapes in values', () => {
  for (const text of ['"\\ud800"', '"\\udc00"', '"\\udc00\\udc00"', '"\\ude00\\ud83d"', '"\\ud83dx"', '"\\ud83d\\n"', '"\\ud83d\\u0041"', '"\\ud83d\\ue000"', '"\\uD83D\\uD83D\\uDE00"', '["ok","\\ud83d"]']) {
    assert.equal(codeOf(text, AGENT_LIMITS), 'surrogate', text);
    assert.equal(codeOf(text, BACKEND_LIMITS), undefined, text);
  }
  for (const text of ['"\ud83d"', '"\\ud83d\ude00"', '"\ud83d\\ude00"', '{"\\ud83d":1}', '{"\ud83d":1}', '\ud83d']) {
    assert.equal(codeOf(text, AGENT_LIMITS), 'surrogate', text);
    assert.equal(codeOf(text, BACKEND_LIMITS), 'surrogate', text);
  }
  assert.deepEqual(faultOf('["😀","\ud83d"]'), { code: 'surrogate', offset: 7 });
  for (const text of ['"😀"', '"\\ud83d\\ude00"', '"\\uD83D\\uDE00"', '{"😀":1}', '"\\ud7ff\\ue000"', '"\\u0000"']) {
    assert.equal(codeOf(text, AGENT_LIMITS), undefined, text);
  }
});

test('a fault names a code and an offset and nothing of the content', () => {
  assert.deepEqual(Object.keys(faultOf('{"secret":1,"secret":2}') ?? {}), ['code', 'offset']);
});

test('valid UTF-8 decodes to the same text', () => {
  fc.assert(fc.property(anyUnits, (text) => {
    fc.pre(!text.startsWith('\ufeff'));
    const decoded = decodeUtf8(new TextEncoder().encode(text));
    assert.deepEqual(decoded, { ok: true, value: text.toWellFormed() });
  }));
  assert.deepEqual(decodeUtf8(new Uint8Array()), { ok: true, value: '' });
  assert.deepEqual(decodeUtf8(Uint8Array.from([0x22, 0xef, 0xbb, 0xbf, 0x22])), { ok: true, value: '"\ufeff"' });
});

test('I10: a BOM, UTF-16, overlong forms, encoded surrogates and truncation are refused at their offset', () => {
  const bytes = (...list: number[]): Uint8Array => Uint8Array.from(list);
  assert.deepEqual(decodeUtf8(bytes(0xef, 0xbb, 0xbf, 0x7b, 0x7d)), { ok: false, error: { code: 'bom', offset: 0 } });
  const broken: readonly (readonly [Uint8Array, number])[] = [
    [bytes(0xff, 0xfe, 0x7b, 0x00), 0], [bytes(0xfe, 0xff, 0x00, 0x7b), 0], [bytes(0x22, 0xc0, 0xaf, 0x22), 1], [bytes(0x22, 0xe0, 0x80, 0xaf), 1],
    [bytes(0x22, 0xed, 0xa0, 0x80, 0x22), 1], [bytes(0xc3, 0xa9, 0xf4, 0x90, 0x80, 0x80), 2], [bytes(0xef, 0xbf, 0xbd, 0xf0, 0x9f, 0x98, 0x80, 0x80), 7], [bytes(0x7b, 0xf0, 0x9f, 0x98), 1],
  ];
  for (const [input, offset] of broken) assert.deepEqual(decodeUtf8(input), { ok: false, error: { code: 'utf8', offset } });
  assert.deepEqual(decodeUtf8(bytes(0x7b, 0x7d)), { ok: true, value: '{}' }, 'a fault leaves no state behind');
});
