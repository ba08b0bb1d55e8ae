import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { toRaw } from '../../src/core/json/compose.ts';
import { BACKEND_LIMITS } from '../../src/core/json/raw.ts';
import { scan } from '../../src/core/json/scan.ts';
import { skipValue, walkElements, walkMembers } from '../../src/core/json/slice.ts';
import { type Mirror, readMirrors } from '../../src/core/mirrors.ts';

describe('mirrors of a schema (T71)', () => {
  const on = (property: object): object => ({ type: 'object', properties: { a: property } });
  const bad: readonly (readonly [why: string, schema: object])[] = [
    ['a number', on({ type: 'number', 'x-mcp-header': 'A' })],
    ['no type', on({ 'x-mcp-header': 'A' })],
    ['several types', on({ type: ['string', 'null'], 'x-mcp-header': 'A' })],
    ['an object', on({ type: 'object', 'x-mcp-header': 'A' })],
    ['a space in the name', on({ type: 'string', 'x-mcp-header': 'A B' })],
    ['CR LF in the name', on({ type: 'string', 'x-mcp-header': 'A\r\nB' })],
    ['an empty name', on({ type: 'string', 'x-mcp-header': '' })],
    ['no string as name', on({ type: 'string', 'x-mcp-header': 1 })],
    ['the root', { type: 'object', 'x-mcp-header': 'A' }],
    ['twice, but for case', { type: 'object', properties: { a: { type: 'string', 'x-mcp-header': 'A' }, b: { type: 'string', 'x-mcp-header': 'a' } } }],
    ['one good and one bad', { type: 'object', properties: { a: { type: 'string', 'x-mcp-header': 'A' }, b: { type: 'number', 'x-mcp-header': 'B' } } }],
    ['below items', on({ type: 'array', items: { type: 'string', 'x-mcp-header': 'A' } })],
    ['below a list of items', on({ type: 'array', prefixItems: [{}, { type: 'string', 'x-mcp-header': 'A' }] })],
    ['below properties of items', on({ type: 'array', items: on({ type: 'string', 'x-mcp-header': 'A' }) })],
    ['below anyOf', { type: 'object', anyOf: [on({ type: 'string', 'x-mcp-header': 'A' })] }],
    ['below $defs', { type: 'object', $defs: { d: { type: 'string', 'x-mcp-header': 'A' } } }],
    ['below if', { type: 'object', if: on({ type: 'string', 'x-mcp-header': 'A' }) }],
    ['below additionalProperties', { type: 'object', additionalProperties: { type: 'string', 'x-mcp-header': 'A' } }],
  ];
  for (const [why, schema] of bad) {
    test(`refused: ${why}`, () => assert.equal(readMirrors(toRaw(schema)).ok, false));
  }

  test('a property, a default or an example of that name is no annotation', () => {
    const schema = { type: 'object', properties: { 'x-mcp-header': { type: 'string' }, b: { type: 'object', default: { 'x-mcp-header': 1 }, examples: [{ 'x-mcp-header': 1 }] } } };
    assert.deepEqual(readMirrors(toRaw(schema)), { ok: true, value: [] });
  });

  test('an annotation counts however its letters are written and wherever it stands beside the type', () => {
    for (const text of ['{"properties":{"a":{"\\u0078-mcp-header":"A","type":"string"}}}', ' {\n"properties" : { "a" : { "type" : "string" , "x-mcp-header" : "A" } , "b" : true } }']) {
      const scanned = scan(text, BACKEND_LIMITS);
      assert.ok(scanned.ok);
      assert.deepEqual(readMirrors(scanned.value), { ok: true, value: [{ path: ['a'], header: 'mcp-param-a', type: 'string' }] });
    }
  });

  test('every annotated property of any tree is found under its path, and nothing else', () => {
    const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
      tree: fc.dictionary(fc.string({ maxLength: 4 }), fc.oneof({ maxDepth: 4 }, fc.constantFrom('string', 'integer', 'boolean', 'plain'), tie('tree')), { maxKeys: 4, noNullPrototype: true }),
    }));
    fc.assert(fc.property(tree, (made) => {
      const expected: Mirror[] = [];
      const read = readMirrors(toRaw(schemaOf(made, [], expected)));
      assert.deepEqual(read, { ok: true, value: expected });
    }));
  });
});

type Tree = { [key: string]: string | Tree };

function schemaOf(tree: Tree, path: readonly string[], expected: Mirror[]): object {
  const properties = Object.entries(tree).map(([key, node]): readonly [string, object] => {
    const at = [...path, key];
    if (typeof node !== 'string') return [key, schemaOf(node, at, expected)];
    if (node === 'plain') return [key, { type: 'number', enum: [1, [2], { x: '}' }] }];
    const name = `P${expected.length}`;
    expected.push({ path: at, header: name.toLowerCase().replace('p', 'mcp-param-p'), type: node as Mirror['type'] });
    return [key, { 'x-mcp-header': name, description: 'a "quoted" \\ word', type: node }];
  });
  return { type: 'object', properties: Object.fromEntries(properties), required: [] };
}

test('a walk by positions ends behind the value, whatever it is', () => {
  fc.assert(fc.property(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom('', ' ', '\n\t'), (value, space) => {
    const text = `${space}${JSON.stringify(value, null, space.length)}`;
    const start = space.length;
    const end = walkMembers(text, start, (_, at) => walkElements(text, at, (child) => skipValue(text, child)));
    assert.equal(end, text.length);
    assert.equal(walkElements(text, start, (at) => walkMembers(text, at, (_, child) => skipValue(text, child))), text.length);
  }));
});
