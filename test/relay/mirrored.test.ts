import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { ParamHeaders } from '../../src/core/inbound.ts';
import { toRaw } from '../../src/core/json/compose.ts';
import { AGENT_LIMITS } from '../../src/core/json/raw.ts';
import { type RawJson, scan } from '../../src/core/json/scan.ts';
import { type Mirror, readMirrors } from '../../src/core/mirrors.ts';
import { decodeMirrored, headerValue, mirrorFault, mirrorHeaders } from '../../src/relay/mirrored.ts';

function rawOf(text: string): RawJson {
  const scanned = scan(text, AGENT_LIMITS);
  assert.ok(scanned.ok, text);
  return scanned.value;
}

function mirrorsOf(properties: object): readonly Mirror[] {
  const read = readMirrors(toRaw({ type: 'object', properties }));
  assert.ok(read.ok);
  return read.value;
}

const ALL = mirrorsOf({
  s: { type: 'string', 'x-mcp-header': 'S' }, i: { type: 'integer', 'x-mcp-header': 'I' }, b: { type: 'boolean', 'x-mcp-header': 'B' },
  deep: { type: 'object', properties: { er: { type: 'string', 'x-mcp-header': 'Deeper' } } },
});
const encoded = (text: string): string => `=?base64?${Buffer.from(text).toString('base64')}?=`;
const texts = fc.string({ unit: 'binary' }).map((text) => text.toWellFormed());

