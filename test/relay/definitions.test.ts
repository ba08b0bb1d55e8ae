import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { objectOf, quote, toRaw } from '../../src/core/json/compose.ts';
import { memberOf } from '../../src/core/json/slice.ts';
import { definitionFor, type ListedIn, wrapsStructured } from '../../src/relay/definitions.ts';
import { readResult, relayedResult } from '../../src/relay/results.ts';
import type { Spoken } from '../../src/relay/versions.ts';
import { delicate, raw, SCRIPT } from './raw.ts';

const MODERN: Spoken = { era: 'modern', version: '2026-07-28' };
const NOV25: Spoken = { era: 'legacy', version: '2025-11-25' };
const JUN25: Spoken = { era: 'legacy', version: '2025-06-18' };
const MAR25: Spoken = { era: 'legacy', version: '2025-03-26' };
const EVERYBODY = [MODERN, NOV25, JUN25, MAR25];
const LISTS: readonly ListedIn[] = ['tools', 'prompts', 'resources', 'templates'];

const shown = (text: string, to: Spoken, list: ListedIn = 'tools'): string => definitionFor(list, raw(text), to, undefined);

describe('definitions for agents of each era', () => {
  test('T152: vendor fields, numbers and order of a definition arrive as they were; where nothing changes it is the same slice', () => {
    fc.assert(fc.property(delicate, fc.constantFrom(...EVERYBODY), fc.constantFrom(...LISTS), (value, to, list) => {
      const text = raw(`{ "name" : "x", "inputSchema":{"type":"object"}, "x-vendor" : ${value}, "_meta" : {"a":${value}} }`);
      assert.equal(definitionFor(list, text, to, (uri) => `gh+${uri}`), text);
    }));
  });

  test('no backend writes below our own prefix', () => {
    for (const list of LISTS) {
      assert.equal(shown('{"name":"x","_meta":{"sentinel\\/denial":{"code":"SEN-0301"},"a":1}}', MODERN, list), '{"name":"x","_meta":{"a":1}}');
      assert.equal(shown('{"name":"x","_meta":{"sentinel/denial":{}}}', NOV25, list), '{"name":"x"}');
    }
  });

  test('modern agents know no execution; it stays for those that do', () => {
    const text = '{"name":"x","execution":{"taskSupport":"optional"},"n":1.0}';
    assert.equal(shown(text, MODERN), '{"name":"x","n":1.0}');
    assert.equal(shown(text, NOV25), text);
  });

  test('output schemas of objects are for all that know output schemas', () => {
    const text = '{"name":"x","outputSchema":{ "type":"object" }}';
    for (const to of [MODERN, NOV25, JUN25]) assert.equal(shown(text, to), text);
    assert.equal(shown(text, MAR25), '{"name":"x"}');
  });

  test('T98: a schema of anything else is wrapped for agents that take objects only', () => {
    const text = '{"name":"x","outputSchema":{"type":"array","items":{"const":1.0}}}';
    const want = '{"name":"x","outputSchema":{"type":"object","properties":{"result":{"type":"array","items":{"const":1.0}}},"required":["result"]}}';
    for (const to of [NOV25, JUN25]) assert.equal(shown(text, to), want);
    assert.equal(shown(text, MODERN), text);
    assert.match(shown('{"outputSchema":true}', NOV25), /"properties":\{"result":\{\}\}/);
    assert.equal(shown('{"outputSchema":"any"}', NOV25), '{}');
  });

  test('to wrap twice is to wrap once', () => {
    const once = shown('{"outputSchema":{"$schema":"https://json-schema.org/draft/2020-12/schema","anyOf":[{"type":"null"},{"$ref":"#"}]}}', NOV25);
    assert.equal(shown(once, JUN25), once);
  });

  test('icons that hosts must not fetch are gone, in every list [SEC46]', () => {
    const good = '{"src":"data:image/png;base64,AA=="}';
    const bad = ['file:///etc/passwd', 'http://example.com/i.png', SCRIPT, 'data:text/html,x', '//example.com/i.png'].map((src) => JSON.stringify({ src }));
    for (const list of LISTS) {
      assert.equal(shown(`{"name":"x","icons":[${[...bad, good, '{}', '7'].join(',')}]}`, MODERN, list), `{"name":"x","icons":[${good}]}`);
      assert.equal(shown(`{"name":"x","icons":[ ${good} ]}`, NOV25, list), `{"name":"x","icons":[ ${good} ]}`);
      assert.equal(shown('{"name":"x","icons":"file:///x"}', NOV25, list), '{"name":"x","icons":[]}');
    }
  });

  test('T139: pages of apps are named as the endpoint names them, nested and flat', () => {
    const text = raw('{"name":"x","_meta":{"ui":{"resourceUri":"ui://a","n":1.0},"ui/resourceUri":"ui://a","b":2.0}}');
    const want = '{"name":"x","_meta":{"ui":{"resourceUri":"p:ui://a","n":1.0},"ui/resourceUri":"p:ui://a","b":2.0}}';
    assert.equal(definitionFor('tools', text, MODERN, (uri) => `p:${uri}`), want);
    assert.equal(definitionFor('resources', text, MODERN, (uri) => `p:${uri}`), text);
  });
});

