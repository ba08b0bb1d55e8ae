import assert from 'node:assert/strict';
import type { lookup } from 'node:dns';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { guardedLookup, isAllowedAddress, literalProblem } from '../../src/backends/http/egress.ts';
import { headerValue, isSessionId, settingHeaders } from '../../src/backends/http/headers.ts';
import { mirrorHeaders, readMirrors } from '../../src/backends/http/mirror.ts';
import { httpSettings, json, rawOf, secret } from './support.ts';

function decoded(value: string): string {
  const inner = /^=\?base64\?(.*)\?=$/.exec(value)?.[1];
  return inner === undefined ? value : Buffer.from(inner, 'base64').toString('utf8');
}

describe('header values', () => {
  test('A23: every text comes back from its header, and no header can be split by one', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }).map((text) => text.toWellFormed()), (text) => {
      const value = headerValue(text);
      assert.match(value, /^[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?$/);
      assert.equal(decoded(value), text);
    }));
  });

  test('plain text stays readable; what looks encoded is encoded', () => {
    assert.equal(headerValue('get weather'), 'get weather');
    for (const text of ['', ' x', 'x ', 'é', 'a\r\nb', '=?base64?eA==?=']) assert.equal(headerValue(text), `=?base64?${Buffer.from(text).toString('base64')}?=`);
  });

  test('session ids are visible ASCII', () => {
    assert.ok(isSessionId('abc-123~'));
    for (const id of ['', 'a b', 'a\r\nx: y', 'é', 'x'.repeat(2_000)]) assert.equal(isSessionId(id), false);
  });

  test('settings cannot replace the headers of the protocol', () => {
    const headers = { Host: secret('evil'), 'MCP-Session-Id': secret('s'), 'Transfer-Encoding': secret('chunked'), Accept: secret('x'), 'X-Ok': secret('1') };
    assert.deepEqual(settingHeaders(httpSettings('http://x/mcp', { headers })), ['x-ok', '1']);
  });
});

describe('mirrored arguments (T71)', () => {
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
    ['below items', on({ type: 'array', items: { type: 'string', 'x-mcp-header': 'A' } })],
    ['below properties of items', on({ type: 'array', items: on({ type: 'string', 'x-mcp-header': 'A' }) })],
    ['below anyOf', { type: 'object', anyOf: [on({ type: 'string', 'x-mcp-header': 'A' })] }],
    ['below $defs', { type: 'object', $defs: { d: { type: 'string', 'x-mcp-header': 'A' } } }],
    ['below if', { type: 'object', if: on({ type: 'string', 'x-mcp-header': 'A' }) }],
    ['below additionalProperties', { type: 'object', additionalProperties: { type: 'string', 'x-mcp-header': 'A' } }],
  ];
  for (const [why, schema] of bad) {
    test(`refused: ${why}`, () => assert.equal(readMirrors(json(schema)).ok, false));
  }

  test('a property, a default or an example of that name is no annotation', () => {
    const schema = { type: 'object', properties: { 'x-mcp-header': { type: 'string' }, b: { type: 'object', default: { 'x-mcp-header': 1 }, examples: [{ 'x-mcp-header': 1 }] } } };
    assert.deepEqual(readMirrors(json(schema)), { ok: true, value: [] });
  });

  test('values are written as the wire says, ill-typed and unsafe ones not at all', () => {
    const schema = { type: 'object', properties: { s: { type: 'string', 'x-mcp-header': 'S' }, i: { type: 'integer', 'x-mcp-header': 'I' }, b: { type: 'boolean', 'x-mcp-header': 'B' } } };
    const mirrors = readMirrors(json(schema));
    assert.ok(mirrors.ok);
    assert.deepEqual(mirrorHeaders(mirrors.value, rawOf('{"b":false,"i":-7,"s":"é"}')), ['mcp-param-s', headerValue('é'), 'mcp-param-i', '-7', 'mcp-param-b', 'false']);
    assert.deepEqual(mirrorHeaders(mirrors.value, rawOf('{"b":"x","i":9007199254740993,"s":null}')), []);
    assert.deepEqual(mirrorHeaders(mirrors.value, rawOf('{"i":1.5}')), []);
    assert.deepEqual(mirrorHeaders(mirrors.value, undefined), []);
  });
});

