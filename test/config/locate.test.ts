import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parse, stringify } from 'smol-toml';
import { placesOf, type Path } from '../../src/config/locate.ts';

function at(text: string, path: Path, what: 'key' | 'value' = 'key'): string {
  const place = placesOf(text).find(path, what);
  return place === undefined ? '-' : `${place.line}:${place.column}`;
}

test('tables, dotted keys, quoted keys and inline tables have places', () => {
  const text = 'a.b."c.d" = 1\n[t]\n  k = "v" # k = 2\nx = { A = "1", "B" = \'2\', c.d = 3 }\n[q."my \\u0041".z]\ny = 1\n';
  assert.equal(at(text, ['a', 'b', 'c.d']), '1:5');
  assert.equal(at(text, ['a', 'b', 'c.d'], 'value'), '1:13');
  assert.equal(at(text, ['t', 'k'], 'value'), '3:7');
  assert.equal(at(text, ['t', 'x', 'B'], 'value'), '4:22');
  assert.equal(at(text, ['t', 'x', 'c', 'd']), '4:29');
  assert.equal(at(text, ['q', 'my A', 'z', 'y']), '6:1');
});

test('the n-th table of a list has the place of its own header, and so have its sub-tables', () => {
  const text = '[[b]]\nname = "x"\n[b.env]\nA = 1\n[[b]] # second\nname = "y"\n[[b.c]]\nz = 1\n[[b.c]]\nz = 2\n';
  assert.equal(at(text, ['b', 0, 'name'], 'value'), '2:8');
  assert.equal(at(text, ['b', 0, 'env', 'A']), '4:1');
  assert.equal(at(text, ['b', 1]), '5:3');
  assert.equal(at(text, ['b', 1, 'c', 1, 'z'], 'value'), '10:5');
});

test('items of lists over several lines have places', () => {
  const text = 'k = [ # one\n  "a]", # [two\n  [1, { x = 2 }],\n]\nafter = 1\n';
  assert.equal(at(text, ['k', 0], 'value'), '2:3');
  assert.equal(at(text, ['k', 1, 1, 'x']), '3:9');
  assert.equal(at(text, ['after']), '5:1');
});

test('long strings, escapes and line ends do not mislead', () => {
  const text = 'a = """x\n[t]\nb = 1"""""\r\nc = "\\"[x]"\r\nd = \'\'\'\n"""\n\'\'\'\n[e]\nf = 1\n';
  assert.equal(at(text, ['c']), '4:1');
  assert.equal(at(text, ['e', 'f']), '9:1');
});

test('a missing key has the place of the table it should be in; nothing has no place', () => {
  assert.equal(at('[[b]]\n[[b]]\nx = 1\n', ['b', 1, 'name']), '2:3');
  assert.equal(at('x = 1', ['gateway']), '-');
});

const name = fc.constantFrom('a', 'b', 'c d', 'é', 'x.y', '"', 'k-1');
const { tree } = fc.letrec<{ tree: Record<string, unknown>; leaf: unknown }>((tie) => ({
  leaf: fc.oneof({ depthSize: 'small' }, fc.string(), fc.integer(), fc.boolean(), fc.array(fc.string(), { maxLength: 3 }), fc.array(tie('tree'), { minLength: 1, maxLength: 3 }), tie('tree')),
  tree: fc.dictionary(name, tie('leaf'), { maxKeys: 4, noNullPrototype: true }),
}));

function keysIn(value: unknown, path: Path = []): readonly Path[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => keysIn(item, [...path, index]));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [[...path, key], ...keysIn(inner, [...path, key])]);
}

test('every key of any document is found at a place where the document has that key', () => {
  fc.assert(fc.property(tree, (document) => {
    const text = stringify(document);
    const lines = text.split('\n');
    const places = placesOf(text);
    for (const path of keysIn(parse(text))) {
      const place = places.find(path, 'key');
      assert.ok(place, path.join('/'));
      const rest = (lines[place.line - 1] ?? '').slice(place.column - 1);
      const last = String(path.at(-1));
      assert.ok(rest.startsWith(last) || rest.startsWith(JSON.stringify(last)), `${path.join('/')} at ${rest}`);
    }
  }), { numRuns: 300 });
});

test('text that is no TOML is read to its end without a fault', () => {
  const signs = fc.constantFrom('[', ']', '{', '}', '"', "'", '=', '.', '\n', '#', 'a', ' ', ',', '\\', '"""');
  fc.assert(fc.property(fc.array(signs, { maxLength: 60 }), (parts) => {
    placesOf(parts.join('')).find(['a'], 'key');
  }), { numRuns: 1000 });
});
