// The end of a visit to a page, through the whole gateway: servers of the first SDK over HTTP and stdio, and its clients, likewise.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Client } from 'mcp-sdk-v1/client/index.js';
import { StdioClientTransport } from 'mcp-sdk-v1/client/stdio.js';
import { StreamableHTTPClientTransport } from 'mcp-sdk-v1/client/streamableHttp.js';
import type { Transport } from 'mcp-sdk-v1/shared/transport.js';
import { ElicitationCompleteNotificationSchema, ElicitRequestSchema, isInitializeRequest, UrlElicitationRequiredError } from 'mcp-sdk-v1/types.js';
import { startGateway, type Gateway } from '../support/e2e/gateway.ts';
import { MAIN, plainEnv, ROOT, start, until } from '../support/e2e/processes.ts';
import { httpBackend, stdioBackend } from '../support/e2e/servers.ts';

const WAYS = ['http', 'stdio'] as const;
type Way = (typeof WAYS)[number];

interface Agent extends AsyncDisposable {
  /** Ids of the pages it was asked to visit; and of the visits that it was told are over. */
  readonly asked: readonly (string | undefined)[];
  readonly over: readonly string[];
  call(tool: string, args: Readonly<Record<string, unknown>>): Promise<string>;
}

const bin = new AsyncDisposableStack();
let gateway: Gateway;
let pages = 0;

before(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pages-'));
  bin.defer(() => rmSync(folder, { recursive: true, force: true }));
  const argv = (way: Way): readonly string[] => [process.execPath, join(ROOT, 'test/fixtures/mcp/v1-server.ts'), '2025-11-25', way, 'pages'];
  const server = start(argv('http'), { env: plainEnv(folder), cwd: folder });
  bin.defer(async () => {
    server.signal('SIGKILL');
    await server.ended;
  });
  const port = await until(() => /port (\d+)\n/.exec(server.stderr())?.[1], 'the server listens');
  gateway = bin.use(await startGateway({ toml: [httpBackend('http', `http://127.0.0.1:${port}/mcp`), stdioBackend('stdio', argv('stdio')), '[rbac.roles.user]', 'permissions = ["*"]', ''].join('\n') }));
  await gateway.when(({ backends }) => backends.length === 2 && backends.every(({ state }) => state === 'ready'), 'both are ready');
});
after(async () => bin.disposeAsync());

async function agent(way: Way, subject: string, revision: string = '2025-11-25'): Promise<Agent> {
  const asked: (string | undefined)[] = [];
  const over: string[] = [];
  const client = new Client({ name: subject, version: '1' }, { capabilities: { elicitation: { form: {}, url: {} } } });
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
    asked.push(params.mode === 'url' ? params.elicitationId : undefined);
    return { action: 'accept' };
  });
  client.setNotificationHandler(ElicitationCompleteNotificationSchema, ({ params }) => void over.push(params.elicitationId));
  const token = await gateway.token(subject, 'user');
  const transport: Transport = way === 'http'
    ? new StreamableHTTPClientTransport(new URL(gateway.endpoint), { requestInit: { headers: { Authorization: `Bearer ${token}` } } })
    : new StdioClientTransport({ command: process.execPath, args: [MAIN, 'stdio', '--attach', '--config', gateway.config], env: { ...gateway.env, SENTINEL_TOKEN: token }, cwd: gateway.folder });
  const send = transport.send.bind(transport);
  transport.send = async (message, options) => send(isInitializeRequest(message) ? { ...message, params: { ...message.params, protocolVersion: revision } } : message, options);
  await client.connect(transport);
  return {
    asked, over,
    call: async (name, args) => {
      const { content } = await client.callTool({ name, arguments: { ...args } });
      return Array.isArray(content) ? String(content[0]?.text) : '';
    },
    [Symbol.asyncDispose]: async () => client.close(),
  };
}

/** The ids that a refused call wants visited. */
async function wanted(call: Promise<unknown>): Promise<readonly string[]> {
  const refusal = await call.then(() => undefined, (error: unknown) => error);
  assert.ok(refusal instanceof UrlElicitationRequiredError, String(refusal));
  return refusal.elicitations.map(({ elicitationId }) => elicitationId);
}

for (const backend of WAYS) {
  for (const way of WAYS) {
    describe(`a 2025-11-25 backend over ${backend}, an agent over ${way}`, { timeout: 120_000 }, () => {
      for (const aside of [true, false]) {
        test(`whoever was asked to visit a page hears of its end, ${aside ? 'on no call\'s stream' : 'from within somebody\'s call'} [C16]`, async () => {
          await using mine = await agent(way, 'alice');
          await using other = await agent('http', 'bob');
          const page = `page-${pages += 1}`;
          assert.equal(await mine.call(`${backend}__visit`, { page }), 'accept');
          assert.equal(mine.asked.length, 1);
          assert.notEqual(mine.asked[0], page);
          assert.equal(await other.call(`${backend}__finish`, { page, aside }), 'told');
          await until(() => mine.over.length > 0, 'it was told');
          assert.deepEqual([mine.over, other.over], [mine.asked, []]);
        });
      }

      test('after a -32042 the agent hears of the end of the visit, tries again, and is let in [C16]', async () => {
        await using mine = await agent(way, 'alice');
        await using other = await agent('http', 'bob');
        const page = `page-${pages += 1}`;
        const ids = await wanted(mine.call(`${backend}__enter`, { page }));
        assert.equal(ids.length, 1);
        assert.notEqual(ids[0], page);
        await other.call(`${backend}__finish`, { page, aside: true });
        await until(() => mine.over.length > 0, 'it was told');
        assert.deepEqual([mine.over, other.over], [ids, []]);
        assert.equal(await mine.call(`${backend}__enter`, { page }), 'in');
      });
    });
  }

  test(`an agent of 2025-06-18 hears nothing of a backend over ${backend}, nor does anybody of a page that was shown by another [C16]`, { timeout: 120_000 }, async () => {
    const elsewhere = WAYS.find((one) => one !== backend);
    await using old = await agent('http', 'carol', '2025-06-18');
    await using mine = await agent('http', 'alice');
    const page = `page-${pages += 1}`;
    assert.doesNotMatch(await old.call(`${backend}__visit`, { page }), /accept/);
    await mine.call(`${backend}__visit`, { page });
    await old.call(`${elsewhere}__finish`, { page, aside: false });
    await mine.call(`${elsewhere}__echo`, { word: 'anything' });
    assert.deepEqual(mine.over, []);
    await old.call(`${backend}__finish`, { page, aside: false });
    await until(() => mine.over.length > 0, 'the right one was told');
    assert.deepEqual([old.asked, old.over], [[], []]);
  });
}
