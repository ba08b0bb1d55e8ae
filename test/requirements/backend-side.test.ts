// What is asked of the gateway as a client of backends, where no other test shows it: on the wire, through the whole gateway, and of its parts.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before } from 'node:test';
import { startDeadline } from '../../src/backends/deadline.ts';
import { createSchemaChecker } from '../../src/backends/schema/checker.ts';
import { clock, systemTimers } from '../backends/support.ts';
import { INITIALIZE } from '../support/e2e/lines.ts';
import { FakeTime } from '../backends/time.ts';
import { allowAll, read, settings, world as pipeline } from '../support/world.ts';
import { requirementsWorld, type RequirementsWorld } from './world.ts';
import { verifies } from './verifies.ts';

const CANARY = 'agent-header-canary';
const ENVELOPE = ['protocolVersion', 'clientCapabilities', 'clientInfo'].map((name) => `io.modelcontextprotocol/${name}`);

let world: RequirementsWorld;
before(async () => {
  world = await requirementsWorld();
  const headers = { 'Cookie': `a=${CANARY}`, 'X-Forwarded-For': CANARY, 'User-Agent': CANARY, 'Mcp-Param-Tenant': CANARY, 'Last-Event-ID': CANARY, 'Mcp-Session-Id': CANARY, 'X-Own': CANARY, 'baggage': `user=${CANARY}` };
  for (const [, say] of world.ways) {
    const said = { headers, meta: { baggage: `user=${CANARY}` } };
    await say('tools/call', { ...said, params: { name: 'inner__do', arguments: {} } });
    await say('prompts/get', { ...said, params: { name: 'inner__p' } });
    await say('resources/read', { ...said, params: { uri: 'inner+mem://note' } });
    await say('completion/complete', { ...said, params: { ref: { type: 'ref/prompt', name: 'inner__p' }, argument: { name: 'a', value: '1' } } });
  }
});
after(async () => world[Symbol.asyncDispose]());

verifies('every request to a modern backend has the whole envelope, with the gateway as its client, and an id of its own [C1, C3]', () => {
  const requests = world.inner.posted.filter(({ message }) => message['id'] !== undefined && message['method'] !== undefined);
  const methods = new Set(requests.map(({ message }) => message['method']));
  for (const method of ['server/discover', 'tools/list', 'prompts/list', 'resources/list', 'resources/templates/list', 'tools/call', 'prompts/get', 'resources/read', 'completion/complete']) assert.ok(methods.has(method), method);
  for (const { message } of requests) {
    const meta = Object(Object(message['params'])['_meta']);
    for (const key of ENVELOPE) assert.ok(key in meta, `${String(message['method'])} ${key}`);
    assert.equal(Object(meta['io.modelcontextprotocol/clientInfo']).name, 'sentinel');
  }
  const ids = requests.map(({ message }) => `${typeof message['id']} ${String(message['id'])}`);
  assert.equal(new Set(ids).size, ids.length);
});

verifies('every request over HTTP accepts both types and says its own method and name in headers; no header and no baggage of the agent goes along [CH1, CH10, SEC37, C18]', async () => {
  for (const { message, headers } of world.inner.posted) {
    assert.match(String(headers.accept), /application\/json/);
    assert.match(String(headers.accept), /text\/event-stream/);
    assert.equal(headers['mcp-method'], message['method']);
    const { name, uri } = Object(message['params']);
    const named = message['method'] === 'completion/complete' ? undefined : (name ?? uri);
    assert.equal(headers['mcp-name'], named, String(message['method']));
    assert.doesNotMatch(JSON.stringify([message, headers]), new RegExp(CANARY));
    assert.equal(headers['mcp-session-id'], undefined);
  }
  for (const [way, say] of world.ways) {
    const { text } = await say('tools/call', { meta: { baggage: `user=${CANARY}`, 'com.example/kept': 1 }, params: { name: 'curious__do', arguments: {} } });
    assert.match(text, /com\.example\/kept/, way);
    assert.doesNotMatch(text, new RegExp(CANARY), `to a legacy child, of an agent over ${way}`);
  }
});

verifies('what agents say in the names of the gateway, of the protocol or of another hop reaches no backend, of any revision; what others may say does [SEC36, SEC37]', async () => {
  const meta = { 'sentinel/user': CANARY, 'sentinel/denial': { code: CANARY }, 'io.modelcontextprotocol/spoofed': CANARY, 'baggage': `user=${CANARY}`, 'com.example/kept': 'kept-canary' };
  const agent = await world.lines('all');
  await agent.ask('hello', 'initialize', INITIALIZE);
  agent.say({ method: 'notifications/initialized' });
  for (const backend of ['inner', 'curious']) {
    const params = { name: `${backend}__do`, arguments: {} };
    const texts = [...(await Promise.all(world.ways.map(async ([, say]) => (await say('tools/call', { params, meta })).text))), JSON.stringify(await agent.ask(backend, 'tools/call', { ...params, _meta: meta }))];
    for (const text of texts) {
      assert.match(text, /kept-canary/, backend);
      assert.doesNotMatch(text, new RegExp(CANARY), backend);
    }
  }
});

