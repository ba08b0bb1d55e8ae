// What is asked of the gateway as a server of agents, through the whole gateway, where no other test shows it.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { INITIALIZE } from '../support/e2e/lines.ts';
import { requirementsWorld, type Heard, type RequirementsWorld, type Said } from './world.ts';
import { verifies } from './verifies.ts';

const SERVER_INFO = 'io.modelcontextprotocol/serverInfo';
const completing = (prompt: string, value = '1'): Said => ({ params: { ref: { type: 'ref/prompt', name: prompt }, argument: { name: 'a', value } } });

/** Every method that has a result, of a legacy backend and a modern one. */
const ASKED: readonly (readonly [method: string, said: Said])[] = [
  ['server/discover', {}], ['tools/list', {}], ['prompts/list', {}], ['resources/list', {}], ['resources/templates/list', {}],
  ['tools/call', { params: { name: 'curious__do', arguments: {} } }], ['tools/call', { params: { name: 'inner__do', arguments: {} } }],
  ['prompts/get', { params: { name: 'curious__p' } }], ['prompts/get', { params: { name: 'inner__p' } }],
  ['resources/read', { params: { uri: 'curious+mem://a' } }], ['resources/read', { params: { uri: 'inner+mem://note' } }],
  ['completion/complete', completing('curious__p')], ['completion/complete', completing('inner__p')],
];
const CACHEABLE = ['server/discover', 'tools/list', 'prompts/list', 'resources/list', 'resources/templates/list', 'resources/read'];
const LISTS = ['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list'];

let world: RequirementsWorld;
before(async () => { world = await requirementsWorld('[bounds]\npage = 1\n'); });
after(async () => world[Symbol.asyncDispose]());

function resultOf(heard: Heard, why: string): Readonly<Record<string, unknown>> {
  assert.ok(heard.result !== undefined, `${why}: ${heard.text}`);
  return heard.result;
}

verifies('every result of every method says its type and is the gateway\'s own, whatever its backend says [S8, S9]', async () => {
  for (const [way, say] of world.ways) {
    for (const [method, said] of ASKED) {
      const heard = await say(method, said);
      const result = resultOf(heard, `${way} ${method}`);
      assert.equal(result['resultType'], 'complete', `${way} ${method}`);
      assert.equal(Object(Object(result['_meta'])[SERVER_INFO]).name, 'sentinel', `${way} ${method}`);
      assert.doesNotMatch(heard.text, /inner-canary/, `${way} ${method}`);
    }
  }
});

verifies('a question and a denial are results of the gateway\'s own too [S8, S9]', async () => {
  for (const [way, say] of world.ways) {
    const able = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: { url: {} } } };
    const asked = resultOf(await say('tools/call', { meta: able, params: { name: 'inner__do', arguments: { what: 'page', url: 'https://example.com/' } } }), way);
    assert.deepEqual([asked['resultType'], Object(Object(asked['_meta'])[SERVER_INFO]).name], ['input_required', 'sentinel'], way);
    const denied = resultOf(await say('tools/call', { params: { name: 'inner__do', arguments: { what: 'page', url: 'https://example.com/' } } }), way);
    assert.deepEqual([denied['resultType'], denied['isError'], Object(Object(denied['_meta'])[SERVER_INFO]).name], ['complete', true, 'sentinel'], way);
  }
});

verifies('what may be kept says how long and for whom, alike on every page, and nothing else says so [S17]', async () => {
  for (const [way, say] of world.ways) {
    for (const [method, said] of ASKED) {
      const result = resultOf(await say(method, said), `${way} ${method}`);
      assert.equal('ttlMs' in result, CACHEABLE.includes(method), `${way} ${method}`);
      if (CACHEABLE.includes(method)) assert.ok(Number.isInteger(result['ttlMs']) && Number(result['ttlMs']) >= 0 && result['cacheScope'] === 'private', `${way} ${method}`);
    }
  }
  for (const method of LISTS) {
    const scopes: unknown[] = [];
    let cursor: unknown;
    do {
      const result = resultOf(await world.http(method, { params: cursor === undefined ? {} : { cursor } }), method);
      scopes.push(result['cacheScope']);
      cursor = result['nextCursor'];
    } while (cursor !== undefined);
    assert.equal(new Set(scopes).size, 1, method);
    assert.ok(scopes.length > 1, `${method} of ${scopes.length} pages`);
  }
});

