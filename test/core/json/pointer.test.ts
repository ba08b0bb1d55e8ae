import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compilePointer, DEEPEST_POINTER, eachNamed, keysOf, LONGEST_POINTER, type Pointer, pointerText, pointerTree } from '../../../src/core/json/pointer.ts';
import { plainSegment } from '../../../src/core/json/segment.ts';
import { shapeOf } from '../../../src/core/json/shape.ts';
import { jsonText, raw } from './texts.ts';

function compiled(text: string): Pointer {
  const made = compilePointer(text);
  assert.ok(made.ok, `${text}: ${made.ok ? '' : made.error.code}`);
  return made.value;
}

/** Where → what, as text. */
function found(text: string, pointers: readonly string[], most = Infinity): ReadonlyMap<string, string> {
  const named = new Map<string, string>();
  eachNamed(raw(text), pointerTree(pointers.map(compiled)), (path, value) => {
    named.set(pointerText(path.map(({ name }) => name)), value);
    return named.size < most;
  });
  return named;
}

/** The oracle: knows values, not texts. */
function walked(value: unknown, pointer: readonly string[], at: readonly (string | number)[] = []): readonly (readonly [string, unknown])[] {
  const [segment, ...rest] = pointer;
  if (segment === undefined) return [[pointerText(at), value]];
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.flatMap((item: unknown, index) => (segment === '*' || segment === String(index) ? walked(item, rest, [...at, index]) : []));
  const key = segment.replaceAll('~1', '/').replaceAll('~2', '*').replaceAll('~0', '~');
  return Object.entries(value).flatMap(([name, item]: [string, unknown]) => (segment === '*' || key === name ? walked(item, rest, [...at, name]) : []));
}

test('the examples of RFC 6901 §5 name what they name there', () => {
  const text = '{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\\\j":5,"k\\"l":6," ":7,"m~n":8}';
  const examples: readonly (readonly [string, string])[] = [
    ['/foo', '["bar","baz"]'], ['/foo/0', '"bar"'], ['/', '0'], ['/a~1b', '1'], ['/c%d', '2'], ['/e^f', '3'], ['/g|h', '4'], ['/i\\j', '5'], ['/k"l', '6'], ['/ ', '7'], ['/m~0n', '8'],
  ];
  for (const [pointer, expected] of examples) assert.deepEqual([...found(text, [pointer]).values()], [expected], pointer);
});

test('what is not there is nothing: a member, an element, what lies in a text or behind the end', () => {
  for (const pointer of ['/b', '/a/2', '/a/-', '/a/01', '/a/00', '/a/-1', '/a/1.0', '/t/0', '/t/length', '/a/length', '/n/x', '/o/x/y']) {
    assert.deepEqual([...found('{"a":[1,2],"t":"text","n":null,"o":{"x":1}}', [pointer])], [], pointer);
  }
});

test('a star is any one segment, and a key of its own that is a star is ~2', () => {
  const text = '{"items":[{"id":1,"x":{"id":9}},{"id":2},[{"id":3}]],"*":{"id":4},"o":{"*":5,"b":6}}';
  assert.deepEqual([...found(text, ['/items/*/id'])], [['/items/0/id', '1'], ['/items/1/id', '2']]);
  assert.deepEqual([...found(text, ['/~2/id'])], [['/~2/id', '4']]);
  assert.deepEqual([...found(text, ['/o/*'])], [['/o/~2', '5'], ['/o/b', '6']]);
});

test('what several name is found once, in the order of the text, and so is what lies inside of it', () => {
  assert.deepEqual([...found('{"a":{"b":[1,2]},"c":3}', ['/c', '/a/b/1', '/a/*/1', '/a', '/a/b'])],
    [['/a', '{"b":[1,2]}'], ['/a/b', '[1,2]'], ['/a/b/1', '2'], ['/c', '3']]);
});

test('a key is found however it is escaped in the text', () => {
  assert.deepEqual([...found('{"\\u0061\\/b":{"\\u007e":1}}', ['/a~1b/~0'])], [['/a~1b/~0', '1']]);
});

