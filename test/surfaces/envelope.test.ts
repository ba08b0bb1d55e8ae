import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { agentLimits, type Envelope, idKey, readEnvelope } from '../../src/surfaces/mcp/envelope.ts';
import { quote, toRaw } from '../../src/core/json/compose.ts';
import { testSettings } from './settings.ts';

const LIMITS = agentLimits(testSettings().bounds);
const read = (text: string): Envelope => readEnvelope(text, LIMITS);

function refused(text: string): { readonly code: number; readonly id: string | undefined } {
  const envelope = read(text);
  assert.ok(envelope.kind === 'invalid', text);
  return { code: envelope.code, id: envelope.id };
}

test('a request, a notification, a response and a batch are told apart', () => {
  assert.equal(read('{"jsonrpc":"2.0","id":1,"method":"m"}').kind, 'request');
  assert.equal(read('{"jsonrpc":"2.0","method":"m","params":{}}').kind, 'notification');
  assert.equal(read('{"jsonrpc":"2.0","id":1,"result":null}').kind, 'response');
  assert.equal(read('{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x"}}').kind, 'response');
  assert.equal(read('{"jsonrpc":"2.0","error":{"code":1,"message":"x"}}').kind, 'response');
  assert.equal(read('[{"jsonrpc":"2.0","method":"m"}]').kind, 'batch');
});

test('what is none of them is -32600, with the id where it can be read [S1]', () => {
  for (const text of ['1', '"x"', 'null', '{}', '{"jsonrpc":"2.0"}', '{"jsonrpc":"2.0","result":1}', '{"jsonrpc":"2.0","id":null,"method":"m"}']) {
    assert.deepEqual(refused(text), { code: -32600, id: undefined }, text);
  }
  const bodies = [
    '"method":"m"', '"jsonrpc":"1.0","method":"m"', '"jsonrpc":2.0,"method":"m"', '"jsonrpc":"2.0","method":""', '"jsonrpc":"2.0","method":7', '"jsonrpc":"2.0","method":"m","params":[1]',
    '"jsonrpc":"2.0","method":"m","params":null', '"jsonrpc":"2.0","method":"m","result":1', '"jsonrpc":"2.0","result":1,"error":{}', '"jsonrpc":"2.0"', `"jsonrpc":"2.0","method":"${'m'.repeat(257)}"`,
  ];
  for (const body of bodies) assert.deepEqual(refused(`{"id":"a",${body}}`), { code: -32600, id: '"a"' }, body);
});

test('Jsonrpc, Method and ID in other letters are other members', () => {
  assert.equal(refused('{"JSONRPC":"2.0","Method":"m","ID":1}').code, -32600);
});

test('ids are the same key when they are the same value, and a number is never a text', () => {
  assert.equal(idKey(quote('A')), idKey(JSON.parse('["\\u0041"]')[0] === 'A' ? quote('A') : quote('B')));
  fc.assert(fc.property(fc.integer(), (id) => idKey(toRaw(id)) !== idKey(quote(String(id)))));
  fc.assert(fc.property(fc.string({ maxLength: 256 }), fc.string({ maxLength: 256 }), (one, other) => (idKey(quote(one)) === idKey(quote(other))) === (one === other)));
});

test('never throws, and every request that it lets through has a legal id and a method', () => {
  const json = fc.json({ maxDepth: 4 });
  const near = fc.record({ jsonrpc: fc.constantFrom('2.0', '1.0', 2), id: fc.jsonValue(), method: fc.jsonValue(), params: fc.jsonValue(), result: fc.jsonValue() }, { requiredKeys: [] }).map((value) => JSON.stringify(value));
  fc.assert(fc.property(fc.oneof(json, near, fc.string()), (text) => {
    const envelope = read(text);
    if (envelope.kind !== 'request') return;
    const id: unknown = JSON.parse(envelope.id);
    assert.ok(typeof id === 'string' ? id.length <= 256 : Number.isSafeInteger(id));
    assert.ok(envelope.method.length > 0);
  }), { numRuns: 500 });
});