verifies('discover is answered of what this agent may see, and each capability it names is answered [S2, S24]', async () => {
  for (const [way, say] of world.ways) {
    const capabilities = async (role: string): Promise<readonly string[]> => Object.keys(Object(resultOf(await say('server/discover', { role }), way)['capabilities']));
    assert.deepEqual(await capabilities('all'), ['tools', 'prompts', 'resources', 'completions', 'logging'], way);
    assert.deepEqual(await capabilities('plain'), ['tools'], way);
    for (const [method, said] of ASKED) assert.equal((await say(method, said)).error, undefined, `${way} ${method}`);
  }
});

verifies('an unknown version is refused with the versions that discover names [S3]', async () => {
  for (const [way, say] of world.ways) {
    const { supportedVersions } = resultOf(await say('server/discover'), way);
    const version = { 'io.modelcontextprotocol/protocolVersion': '2099-01-01' };
    const { error, status } = await say('tools/list', { meta: version, headers: { 'MCP-Protocol-Version': '2099-01-01' } });
    assert.deepEqual([error?.code, error?.data], [-32022, { supported: supportedVersions, requested: '2099-01-01' }], way);
    assert.ok(status === undefined || status === 400);
  }
});

verifies('an envelope without version or capabilities, and params that are no object, are refused on both transports [S1, S4]', async () => {
  for (const [way, say] of world.ways) {
    const { error, status } = await say('tools/list', { meta: { 'io.modelcontextprotocol/clientCapabilities': null } });
    assert.equal(error?.code, -32602, way);
    assert.ok(status === undefined || status === 400);
  }
  const agent = await world.lines('all');
  agent.say({ id: 'list', method: 'tools/list', params: [] });
  assert.equal((await agent.answer('list')).error?.code, -32600);
});

verifies('what a call cannot do without is told to an agent that did not declare it, with HTTP 400, and the backend never asks for it [S10]', async () => {
  for (const [way, say] of world.ways) {
    const { error, status } = await say('tools/call', { params: { name: 'inner__do', arguments: { what: 'needs' } } });
    assert.deepEqual([error?.code, error?.data], [-32021, { requiredCapabilities: { elicitation: { form: {} } } }], way);
    assert.ok(status === undefined || status === 400);
    const asked = await say('tools/call', { params: { name: 'inner__do', arguments: { what: 'page', url: 'https://example.com/' } } });
    assert.equal(asked.result?.['resultType'], 'complete', way);
    assert.equal(asked.result['isError'], true, way);
  }
});

verifies('lists are the same bytes on every connection, and empty where a role may see nothing of what is offered [S15, S16]', async () => {
  for (const [way, say] of world.ways) {
    for (const method of LISTS) {
      const [one, two] = [await say(method), await say(method)];
      const body = ({ result = {} }: Heard): object => ({ ...result, nextCursor: undefined });
      assert.deepEqual(body(one), body(two), `${way} ${method}`);
    }
    for (const [method, member] of [['prompts/list', 'prompts'], ['resources/list', 'resources'], ['resources/templates/list', 'resourceTemplates']] as const) {
      assert.deepEqual(resultOf(await say(method, { role: 'tools' }), `${way} ${method}`)[member], []);
    }
  }
});

verifies('a completion has a hundred values at most, and says that there are more [S28]', async () => {
  for (const [way, say] of world.ways) {
    const completed = async (count: string): Promise<{ readonly values: readonly string[]; readonly hasMore: boolean }> => Object(resultOf(await say('completion/complete', completing('inner__p', count)), way)['completion']);
    const [few, many] = [await completed('100'), await completed('150')];
    assert.deepEqual([few.values.length, few.hasMore], [100, false], way);
    assert.deepEqual([many.values.length, many.values.at(-1), many.hasMore], [100, 'v99', true], way);
  }
});

verifies('an initialize cannot be cancelled, and a call that was is answered by nobody, however late its backend answers [SL6, S22, C11]', async () => {
  const agent = await world.lines('all');
  agent.say({ id: 'hello', method: 'initialize', params: INITIALIZE });
  agent.say({ method: 'notifications/cancelled', params: { requestId: 'hello' } });
  assert.equal((await agent.answer('hello')).result?.['protocolVersion'], '2025-11-25');
  agent.say({ method: 'notifications/initialized' });
  agent.say({ id: 'long', method: 'tools/call', params: { name: 'curious__do', arguments: { what: 'hang' } } });
  agent.say({ method: 'notifications/cancelled', params: { requestId: 'long' } });
  const words = ({ result }: { readonly result?: unknown }): string => Object(Object(result).content?.[0]).text;
  assert.equal(words(await agent.ask('free', 'tools/call', { name: 'curious__do', arguments: { what: 'release' } })), 'released');
  assert.equal(words(await agent.ask('next', 'tools/call', { name: 'curious__do', arguments: {} })), 'ok');
  assert.equal(agent.raw('long'), '');
});
