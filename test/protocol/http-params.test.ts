// `Mcp-Param-*` on the way in: real requests to the real listener and the real stages, then the SDK's own client and servers.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { backendId } from '../../src/core/ids.ts';
import { connect } from '../support/e2e/clients.ts';
import { type Gateway, startGateway } from '../support/e2e/gateway.ts';
import { plainEnv, ROOT, type Running, start, until } from '../support/e2e/processes.ts';
import { httpBackend, stdioBackend } from '../support/e2e/servers.ts';
import { allowAll, settings, world, type World } from '../support/world.ts';
import { errorOf, listener, modern, resultOf, session } from '../surfaces/speak.ts';
import { ask, type Reply } from '../surfaces/wire.ts';

const SCHEMA = {
  type: 'object',
  properties: {
    region: { type: 'string', 'x-mcp-header': 'Region' },
    count: { type: 'integer', 'x-mcp-header': 'Count' },
    where: { type: 'object', properties: { dry: { type: 'boolean', 'x-mcp-header': 'Dry-Run' } } },
    free: { type: 'string' },
  },
};
const TOOLS = { alpha: [{ name: 'look', inputSchema: SCHEMA }, { name: 'plain', inputSchema: { type: 'object' } }, { name: 'secret', inputSchema: SCHEMA }] };
const encoded = (text: string): string => `=?base64?${Buffer.from(text).toString('base64')}?=`;

interface Open {
  readonly w: World;
  readonly port: number;
  readonly made: () => number;
  call(args: object, headers?: Readonly<Record<string, string>>, more?: { readonly name?: string; readonly lines?: readonly string[] }): Promise<Reply>;
}

async function open(t: TestContext): Promise<Open> {
  const w = world({ tools: TOOLS, settings: settings({ roles: [{ ...allowAll, deny: ['alpha/secret'] }] }) });
  const { port } = await listener(t, { handle: w.handle });
  return {
    w, port,
    made: () => w.backends.get(backendId('alpha'))?.calls.length ?? 0,
    call: (args, headers = {}, { name = 'alpha__look', lines = [] } = {}) => ask(modern(port, { method: 'tools/call', params: { name, arguments: args }, headers, lines })),
  };
}

function isMismatch(reply: Reply, why: string): void {
  assert.equal(reply.status, 400, why);
  const { id, code, message } = errorOf(reply.text);
  assert.deepEqual([id, code], [1, -32020], why);
  assert.match(String(message), /^Header mismatch: mcp-param-/, why);
}

test('T70 headers that say what the arguments say pass: any case of the name, plain or Base64, at any depth [SH9]', async (t) => {
  const { call, made } = await open(t);
  const good: readonly (readonly [object, Readonly<Record<string, string>>])[] = [
    [{ region: 'eu' }, { 'Mcp-Param-Region': 'eu' }],
    [{ region: 'eu' }, { 'MCP-PARAM-REGION': '  eu\t' }],
    [{ region: 'eu' }, { 'mcp-param-region': encoded('eu') }],
    [{ region: 'eü\r\nX: 1' }, { 'Mcp-Param-Region': encoded('eü\r\nX: 1') }],
    [{ region: '=?base64?eA==?=' }, { 'Mcp-Param-Region': encoded('=?base64?eA==?=') }],
    [{ region: '' }, { 'Mcp-Param-Region': encoded('') }],
    [{ region: 'a', count: -42, where: { dry: false } }, { 'Mcp-Param-Region': 'a', 'Mcp-Param-Count': '-42', 'Mcp-Param-Dry-Run': 'false' }],
    [{ count: 42 }, { 'Mcp-Param-Count': '42.0' }],
  ];
  for (const [args, headers] of good) assert.equal(resultOf((await call(args, headers)).text)['resultType'], 'complete', JSON.stringify([args, headers]));
  assert.equal(made(), good.length);
});