describe('structured results and their schemas', () => {
  const SCHEMAS = [
    { type: 'array', items: { type: 'integer' } },
    { type: ['object', 'null'], properties: { a: { type: 'integer' } } },
    { anyOf: [{ type: 'null' }, { type: 'array', items: { $ref: '#' } }, { type: 'object', properties: { $ref: { $ref: '#/$defs/n' } }, additionalProperties: { $ref: '#' } }], $defs: { n: { type: 'null' } } },
    { $id: 'https://example.com/tree', anyOf: [{ type: 'array', items: { $ref: '#' } }, { $ref: '#/$defs/leaf' }], $defs: { leaf: { type: 'integer' } } },
    { oneOf: [{ const: { $ref: '#/nowhere' } }, { $ref: '#here' }], $defs: { x: { $anchor: 'here', type: 'boolean' } } },
    { type: 'object', properties: { a: { type: 'integer' } } },
    true,
    undefined,
  ];
  const VALUES = [[], [1], [[[]]], ['x'], null, { a: 1 }, { a: 'x' }, { $ref: null }, { $ref: 7 }, { $ref: '#/nowhere' }, 7, true, { b: { c: [null] } }];

  test('what a schema takes before a downgrade its wrapping takes after it, and nothing else', () => {
    for (const schema of SCHEMAS) {
      const definition = objectOf([['name', quote('x')], ...(schema === undefined ? [] : [['outputSchema', toRaw(schema)] as const])]);
      const before = schema === undefined ? undefined : new Ajv2020({ strict: false }).compile(schema);
      const shownSchema = memberOf(definitionFor('tools', definition, NOV25, undefined), 'outputSchema');
      assert.equal(shownSchema === undefined, schema === undefined);
      const after = shownSchema === undefined ? undefined : new Ajv2020({ strict: false }).compile(JSON.parse(shownSchema) as object);
      for (const value of VALUES) {
        const result = readResult(objectOf([['content', toRaw([])], ['structuredContent', toRaw(value)]])) ?? assert.fail();
        const told = relayedResult(result, { kind: 'tool', to: NOV25, identity: { name: '', title: '', version: '' }, expose: undefined, wraps: wrapsStructured(definition, NOV25) });
        const structured: unknown = JSON.parse(memberOf(told, 'structuredContent') ?? assert.fail());
        assert.equal(typeof structured === 'object' && structured !== null && !Array.isArray(structured), true);
        if (before === undefined || after === undefined) continue;
        // An object schema was not wrapped: a value it never took is told in the only form there is.
        if (before(value) || wrapsStructured(definition, NOV25)) assert.equal(after(structured), before(value), `${JSON.stringify(schema)} ${JSON.stringify(value)}`);
      }
    }
  });

  test('nobody else reads anything wrapped', () => {
    const definition = raw('{"outputSchema":{"type":"array"}}');
    assert.deepEqual(EVERYBODY.map((to) => wrapsStructured(definition, to)), [false, true, true, false]);
    assert.equal(wrapsStructured(raw('{"outputSchema":"any"}'), NOV25), false);
  });
});