test('a walk ends where its visitor says', () => {
  assert.deepEqual([...found('[[1,2],[3],{"a":4}]', ['/*/*'], 2).keys()], ['/0/0', '/0/1']);
});

test('a value comes as it was written: no number is read, no key is moved', () => {
  assert.deepEqual([...found('{"id": 12345678901234567890 , "o":{ "b":1e400,"a":-0 }}', ['/id', '/o']).values()], ['12345678901234567890', '{ "b":1e400,"a":-0 }']);
});

test('a text that is no pointer is refused, with its reason', () => {
  const wrong: readonly (readonly [string, string])[] = [
    ['', 'whole'], ['title', 'start'], ['#/title', 'start'], ['~1', 'start'], ['/a~', 'escape'], ['/a~3', 'escape'], ['/~/b', 'escape'], ['/a*', 'star'], ['/*a', 'star'], ['/**', 'star'], ['/x/a*b', 'star'],
    ['/a\u0000', 'character'], ['/a\u009b', 'character'], ['/\ud800', 'character'], [`/${'x'.repeat(LONGEST_POINTER)}`, 'long'], ['/a'.repeat(DEEPEST_POINTER + 1), 'deep'],
  ];
  for (const [text, code] of wrong) {
    const made = compilePointer(text);
    assert.equal(made.ok ? 'taken' : made.error.code, code, JSON.stringify(text));
  }
  assert.ok(compilePointer('/a'.repeat(DEEPEST_POINTER)).ok);
});

test('the keys that a pointer names are known before anything is read', () => {
  assert.deepEqual(keysOf(compiled('/a/*/~2~1/0')), ['a', '*/', '0']);
});

const segment = fc.oneof(fc.constantFrom('*', '0', '1', 'a', 'b', '', 'toString', '__proto__', '~0', '~1', '~2'), fc.string({ maxLength: 3 }).map((key) => pointerText([key]).slice(1)).filter((text) => !/[\u0000-\u001f\u007f-\u009f]/.test(text) && text.isWellFormed()));

test('property: what is found is what a walk over the parsed document finds', () => {
  const pointers = fc.array(fc.array(segment, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 4 });
  fc.assert(fc.property(jsonText, pointers, (text, names) => {
    const expected = new Map(names.flatMap((pointer) => walked(JSON.parse(text), pointer)));
    const actual = new Map([...found(text, names.map((pointer) => `/${pointer.join('/')}`))].map(([pointer, value]): [string, unknown] => [pointer, JSON.parse(value)]));
    assert.deepEqual([...actual.keys()].toSorted(), [...expected.keys()].toSorted());
    for (const [pointer, value] of expected) assert.deepEqual(actual.get(pointer), value);
  }), { numRuns: 2000 });
});

test('property: every place of a document is found by its own path, and alone', () => {
  fc.assert(fc.property(jsonText, (text) => {
    const places = (value: unknown, at: readonly (string | number)[]): readonly (readonly (string | number)[])[] =>
      typeof value !== 'object' || value === null ? [at] : [at, ...Object.entries(value).flatMap(([key, item]: [string, unknown]) => places(item, [...at, Array.isArray(value) ? Number(key) : key]))];
    for (const at of places(JSON.parse(text), []).filter((path) => path.length > 0 && path.length <= DEEPEST_POINTER)) {
      const pointer = pointerText(at);
      if (!compilePointer(pointer).ok) continue;
      assert.deepEqual([...found(text, [pointer]).keys()], [pointer]);
    }
  }), { numRuns: 300 });
});

test('property: a path of a shape finds what the shape was made of', () => {
  fc.assert(fc.property(jsonText, (text) => {
    for (const { path, count } of shapeOf(raw(text), 64, plainSegment).paths) {
      if (path === '' || path.includes('…') || !compilePointer(path).ok) continue;
      const here = [...found(text, [path])];
      assert.ok(here.length >= count, `${path}: ${here.length} of ${count}`);
    }
  }), { numRuns: 500 });
});
