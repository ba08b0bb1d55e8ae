import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { judgeAnswer } from '../../src/backends/answer.ts';
import { initializeParams, judgeProbe, type Link, ownEnvelope, readInitialize } from '../../src/backends/handshake.ts';
import { requestOf } from '../../src/backends/request.ts';
import { servingOf } from '../../src/backends/serving.ts';
import { NO_CAPABILITIES } from '../../src/core/capabilities.ts';
import type { CallOrigin, CompletionCall, RequestCall } from '../../src/core/call.ts';
import { backendId } from '../../src/core/ids.ts';
import { EVERY_CAPABILITY } from '../../src/relay/capabilities.ts';
import { io, json, rawOf, recorded, toolCall } from './support.ts';

const { deps, watchdog } = recorded();
watchdog.close();
const offers = { tools: true, prompts: true, resources: true, subscribe: true, completions: true, logging: true, tasks: false, apps: false };
const link = (era: Link['era'], version: string): Link => ({ era, version, server: '', instructions: undefined, offers, changes: { tools: false, prompts: false, resources: false } });
const LEGACY = link('legacy', '2025-11-25');
const MODERN = link('modern', '2026-07-28');
const asks = { elicitation: true, sampling: true, roots: true };
const target = { kind: 'prompt', backend: backendId('peer'), name: 'original' } as const;
const tool = toolCall('original', { n: 1 });
const completion: CompletionCall = { ...tool, kind: 'completion', target, ref: rawOf('{"type":"ref/prompt","name":"original"}'), argument: rawOf('{"name":"a","value":"b"}'), context: rawOf('{"arguments":{"x":"1"}}') };
const resource = { ...tool, kind: 'resource', uri: 'mem://A/%41', continuation: undefined } as const;

function params(call: RequestCall, to: Link, allowed: typeof asks = asks): string {
  return requestOf({ call, step: undefined }, to, { client: deps.client, asks: allowed }).params(json(7), deps.random);
}
const from = (over: Partial<CallOrigin>): { readonly origin: CallOrigin } => ({ origin: { ...tool.origin, ...over } });

const UI = 'io.modelcontextprotocol/ui';

describe('a call as a request for its backend', () => {
  test('method, name for Mcp-Name and params of each kind', () => {
    const prompt = { ...tool, kind: 'prompt', target, continuation: undefined } as const;
    const said = [tool, prompt, resource, completion].map((call) => {
      const { method, name } = requestOf({ call, step: undefined }, LEGACY, { client: deps.client, asks });
      return [method, name, params(call, LEGACY)];
    });
    assert.deepEqual(said, [
      ['tools/call', 'original', '{"name":"original","arguments":{"n":1}}'],
      ['prompts/get', 'original', '{"name":"original","arguments":{"n":1}}'],
      ['resources/read', 'mem://A/%41', '{"uri":"mem://A/%41"}'],
      ['completion/complete', undefined, '{"ref":{"type":"ref/prompt","name":"original"},"argument":{"name":"a","value":"b"},"context":{"arguments":{"x":"1"}}}'],
    ]);
  });

  test('the context of a completion is kept from backends that came before it', () => {
    for (const version of ['2024-11-05', '2025-03-26']) assert.doesNotMatch(params(completion, link('legacy', version)), /context/);
    assert.match(params(completion, link('legacy', '2025-06-18')), /context/);
  });

  test('answers and state go back to a modern backend byte for byte, and to no other [C6, C7]', () => {
    const continuation = { responses: rawOf('{"k":{"action":"accept", "content":{"n":1.0}}}'), state: rawOf('"s\\u00e9\\\\\\"x"') };
    for (const call of [{ ...tool, continuation }, { ...resource, continuation }]) {
      assert.ok(params(call, MODERN).includes(`"inputResponses":${continuation.responses},"requestState":${continuation.state},`));
      assert.doesNotMatch(params(call, LEGACY), /inputResponses|requestState/);
    }
    assert.doesNotMatch(params({ ...tool, continuation: { responses: undefined, state: continuation.state } }, MODERN), /inputResponses/);
  });

  test('declared is what the operator allows and this agent said [C2]', () => {
    const declared = (call: RequestCall, allowed: typeof asks): unknown => JSON.parse(params(call, MODERN, allowed))._meta['io.modelcontextprotocol/clientCapabilities'];
    const able = { ...tool, ...from({ capabilities: { ...EVERY_CAPABILITY, elicitUrl: false } }) };
    assert.deepEqual(declared(able, asks), { elicitation: { form: {} }, sampling: { tools: {} }, roots: {} });
    assert.deepEqual(declared(able, { elicitation: false, sampling: true, roots: false }), { sampling: { tools: {} } });
    assert.deepEqual(declared({ ...tool, ...from({ capabilities: NO_CAPABILITIES }) }, asks), {});
  });

  test('T139 apps are declared for an agent that has them, on the endpoint of this backend alone; a server that offers them lists what it shows to such agents', () => {
    const shows = { extensions: { [UI]: { mimeTypes: ['text/html;profile=mcp-app'] } } };
    const single = { endpoint: { kind: 'single', backend: backendId('peer') } } as const;
    const declared = (over: Partial<CallOrigin>): unknown => JSON.parse(params({ ...tool, ...from(over) }, MODERN))._meta['io.modelcontextprotocol/clientCapabilities'];
    const able = { capabilities: { ...NO_CAPABILITIES, apps: true } };
    assert.deepEqual([declared({ ...able, ...single }), declared(able), declared(single)], [shows, {}, {}]);
    const listing = (apps: boolean): unknown => JSON.parse(ownEnvelope({ ...MODERN, offers: { ...offers, apps } }, deps.client).get('io.modelcontextprotocol/clientCapabilities') ?? '');
    assert.deepEqual([listing(true), listing(false)], [shows, {}]);
    assert.deepEqual(JSON.parse(initializeParams(deps.client, { asks: { elicitation: false, sampling: false, roots: false }, roots: [] })).capabilities, shows);
  });

  test('the level an agent wants to hear from is said per request to modern backends only', () => {
    const call = { ...tool, ...from({ logLevel: 'notice' }) };
    assert.match(params(call, MODERN), /"io\.modelcontextprotocol\/logLevel":"notice"/);
    assert.doesNotMatch(params(call, LEGACY), /logLevel/);
    assert.doesNotMatch(params(tool, MODERN), /logLevel/);
  });

  test('nobody is asked because of a completion', () => {
    const ask = async () => Promise.resolve({ kind: 'error', code: 1, message: '' } as const);
    assert.equal(servingOf({ call: completion, step: undefined }, io({ ask }))?.ask, undefined);
    assert.equal(servingOf({ call: tool, step: undefined }, io({ ask }))?.ask, ask);
  });
});