test('a missing, different, unreadable or surplus header is 400 -32020 and nothing is executed [SH9]', async (t) => {
  const { call, made, w } = await open(t);
  const bad: readonly (readonly [object, Readonly<Record<string, string>>])[] = [
    [{ region: 'eu' }, {}],
    [{ region: 'eu', count: 1 }, { 'Mcp-Param-Region': 'eu' }],
    [{ where: { dry: true } }, {}],
    [{ region: 'eu' }, { 'Mcp-Param-Region': 'us' }],
    [{ region: 'eu' }, { 'Mcp-Param-Region': 'EU' }],
    [{ region: 'eu' }, { 'Mcp-Param-Region': '' }],
    [{ count: 42 }, { 'Mcp-Param-Count': '042' }],
    [{ where: { dry: true } }, { 'Mcp-Param-Dry-Run': 'True' }],
    [{ region: 'eu' }, { 'Mcp-Param-Region': '=?base64?ZXU?=' }],
    [{ region: 'eu' }, { 'Mcp-Param-Region': '=?base64?!!!!?=' }],
    [{ region: 'eu' }, { 'Mcp-Param-Region': '=?BASE64?ZXU=?=' }],
    [{ region: '\u00ff' }, { 'Mcp-Param-Region': '=?base64?/w==?=' }],
    [{ region: 'eü' }, { 'Mcp-Param-Region': 'e\u00fc' }],
    [{}, { 'Mcp-Param-Region': 'eu' }],
    [{ region: null }, { 'Mcp-Param-Region': 'null' }],
    [{ where: null }, { 'Mcp-Param-Dry-Run': 'false' }],
  ];
  for (const [args, headers] of bad) isMismatch(await call(args, headers), JSON.stringify([args, headers]));
  assert.deepEqual([made(), w.intents.length], [0, 0]);
  assert.equal(w.outcomes.filter((outcome) => outcome.kind === 'call' && outcome.end.kind === 'denied' && outcome.end.reason.code === 'header_mismatch').length, bad.length, 'each is on record');
});

test('null and absent arguments need no header, arguments that are not annotated have none, and other headers are ignored [SH9]', async (t) => {
  const { call, made } = await open(t);
  for (const args of [{}, { region: null, where: { dry: null } }, { free: 'x' }]) assert.equal((await call(args)).status, 200);
  assert.equal((await call({}, { 'Mcp-Param-Free': 'lies', 'Mcp-Param-Tenant': '=?base64?!?=' })).status, 200);
  assert.equal((await call({ region: 'eu' }, { 'Mcp-Param-Region': 'us' }, { name: 'alpha__plain' })).status, 200);
  assert.equal(made(), 5);
});

test('T16 two lines of one name are refused, also where both are right, and whatever their case [SH13]', async (t) => {
  const { call, made } = await open(t);
  for (const second of ['eu', 'us']) isMismatch(await call({ region: 'eu' }, { 'Mcp-Param-Region': 'eu' }, { lines: ['mcp-param-region', second] }), second);
  assert.equal(made(), 0);
});

test('T37 two hundred such headers are refused before the body is read, though every one were right', async (t) => {
  const { call, w } = await open(t);
  const lines = Array.from({ length: 200 }, (_, at) => [`Mcp-Param-P${at}`, 'x']).flat();
  assert.equal((await call({}, {}, { lines })).status, 431);
  assert.equal(w.outcomes.length, 0);
});

test('C01 hidden and unknown tools are one answer, with right, wrong or no headers', async (t) => {
  const { call, made } = await open(t);
  for (const headers of [{}, { 'Mcp-Param-Region': 'us' }, { 'Mcp-Param-Region': 'eu' }, { 'Mcp-Param-Region': '=?base64?!?=' }]) {
    const hidden = await call({ region: 'eu' }, headers, { name: 'alpha__secret' });
    const unknown = await call({ region: 'eu' }, headers, { name: 'alpha__nowhere' });
    assert.deepEqual([hidden.status, errorOf(hidden.text).code], [200, -32602]);
    assert.deepEqual([hidden.status, hidden.text.replaceAll('alpha__secret', 'NAME')], [unknown.status, unknown.text.replaceAll('alpha__nowhere', 'NAME')]);
  }
  assert.equal(made(), 0);
});

test('a legacy agent sends none and misses none', async (t) => {
  const { port, made } = await open(t);
  const talk = await session(port);
  const reply = await ask(talk.request('tools/call', { name: 'alpha__look', arguments: { region: 'eu' } }));
  assert.equal(reply.status, 200);
  assert.equal(resultOf(reply.text)['isError'], undefined);
  assert.equal(made(), 1);
});

test('a page of an allowed origin may ask leave to send them, and no other header with them', async (t) => {
  const { port, ingress } = await listener(t);
  ingress.change({ gateway: { allowedOrigins: ['https://app.example'] } });
  const headers = { 'Origin': 'https://app.example', 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'authorization, mcp-param-region,mcp-param-dry-run, x-other, mcp-param-' };
  const reply = await ask({ port, method: 'OPTIONS', headers });
  assert.equal(reply.status, 204);
  assert.match(String(reply.headers['access-control-allow-headers']), /^Authorization, .*, Last-Event-ID, mcp-param-region, mcp-param-dry-run$/);
});

