// What is asked of the gateway as a server of modern agents on stdio, through the whole gateway: where there are no streams, each message says
// by itself what it belongs to.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { modern, type Line, type LineAgent } from '../support/e2e/lines.ts';
import { until } from '../support/e2e/processes.ts';
import { verifies } from './verifies.ts';
import { requirementsWorld, type RequirementsWorld } from './world.ts';

const SUBSCRIPTION = 'io.modelcontextprotocol/subscriptionId';

let world: RequirementsWorld;
let agent: LineAgent;
before(async () => {
  world = await requirementsWorld();
  agent = await world.lines('all');
});
after(async () => world[Symbol.asyncDispose]());

const told = (from: number, method: string): readonly Line[] => agent.lines().slice(from).filter((line) => line.method === method);
const doing = (what: string, more: object = {}, meta: object = {}): object => modern({ name: 'curious__do', arguments: { what, ...more } }, meta);

verifies('two listens at once are each acknowledged first with what is honoured, hear what they asked for under their own id, and nothing once they are cancelled [S19, SI4]', async () => {
  const wanted = { toolsListChanged: true, resourceSubscriptions: ['curious+mem://a', 'curious+file:///a/../b', 'nobody+mem://x'] };
  agent.say({ id: 7, method: 'subscriptions/listen', params: modern({ notifications: wanted }) });
  agent.say({ id: '7', method: 'subscriptions/listen', params: modern({ notifications: { resourcesListChanged: true } }) });
  const acknowledged = await until(() => {
    const found = told(0, 'notifications/subscriptions/acknowledged');
    return found.length === 2 ? found : undefined;
  }, 'both are acknowledged');
  const byId = new Map(acknowledged.map(({ params }) => [Object(params?.['_meta'])[SUBSCRIPTION], params?.['notifications']]));
  assert.deepEqual([...byId.entries()].toSorted(([a], [b]) => (typeof a < typeof b ? -1 : 1)), [[7, { toolsListChanged: true, resourceSubscriptions: ['curious+mem://a'] }], ['7', { resourcesListChanged: true }]]);
  const from = agent.lines().length;
  await agent.ask('grow', 'tools/call', doing('grow'));
  await agent.ask('update', 'tools/call', doing('update', { uri: 'mem://a' }));
  await agent.ask('other', 'tools/call', doing('update', { uri: 'mem://other' }));
  await until(() => told(from, 'notifications/resources/updated').length === 1 && told(from, 'notifications/resources/list_changed').length === 1, 'both are told');
  assert.deepEqual(told(from, 'notifications/resources/updated').map(({ params }) => [params?.['uri'], Object(params?.['_meta'])[SUBSCRIPTION]]), [['curious+mem://a', 7]]);
  assert.deepEqual(told(from, 'notifications/resources/list_changed').map(({ params }) => Object(params?.['_meta'])[SUBSCRIPTION]), ['7']);
  agent.say({ method: 'notifications/cancelled', params: { requestId: 7 } });
  await agent.ask('again', 'tools/call', doing('update', { uri: 'mem://a' }));
  await agent.ask('later', 'tools/call', doing('seen'));
  assert.equal(told(from, 'notifications/resources/updated').length, 1, 'who has cancelled hears no more');
});

verifies('log lines come to who asked for them, from the level on and before the answer, and to nobody else [S20]', async () => {
  const levels = async (id: string, meta: object): Promise<readonly unknown[]> => {
    const from = agent.lines().length;
    await agent.ask(id, 'tools/call', doing('log', { levels: ['debug', 'warning', 'error'], data: 'x' }, meta));
    const lines = agent.lines().slice(from);
    const answered = lines.findIndex((line) => line.id === id);
    assert.deepEqual(lines.slice(answered + 1), [], 'nothing after the answer');
    return lines.slice(0, answered).map(({ params }) => params?.['level']);
  };
  assert.deepEqual(await levels('log-1', { 'io.modelcontextprotocol/logLevel': 'warning' }), ['warning', 'error']);
  assert.deepEqual(await levels('log-2', {}), []);
  assert.equal((await agent.ask('log-3', 'tools/call', doing('log', {}, { 'io.modelcontextprotocol/logLevel': 'loud' }))).error?.code, -32602);
});

verifies('what a backend wants to know is a result with bare questions, never a request, also where nothing was declared [S11, S12, S13, SI7]', async () => {
  const ask = { method: 'elicitation/create', params: { message: 'Sure?', requestedSchema: { type: 'object', properties: { ok: { type: 'boolean' } } } } };
  const able = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: {} } };
  const { result } = await agent.ask('asks', 'tools/call', doing('ask', ask, able));
  assert.deepEqual([result?.['resultType'], typeof result?.['requestState']], ['input_required', 'string']);
  for (const question of Object.values(Object(result?.['inputRequests']))) assert.deepEqual(Object.keys(Object(question)), ['method', 'params']);
  const inputResponses = Object.fromEntries(Object.keys(Object(result?.['inputRequests'])).map((key) => [key, { action: 'accept', content: { ok: true } }]));
  const retried = { name: 'curious__do', arguments: { what: 'ask', ...ask }, requestState: result?.['requestState'], inputResponses };
  assert.match(JSON.stringify((await agent.ask('answers', 'tools/call', modern(retried, able))).result), /accept/);
  assert.match(JSON.stringify((await agent.ask('mute', 'tools/call', doing('ask', ask))).result), /decline/);
  assert.deepEqual(agent.lines().filter((line) => line.id !== undefined && line.method !== undefined), []);
});

verifies('a state is good for its principal, its arguments and once, whatever the transport it comes by [S14, SEC13]', async () => {
  const able = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: {} } };
  const ask = { method: 'elicitation/create', params: { message: 'Sure?', requestedSchema: { type: 'object', properties: {} } } };
  const { result } = await agent.ask('state', 'tools/call', doing('ask', ask, able));
  const retry = (args: object): { readonly params: object; readonly meta: object } => ({
    params: { name: 'curious__do', arguments: { what: 'ask', ...ask, ...args }, requestState: result?.['requestState'], inputResponses: Object.fromEntries(Object.keys(Object(result?.['inputRequests'])).map((key) => [key, { action: 'decline' }])) }, meta: able,
  });
  assert.equal((await agent.ask('other args', 'tools/call', modern(retry({ more: 1 }).params, able))).error?.code, -32602);
  const good = await world.http('tools/call', { ...retry({}), params: { ...retry({}).params } });
  assert.match(good.text, /decline/, 'the same principal over HTTP');
  assert.equal((await agent.ask('twice', 'tools/call', modern(retry({}).params, able))).error?.code, -32602);
});
