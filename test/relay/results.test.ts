import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { objectOf, toRaw } from '../../src/core/json/compose.ts';
import { members } from '../../src/core/json/slice.ts';
import { DENIAL_KEY, META } from '../../src/relay/meta.ts';
import { EMPTY_COMPLETION, isErrorResult, ownResult, readResult, relayedResult, type ResultRelay, resultTypeOf, toolErrorResult } from '../../src/relay/results.ts';
import type { Spoken } from '../../src/relay/versions.ts';
import { delicate, raw } from './raw.ts';

const IDENTITY = { name: 'sentinel', title: 'Sentinel', version: '1.0.0' };
const MODERN: Spoken = { era: 'modern', version: '2026-07-28' };
const LEGACY: readonly Spoken[] = ['2025-11-25', '2025-06-18', '2025-03-26'].map((version) => ({ era: 'legacy', version }));
const [NOV25, JUN25, MAR25] = LEGACY;
assert.ok(NOV25 !== undefined && JUN25 !== undefined && MAR25 !== undefined);

function relayed(text: string, to: Spoken, how: Partial<ResultRelay> = {}): string {
  const result = readResult(raw(text));
  assert.ok(result !== undefined, text);
  return relayedResult(result, { kind: 'tool', to, identity: IDENTITY, expose: undefined, wraps: false, ...how });
}

const OURS = `"_meta":{"${META.serverInfo}":{"name":"sentinel","title":"Sentinel","version":"1.0.0"}}`;