describe('the SDK of the second generation on both sides', () => {
  const bin = new AsyncDisposableStack();
  const FIXTURE = join(ROOT, 'test/fixtures/backends/sdk-v2.ts');
  let server: Running;
  let gateway: Gateway;
  before(async () => {
    server = start([process.execPath, FIXTURE, 'http'], { env: plainEnv(ROOT), cwd: ROOT });
    bin.defer(async () => void (server.signal('SIGKILL'), await server.ended));
    const port = await until(() => /port (\d+)/.exec(server.stderr())?.[1], 'the backend listens');
    const toml = [httpBackend('web', `http://127.0.0.1:${port}/mcp`), stdioBackend('local', [process.execPath, FIXTURE, 'stdio']), '[rbac.roles.developer]', 'permissions = ["*"]', ''].join('\n');
    gateway = bin.use(await startGateway({ toml }));
  });
  after(async () => bin.disposeAsync());

  /** Every `Mcp-Param-Region` that left the client, and the status that came back. */
  async function speaking(): Promise<{ readonly client: Client; readonly sent: (readonly [string | null, number])[] }> {
    const sent: (readonly [string | null, number])[] = [];
    const token = await gateway.token('agent', 'developer');
    const client = new Client({ name: 'sdk', version: '1' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
    const tapped: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      const headers = new Headers(init?.headers);
      if (headers.get('mcp-method') === 'tools/call') sent.push([headers.get('mcp-param-region'), response.status]);
      return response;
    };
    await client.connect(new StreamableHTTPClientTransport(new URL(gateway.endpoint), { requestInit: { headers: { Authorization: `Bearer ${token}` } }, fetch: tapped }));
    bin.defer(async () => client.close());
    return { client, sent };
  }

  for (const backend of ['web', 'local']) {
    test(`T70 the client that read the list sends its headers by itself and is let through (${backend}) [SH9]`, async () => {
      const { client, sent } = await speaking();
      await client.listTools();
      for (const region of ['eu', 'eü\r\nX: 1', ' ', '=?base64?eA==?=', '']) {
        const answer = await client.callTool({ name: `${backend}__greet`, arguments: { name: 'you', region } });
        assert.deepEqual(answer.content, [{ type: 'text', text: 'hello you' }], JSON.stringify(region));
      }
      await client.callTool({ name: `${backend}__greet`, arguments: { name: 'you' } });
      assert.deepEqual(sent, [['eu', 200], [encoded('eü\r\nX: 1'), 200], [encoded(' '), 200], [encoded('=?base64?eA==?='), 200], [encoded(''), 200], [null, 200]]);
    });

    test(`the client that did not read the list is told -32020, reads it and comes back with the header (${backend}) [SH9]`, async () => {
      const { client, sent } = await speaking();
      const answer = await client.callTool({ name: `${backend}__greet`, arguments: { name: 'you', region: 'eu' } });
      assert.deepEqual(answer.content, [{ type: 'text', text: 'hello you' }]);
      assert.deepEqual(sent, [[null, 400], ['eu', 200]]);
    });
  }

  test('legacy clients of both generations, who know no such headers, call the same tools [SH9]', async () => {
    for (const generation of ['v1', 'v2-legacy'] as const) {
      await using peer = await connect(generation, { via: 'http', url: gateway.endpoint, token: await gateway.token('old', 'developer') });
      for (const backend of ['web', 'local']) {
        const answer = await peer.call(`${backend}__greet`, { name: 'you', region: 'eu' });
        assert.ok(answer.kind === 'result' && answer.text === 'hello you', JSON.stringify(answer));
      }
    }
  });

  test('a refusal is in the audit under its own code, without a value [SH9]', async () => {
    const canary = randomBytes(9).toString('hex');
    const headers = { 'Authorization': `Bearer ${await gateway.token('liar', 'developer')}`, 'Mcp-Param-Region': canary };
    const reply = await ask(modern(Number(new URL(gateway.endpoint).port), { method: 'tools/call', params: { name: 'local__greet', arguments: { name: 'you', region: 'eu' } }, headers }));
    isMismatch(reply, 'a lie');
    const rows = await until(async () => {
      const found = await gateway.jsonLines(['audit', 'query', '--subject', 'liar']);
      return found.length > 0 ? found : undefined;
    }, 'the record');
    assert.match(reply.text, /SEN-0312/);
    assert.match(JSON.stringify(rows), /"reason":"header_mismatch","rule":"arguments:headers"/);
    assert.equal(JSON.stringify(rows).includes(canary) || reply.text.includes(canary), false);
  });
});