describe('what an answer may be', () => {
  const judged = (result: unknown, call: RequestCall = tool, era: Link['era'] = 'modern') => judgeAnswer({ kind: 'result', raw: json(result) }, era, { call, step: undefined });

  test('input is asked for by modern backends, with something in it, where the protocol has a place for it [S12, S13]', () => {
    assert.ok(judged({ resultType: 'input_required', requestState: 's' }).ok);
    assert.ok(judged({ resultType: 'input_required', inputRequests: {} }, resource).ok);
    for (const bad of [{}, { requestState: 7 }, { inputRequests: [] }]) assert.ok(!judged({ resultType: 'input_required', ...bad }).ok);
    assert.ok(!judged({ resultType: 'input_required', requestState: 's' }, completion).ok);
  });

  test('T73: a task nobody declared is refused', () => {
    const result = judged({ resultType: 'task', taskId: 't' });
    assert.ok(!result.ok && result.error.code === 'protocol' && result.error.detail === 'unknown resultType task');
  });
});

describe('what a backend says it offers', () => {
  const capabilities = { tools: { listChanged: true }, prompts: {}, resources: { subscribe: true, listChanged: false }, completions: {}, logging: 'yes', tasks: { requests: { tools: { call: {} } } }, extensions: { [UI]: {}, 'x.example/y': {} } };

  test('is read from either handshake', () => {
    const legacy = readInitialize({ kind: 'result', raw: json({ protocolVersion: '2025-11-25', capabilities }) });
    const modern = judgeProbe({ kind: 'result', raw: json({ supportedVersions: ['2026-07-28'], capabilities: { ...capabilities, tasks: undefined, extensions: { 'io.modelcontextprotocol/tasks': {}, [UI]: {} } } }) });
    assert.ok(legacy.ok && modern.kind === 'modern');
    for (const found of [legacy.value, modern.link]) {
      assert.deepEqual(found.offers, { tools: true, prompts: true, resources: true, subscribe: true, completions: true, logging: false, tasks: true, apps: true });
      assert.deepEqual(found.changes, { tools: true, prompts: false, resources: false });
    }
    const older = readInitialize({ kind: 'result', raw: json({ protocolVersion: '2025-06-18', capabilities }) });
    assert.ok(older.ok && !older.value.offers.tasks, 'tasks came with 2025-11-25');
  });
});
