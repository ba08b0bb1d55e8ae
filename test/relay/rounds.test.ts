import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Question } from '../../src/core/capabilities.ts';
import { quote } from '../../src/core/json/compose.ts';
import { members } from '../../src/core/json/slice.ts';
import { inputRequiredResult, inputResponses, readContinuation, readInputRequired, REQUESTS_MOST, responseOf, withState } from '../../src/relay/rounds.ts';
import { delicate, raw } from './raw.ts';

const IDENTITY = { name: 'sentinel', title: 'Sentinel', version: '1.0.0' };
const OURS = '"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"sentinel","title":"Sentinel","version":"1.0.0"}}';
const ELICIT: Question = { method: 'elicitation/create', params: raw('{"message":"[gh] Merge?","n":1.0}') };
const ROOTS: Question = { method: 'roots/list', params: undefined };
const many = (count: number, value: string): string => `{${Array.from({ length: count }, (_, at) => `"k${at}":${value}`).join(',')}}`;

describe('asking a modern agent', () => {
  test('the result holds bare questions under their keys and one state', () => {
    const made = inputRequiredResult(new Map([['r1', ELICIT], ['r2', ROOTS]]), 'gw1.X', IDENTITY);
    assert.equal(made, `{"resultType":"input_required","inputRequests":{"r1":{"method":"elicitation/create","params":{"message":"[gh] Merge?","n":1.0}},"r2":{"method":"roots/list"}},"requestState":"gw1.X",${OURS}}`);
  });

  test('what was asked is read as what is asked, whatever its bytes', () => {
    fc.assert(fc.property(fc.dictionary(fc.string({ maxLength: 8 }).filter((key) => key !== '__proto__'), delicate, { minKeys: 1, maxKeys: REQUESTS_MOST }), fc.string(), (asked, state) => {
      const requests = new Map(Object.entries(asked).map(([key, text]) => [key, { method: 'elicitation/create', params: raw(`{"x":${text}}`) } as const]));
      assert.deepEqual(readInputRequired(inputRequiredResult(requests, state, IDENTITY)), { requests, state: quote(state) });
    }));
  });
});

describe('what a modern backend asks', () => {
  test('T95: its state is the lexeme it wrote, escapes and all', () => {
    const read = readInputRequired(raw('{"resultType":"input_required","requestState":"\\u00e9é\\/","inputRequests":{"a":{"method":"roots/list"}}}'));
    assert.deepEqual(read, { requests: new Map([['a', ROOTS]]), state: '"\\u00e9é\\/"' });
  });

  test('T96: a state alone asks for nothing but another call', () => {
    assert.deepEqual(readInputRequired(raw('{"resultType":"input_required","requestState":"s"}')), { requests: new Map(), state: '"s"' });
  });

  test('nothing, too much and other methods are not acted on [S13]', () => {
    const request = '{"method":"roots/list"}';
    const results = ['{}', '{"inputRequests":{}}', '{"requestState":7}', '{"inputRequests":[]}', '{"inputRequests":{"a":{"method":"tools/call","params":{}}}}', '{"inputRequests":{"a":{"method":"constructor"}}}',
      '{"inputRequests":{"a":{"method":"roots/list","params":[]}}}', '{"inputRequests":{"a":7}}', `{"inputRequests":${many(REQUESTS_MOST + 1, request)}}`, `{"inputRequests":{"${'k'.repeat(300)}":${request}}}`,
      `{"requestState":"${'s'.repeat(70_000)}"}`];
    for (const text of results) assert.equal(readInputRequired(raw(text.replace('{', '{"resultType":"input_required",').replace(',}', '}'))), undefined, text.slice(0, 80));
    assert.equal(readInputRequired(raw(`{"resultType":"complete","inputRequests":${many(1, request)}}`)), undefined);
    assert.equal(readInputRequired(raw('[]')), undefined);
    assert.equal(readInputRequired(raw(`{"resultType":"input_required","inputRequests":${many(REQUESTS_MOST, request)}}`))?.requests.size, REQUESTS_MOST);
  });

  test('it is passed on with our seal and our words, and everything else byte for byte [C7]', () => {
    fc.assert(fc.property(delicate, (value) => {
      const text = `{"x" : ${value},"requestState":"inner","resultType":"input_required","inputRequests":{"a":{"method":"elicitation/create","params":{"message":"Merge?"}}},"_meta":{"a/b":${value},"sentinel/x":1},"ttlMs":5}`;
      const told = members(withState(raw(text), new Map([['a', ELICIT]]), 'gw1.X', IDENTITY));
      assert.deepEqual([...told?.keys() ?? []], ['x', 'requestState', 'resultType', 'inputRequests', '_meta']);
      assert.equal(told?.get('x'), value);
      assert.equal(told?.get('requestState'), '"gw1.X"');
      assert.equal(told?.get('inputRequests'), '{"a":{"method":"elicitation/create","params":{"message":"[gh] Merge?","n":1.0}}}');
      assert.equal(members(told?.get('_meta'))?.get('a/b'), value);
      assert.equal(members(told?.get('_meta'))?.has('sentinel/x'), false);
    }));
  });

  test('a backend without a state gets ours around none', () => {
    assert.equal(withState(raw('{"resultType":"input_required","inputRequests":{}}'), new Map(), 'gw1.X', IDENTITY), `{"resultType":"input_required","requestState":"gw1.X",${OURS}}`);
    assert.throws(() => withState(raw('[]'), new Map(), 'gw1.X', IDENTITY));
  });
});

describe('the retry of an agent', () => {
  test('brings answers by key and the state as text', () => {
    assert.deepEqual(readContinuation(raw('{"name":"x","inputResponses":{"a":{"action":"accept","content":{"n":1.0}}},"requestState":"gw1.\\u0058"}')), { responses: new Map([['a', '{"action":"accept","content":{"n":1.0}}']]), state: 'gw1.X' });
    assert.deepEqual(readContinuation(raw('{"requestState":"s"}')), { responses: undefined, state: 's' });
    for (const params of [undefined, raw('{}'), raw('[]')]) assert.deepEqual(readContinuation(params), { responses: undefined, state: undefined });
  });

  test('what is none is said to be invalid, not taken for a first call', () => {
    for (const text of ['{"requestState":7}', '{"requestState":null}', `{"requestState":"${'s'.repeat(300_000)}"}`, '{"inputResponses":[]}', '{"inputResponses":null}', '{"inputResponses":{"a":"yes"}}', `{"inputResponses":${many(REQUESTS_MOST + 1, '{}')}}`]) {
      assert.equal(readContinuation(raw(text)), 'invalid', text.slice(0, 60));
    }
  });

  test('T151: its answers go to the backend as they are', () => {
    fc.assert(fc.property(delicate, (value) => {
      const given = readContinuation(raw(`{"inputResponses":{"a":{"content":${value}},"b":{}}}`));
      assert.ok(given !== 'invalid' && given.responses !== undefined);
      assert.equal(inputResponses(given.responses), `{"a":{"content":${value}},"b":{}}`);
    }));
  });

  test('an error is no response: a user who was not asked has cancelled, and nothing else can be said', () => {
    const error = { kind: 'error', code: -1, message: 'no' } as const;
    assert.equal(responseOf(ELICIT, error), '{"action":"cancel"}');
    assert.equal(responseOf(ROOTS, error), undefined);
    assert.equal(responseOf(ROOTS, { kind: 'result', raw: raw('{"roots":[]}') }), '{"roots":[]}');
  });
});