describe('results of backends for agents of each era', () => {
  test('T1 T50: a modern agent reads the type of a result and whose it is; a legacy one reads neither, nor cache hints', () => {
    const modern = '{"resultType":"complete","content":[],"ttlMs":5,"cacheScope":"public","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"evil"}}}';
    for (const to of LEGACY) assert.equal(relayed(modern, to), '{"content":[]}');
    assert.equal(relayed('{"content":[]}', MODERN), `{"content":[],"resultType":"complete",${OURS}}`);
    assert.equal(relayed(modern, MODERN), `{"resultType":"complete","content":[],${OURS}}`);
  });

  test('contents of resources are told as private and at once stale to modern agents, whatever the backend said', () => {
    assert.match(relayed('{"contents":[],"ttlMs":60000,"cacheScope":"public"}', MODERN, { kind: 'resource' }), /^\{"contents":\[\],"ttlMs":0,"cacheScope":"private",/);
    assert.match(relayed('{"contents":[]}', MODERN, { kind: 'resource' }), /"ttlMs":0,"cacheScope":"private"/);
    assert.doesNotMatch(relayed('{"messages":[]}', MODERN, { kind: 'prompt' }), /ttlMs/);
  });

  test('T75 T151 T152: every member that no era speaks of arrives byte for byte, and a second hop changes nothing', () => {
    const named = fc.uniqueArray(fc.tuple(fc.constantFrom('content', 'contents', 'messages', 'x-vendor', 'isError', 'completion', 'Ö'), delicate), { selector: ([key]) => key });
    fc.assert(fc.property(named, fc.constantFrom(MODERN, ...LEGACY), fc.constantFrom('tool', 'prompt', 'resource', 'completion'), (pairs, to, kind) => {
      const text = `{${pairs.map(([key, value]) => `"${key}" : ${value}`).join(',')}}`;
      const once = relayed(text, to, { kind });
      for (const [key, value] of members(raw(text)) ?? []) assert.equal(members(raw(once))?.get(key), value);
      assert.equal(relayed(once, to, { kind }), once);
      if (to.era === 'legacy') assert.equal(once, text);
    }));
  });

  test('third-party _meta passes; what a backend says in the gateway’s name does not [S27, SEC36]', () => {
    const text = `{"content":[],"_meta":{"com.example/a":1.0,"${DENIAL_KEY}":{},"io.modelcontextprotocol/related-task":{}}}`;
    assert.equal(relayed(text, NOV25), '{"content":[],"_meta":{"com.example/a":1.0}}');
    assert.match(relayed(text, MODERN), /"_meta":\{"com\.example\/a":1\.0,"io\.modelcontextprotocol\/serverInfo"/);
    assert.equal(relayed('{"content":[],"_meta":{"sentinel/x":1}}', NOV25), '{"content":[]}');
  });

  test('URIs are exposed in the same pass, with everything around them', () => {
    const text = '{"content":[{"type":"resource_link","uri":"x:1","name":"x"}],"n":1.0}';
    assert.equal(relayed(text, NOV25, { expose: (uri) => `gh+${uri}` }), '{"content":[{"type":"resource_link","uri":"gh+x:1","name":"x"}],"n":1.0}');
  });
});

describe('structured content for agents that take objects only', () => {
  const ARRAY = '{"content":[],"structuredContent":[12345678901234567890, 1.0]}';

  test('T98: what is no object is wrapped, and its JSON stands as text where there was none', () => {
    const want = '{"content":[{"type":"text","text":"[12345678901234567890, 1.0]"}],"structuredContent":{"result":[12345678901234567890, 1.0]}}';
    for (const to of [NOV25, JUN25]) assert.equal(relayed(ARRAY, to), want);
  });

  test('text that is there already is the backend’s own', () => {
    const text = '{"content":[{"type":"text","text":"two"}],"structuredContent":2}';
    assert.equal(relayed(text, NOV25), '{"content":[{"type":"text","text":"two"}],"structuredContent":{"result":2}}');
    assert.equal(relayed('{"structuredContent":null}', NOV25), '{"structuredContent":{"result":null},"content":[{"type":"text","text":"null"}]}');
  });

  test('objects stay as they are, unless the tool’s schema was wrapped: never one without the other', () => {
    const text = '{"content":[],"structuredContent":{"a":1.0}}';
    assert.equal(relayed(text, NOV25), text);
    assert.match(relayed(text, NOV25, { wraps: true }), /"structuredContent":\{"result":\{"a":1\.0\}\}/);
  });

  test('2025-03-26 has no structured content and no links: both are text there', () => {
    assert.equal(relayed(ARRAY, MAR25), '{"content":[{"type":"text","text":"[12345678901234567890, 1.0]"}]}');
    const link = '{"content":[{"type":"resource_link","uri":"x:1","name":"a","title":"A","description":"The first"}]}';
    assert.equal(relayed(link, MAR25, { expose: (uri) => `gh+${uri}` }), '{"content":[{"type":"text","text":"A\\ngh+x:1\\nThe first"}]}');
    assert.equal(relayed('{"messages":[{"role":"user","content":{"uri":"x:1","name":"a","type":"resource_link"}}]}', MAR25, { kind: 'prompt' }), '{"messages":[{"role":"user","content":{"type":"text","text":"a\\nx:1"}}]}');
  });

  test('T98 T134: to wrap takes nothing back of what was named in the content', () => {
    const text = '{"content":[{"type":"resource_link","uri":"x:1","name":"x"}],"structuredContent":1.0}';
    assert.equal(relayed(text, NOV25, { expose: (uri) => `gh+${uri}` }), '{"content":[{"type":"resource_link","uri":"gh+x:1","name":"x"},{"type":"text","text":"1.0"}],"structuredContent":{"result":1.0}}');
  });

  test('modern agents take any value as it is', () => {
    assert.match(relayed(ARRAY, MODERN), /^\{"content":\[\],"structuredContent":\[12345678901234567890, 1\.0\],/);
  });
});

describe('results of the gateway’s own', () => {
  test('a denial keeps its words for machines in both eras', () => {
    const body = toolErrorResult('No.', DENIAL_KEY, toRaw({ code: 'SEN-0301' }));
    assert.equal(ownResult('legacy', body, IDENTITY, false), body);
    assert.match(ownResult('modern', body, IDENTITY, false), /"sentinel\/denial":\{"code":"SEN-0301"\}/);
  });

  test('what completes to nothing says so', () => {
    assert.equal(EMPTY_COMPLETION, '{"completion":{"values":[],"total":0,"hasMore":false}}');
  });

  test('a completion of more than a hundred values is cut there and says so; one within the bound is untouched [S28]', () => {
    const values = (count: number): string => Array.from({ length: count }, (_, at) => `"v${at}\\u0041"`).join(', ');
    const within = `{"completion":{ "values":[${values(100)}],"total":1.0e2}}`;
    assert.equal(relayed(within, NOV25, { kind: 'completion' }), within);
    assert.equal(relayed(`{"completion":{"values":[${values(101)}],"total":101,"hasMore":false},"x":1.0}`, NOV25, { kind: 'completion' }), `{"completion":{"values":[${values(100).replaceAll(', ', ',')}],"total":101,"hasMore":true},"x":1.0}`);
  });

  test('T73 T74: a result says its type, or is complete', () => {
    const typeOf = (text: string): string => resultTypeOf(readResult(raw(text)) ?? assert.fail());
    assert.deepEqual(['{}', '{"resultType":"complete"}', '{"resultType":"input_required"}', '{"resultType":7}'].map(typeOf), ['complete', 'complete', 'input_required', '']);
    assert.equal(isErrorResult(readResult(objectOf([['isError', toRaw(true)]])) ?? assert.fail()), true);
    assert.equal(readResult(raw('[]')), undefined);
  });
});