describe('egress', () => {
  const PRIVATE = ['127.0.0.1', '10.1.2.3', '192.168.0.1', '172.16.0.1', '100.64.0.1', '::1', 'fc00::1', '::ffff:127.0.0.1', '::ffff:7f00:1', '64:ff9b::7f00:1'];
  const METADATA = ['169.254.169.254', 'fe80::1', '::ffff:169.254.169.254'];
  const NEVER = ['0.0.0.0', '255.255.255.255', '224.0.0.1', '::', 'ff02::1'];

  test('private addresses only where allowed, public ones always, some never', () => {
    for (const address of ['93.184.216.34', '2606:2800:220:1::1']) assert.ok(isAllowedAddress(address, false, false));
    for (const address of PRIVATE) {
      assert.equal(isAllowedAddress(address, false, false), false, address);
      assert.equal(isAllowedAddress(address, true, false), true, address);
    }
    for (const address of [...NEVER, 'nonsense']) assert.equal(isAllowedAddress(address, true, true), false, address);
  });

  test('D02: an IPv4 address inside an IPv6 one is judged by itself, and is never public', () => {
    for (const address of ['::7f00:1', '::127.0.0.1', '64:ff9b::7f00:1', '64:ff9b:1::7f00:1', '2002:7f00:1::', '::ffff:0:127.0.0.1', '64:ff9b::808:808', '2002:808:808::', '::808:808']) {
      assert.equal(isAllowedAddress(address, false, true), false, address);
      assert.equal(isAllowedAddress(address, true, false), true, address);
    }
    for (const address of ['64:ff9b::a9fe:a9fe', '2002:a9fe:a9fe::1', '::a9fe:a9fe', '::ffff:0:169.254.169.254', '64:ff9b::', '2002::1', '64:ff9b::e000:1']) {
      assert.equal(isAllowedAddress(address, true, false), false, address);
    }
    assert.equal(isAllowedAddress('::1', true, false), true);
    assert.equal(isAllowedAddress('::1', false, false), false);
    assert.equal(isAllowedAddress('::', true, true), false);
    assert.equal(isAllowedAddress('2606:4700::1', false, false), true);
  });

  test('where metadata lives is reached only by writing that very address', () => {
    for (const address of METADATA) {
      assert.equal(isAllowedAddress(address, true, false), false, address);
      assert.equal(isAllowedAddress(address, true, true), true, address);
      assert.notEqual(literalProblem({ host: address, allowPrivate: false }), undefined);
    }
    assert.equal(literalProblem({ host: 'name.example', allowPrivate: false }), undefined);
  });

  test('a name with one good and one bad address leads only to the good one; with none, nowhere', async () => {
    const resolves = (addresses: readonly string[]): typeof lookup => {
      const fake = (_host: string, _options: object, callback: (error: null, found: object[]) => void): void => callback(null, addresses.map((address) => ({ address, family: 4 })));
      return fake as typeof lookup;
    };
    const ask = async (addresses: readonly string[], all: boolean): Promise<unknown> => new Promise((resolve) => {
      guardedLookup({ host: 'rebind.example', allowPrivate: false }, resolves(addresses))('rebind.example', { all }, (error, found) => resolve(error === null ? found : error.message));
    });
    assert.deepEqual(await ask(['127.0.0.1', '93.184.216.34'], true), [{ address: '93.184.216.34', family: 4 }]);
    assert.equal(await ask(['127.0.0.1', '93.184.216.34'], false), '93.184.216.34');
    assert.match(String(await ask(['169.254.169.254'], true)), /not allowed/);
  });
});