verifies('a legacy child is asked in the modern way first, then greeted with the latest legacy revision, then told so, and only then asked anything [CI1, CH12]', async () => {
  const { result } = await world.http('tools/call', { params: { name: 'curious__do', arguments: { what: 'seen' } } });
  const seen: readonly string[] = JSON.parse(Object(result)['content'][0].text);
  assert.deepEqual(seen.slice(0, 3).map((line) => line.split(' ')[0]), ['server/discover', 'initialize', 'notifications/initialized']);
  assert.match(seen[1] ?? '', /"protocolVersion":"2025-11-25"/);
  assert.ok(seen.slice(3).some((line) => line.startsWith('tools/list')));
  assert.equal(seen.filter((line) => line.startsWith('initialize')).length, 1);
});

verifies('a page to visit reaches the agent with its whole URL and the backend\'s name, and nobody else has asked for it [C16, SEC21]', async () => {
  let hits = 0;
  const server = createServer((_request, response) => {
    hits += 1;
    response.end();
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/go?a=1&b=%20x#part`;
  try {
    for (const [way, say] of world.ways) {
      const { result } = await say('tools/call', { meta: { 'io.modelcontextprotocol/clientCapabilities': { elicitation: { url: {} } } }, params: { name: 'inner__do', arguments: { what: 'page', url } } });
      assert.deepEqual(Object(result?.['inputRequests']).k, { method: 'elicitation/create', params: { mode: 'url', message: '[inner] Sign in', url } }, way);
    }
    assert.equal(hits, 0);
  } finally {
    server.close();
  }
});

verifies('what a tool says of itself changes nothing of who may see and call it [C12]', async () => {
  const hints = [undefined, { readOnlyHint: true }, { readOnlyHint: true, destructiveHint: false, idempotentHint: true }, { destructiveHint: true, openWorldHint: true }];
  for (const deny of [[], ['alpha/echo']]) {
    const seen = await Promise.all(hints.map(async (annotations) => {
      const w = pipeline({ settings: settings({ roles: [{ ...allowAll, deny }] }), tools: { alpha: [{ name: 'echo', inputSchema: { type: 'object' }, ...(annotations === undefined ? {} : { annotations }) }] } });
      const listed = read(await w.ask('tools/list')).result?.tools?.length;
      const called = read(await w.callTool('alpha__echo'));
      return [listed, called.error?.code, called.result?.isError];
    }));
    for (const each of seen) assert.deepEqual(each, deny.length === 0 ? [1, undefined, undefined] : [0, -32602, undefined]);
  }
});

verifies('progress renews the time of a call up to a hard end [C10]', () => {
  const time = new FakeTime();
  const expired: number[] = [];
  const deadline = startDeadline(time, { timeoutMs: 100, maxTimeoutMs: 250 }, (afterMs) => expired.push(afterMs));
  for (let step = 0; step < 2; step += 1) {
    time.pass(90);
    deadline.renew();
    assert.deepEqual(expired, []);
  }
  time.pass(69);
  deadline.renew();
  assert.deepEqual(expired, []);
  time.pass(1);
  assert.deepEqual(expired, [250]);
});

verifies('a schema beyond its bounds costs its own tool, and no other of its backend [SEC42]', async () => {
  let bomb: unknown = {};
  for (let depth = 0; depth < 500; depth += 1) bomb = { not: bomb };
  const checker = createSchemaChecker({ clock, timers: systemTimers, deadlineMs: 5_000, schemaBytes: 200_000, log: () => undefined });
  try {
    const w = pipeline({ schemas: checker, tools: { alpha: [{ name: 'bomb', inputSchema: { type: 'object', ...Object(bomb) } }, { name: 'echo', inputSchema: { type: 'object', required: ['a'] } }] } });
    assert.equal(read(await w.callTool('alpha__bomb')).result?.isError, true);
    assert.equal(read(await w.callTool('alpha__echo')).result?.isError, true, 'its own schema counts');
    assert.equal(read(await w.callTool('alpha__echo', { a: 1 })).result?.isError, undefined);
    assert.equal(w.intents.length, 1);
  } finally {
    await checker.close();
  }
});