describe('header values', () => {
  test('A23: every text comes back from its header, and no header can be split by one', () => {
    fc.assert(fc.property(texts, (text) => {
      const value = headerValue(text);
      assert.match(value, /^[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?$/);
      assert.equal(decodeMirrored(value), text);
    }));
  });

  test('plain text stays readable; what looks encoded is encoded', () => {
    assert.equal(headerValue('get weather'), 'get weather');
    for (const text of ['', ' x', 'x ', 'é', 'a\r\nb', '=?base64?eA==?=', '=?base64?=']) assert.equal(headerValue(text), encoded(text));
  });

  test('T13 T14 T15: what is no Base64, no UTF-8 or no ASCII is not readable; markers in another case are plain text', () => {
    for (const value of ['=?base64?e?=', '=?base64?eA?=', '=?base64?e-A=?=', '=?base64? eA==?=', '=?base64?/w==?=', 'h\u00e9', 'a\u0001b']) assert.equal(decodeMirrored(value), undefined, value);
    assert.equal(decodeMirrored('=?BASE64?eA==?='), '=?BASE64?eA==?=');
    assert.equal(decodeMirrored('=?base64?eA=='), '=?base64?eA==');
  });
});

describe('headers of a call to a backend (T70)', () => {
  test('values are written as the wire says, ill-typed and unsafe ones not at all', () => {
    const sent = (text: string): readonly string[] => mirrorHeaders(ALL, rawOf(text));
    assert.deepEqual(sent('{"b":false,"i":-7,"s":"é","deep":{"er":"x"}}'), ['mcp-param-s', encoded('é'), 'mcp-param-i', '-7', 'mcp-param-b', 'false', 'mcp-param-deeper', 'x']);
    assert.deepEqual(sent('{"b":"x","i":9007199254740993,"s":null,"deep":"er"}'), []);
    for (const text of ['{"i":1.5}', '{"i":"1"}', '{"i":true}', '{"i":1e400}', '{"b":1}', '{"s":1}']) assert.deepEqual(sent(text), [], text);
    assert.deepEqual(sent('{"i":42.0}'), ['mcp-param-i', '42']);
    assert.deepEqual(sent('{"i":1e3}'), ['mcp-param-i', '1000']);
    assert.deepEqual(mirrorHeaders(ALL, undefined), []);
  });
});

describe('headers of a call from an agent (SH9)', () => {
  const problem = (args: string | undefined, headers: Readonly<Record<string, string>>): string | undefined => {
    const fault = mirrorFault(ALL, args === undefined ? undefined : rawOf(args), new Map(Object.entries(headers)));
    return fault === undefined ? undefined : `${fault.header} ${fault.problem}`;
  };

  test('what the gateway itself would send to a backend, it takes from an agent', () => {
    const values = fc.record({ s: fc.option(texts), i: fc.option(fc.maxSafeInteger()), b: fc.option(fc.boolean()), deep: fc.record({ er: texts }, { requiredKeys: [] }) }, { requiredKeys: [] });
    fc.assert(fc.property(values, (value) => {
      const args = toRaw(value);
      assert.equal(mirrorFault(ALL, args, headersOf(mirrorHeaders(ALL, args))), undefined);
    }));
  });

  test('another text than the argument is another text, however both are written', () => {
    fc.assert(fc.property(texts, texts, (said, text) => {
      fc.pre(said !== text);
      assert.equal(mirrorFault(ALL, toRaw({ s: text }), new Map([['mcp-param-s', headerValue(said)]]))?.problem, 'different');
      assert.equal(mirrorFault(ALL, toRaw({ s: text }), new Map([['mcp-param-s', encoded(said)]]))?.problem, 'different');
      assert.equal(mirrorFault(ALL, toRaw({ s: text }), new Map([['mcp-param-s', encoded(text)]])), undefined);
    }));
  });

  test('a value without its header, and a header without a value, are refused; null is no value', () => {
    assert.equal(problem('{"s":"x"}', {}), 'mcp-param-s missing');
    assert.equal(problem('{"b":false}', {}), 'mcp-param-b missing');
    assert.equal(problem('{"i":0}', {}), 'mcp-param-i missing');
    assert.equal(problem('{"s":""}', {}), 'mcp-param-s missing');
    for (const args of [undefined, '{}', '{"s":null}']) {
      assert.equal(problem(args, {}), undefined);
      assert.equal(problem(args, { 'mcp-param-s': 'x' }), 'mcp-param-s unexpected');
      assert.equal(problem(args, { 'mcp-param-s': '' }), 'mcp-param-s unexpected');
    }
    for (const args of ['{"deep":null}', '{"deep":"er"}', '{"deep":["er"]}']) assert.equal(problem(args, { 'mcp-param-deeper': 'x' }), 'mcp-param-deeper unexpected');
  });

  test('an empty header says the empty text and nothing else', () => {
    assert.equal(problem('{"s":""}', { 'mcp-param-s': '' }), undefined);
    assert.equal(problem('{"s":"x"}', { 'mcp-param-s': '' }), 'mcp-param-s different');
  });

  test('integers are compared as numbers while a double holds them, then as text; no other number is close enough', () => {
    const same = [['42', '42'], ['42', '42.0'], ['42.0', '42'], ['-7', '-7'], ['1e3', '1000'], ['0', '0'], ['9007199254740993', '9007199254740993'], ['1.5', '1.5']] as const;
    for (const [body, header] of same) assert.equal(problem(`{"i":${body}}`, { 'mcp-param-i': header }), undefined, `${body} ${header}`);
    const other = [['42', '43'], ['42', '042'], ['42', '+42'], ['42', '4.2e1'], ['42', '0x2a'], ['42', ''], ['42', '42 '], ['0', ''], ['9007199254740993', '9007199254740992'], ['9007199254740992', '9007199254740993'], ['1.5', '1.50'], ['1e400', '1e999']] as const;
    for (const [body, header] of other) assert.equal(problem(`{"i":${body}}`, { 'mcp-param-i': header }), 'mcp-param-i different', `${body} ${header}`);
  });

  test('booleans are compared as they are written', () => {
    assert.equal(problem('{"b":true}', { 'mcp-param-b': 'true' }), undefined);
    for (const said of ['True', '1', 'false', '']) assert.equal(problem('{"b":true}', { 'mcp-param-b': said }), 'mcp-param-b different', said);
  });

  test('A20: a value that cannot be read is refused, even where its bytes are those of the argument', () => {
    for (const said of ['=?base64?e?=', 'h\u00e9']) assert.equal(problem(JSON.stringify({ s: said }), { 'mcp-param-s': said }), 'mcp-param-s unreadable');
  });

  test('an object where a text should be needs no header, and has none that is right', () => {
    assert.equal(problem('{"s":{"a":1}}', {}), undefined);
    assert.equal(problem('{"s":[]}', { 'mcp-param-s': '[]' }), 'mcp-param-s different');
  });

  test('headers that no tool asks for are ignored', () => {
    assert.equal(problem('{"other":1}', { 'mcp-param-other': '=?base64?!?=', 'mcp-param-tenant': 'a' }), undefined);
  });
});

function headersOf(flat: readonly string[]): ParamHeaders {
  return new Map(flat.flatMap((name, at): [string, string][] => (at % 2 === 0 ? [[name, flat[at + 1] ?? '']] : [])));
}
