// MCP Apps through the whole gateway, between real peers over HTTP: offered on the endpoint of one server, under the server's own names; on the
// endpoint of all not offered. Other extensions are dropped both ways.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from '@modelcontextprotocol/client';
import { Client as ClientV1 } from 'mcp-sdk-v1/client/index.js';
import { StreamableHTTPClientTransport as HttpV1 } from 'mcp-sdk-v1/client/streamableHttp.js';
import { MODERN } from '../support/e2e/clients.ts';
import { startGateway, type Gateway } from '../support/e2e/gateway.ts';
import { plainEnv, ROOT, start, until } from '../support/e2e/processes.ts';
import { httpBackend, stdioBackend } from '../support/e2e/servers.ts';

const UI = 'io.modelcontextprotocol/ui';
const PAGE = 'ui://weather/view.html';
const SHOWS = { [UI]: { mimeTypes: ['text/html;profile=mcp-app'] } };
const FOREIGN = { 'x.example/y': { loud: true } };
const SERVER = join(ROOT, 'test/fixtures/mcp/apps-server.ts');
const BACKENDS = ['modern', 'legacy'] as const;
const AGENTS = [MODERN, '2025-11-25'] as const;

const bin = new AsyncDisposableStack();
let gateway: Gateway;
let token = '';
let blind = '';

before(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'apps-'));
  bin.defer(() => rmSync(folder, { recursive: true, force: true }));
  const running = start([process.execPath, SERVER, 'http'], { env: plainEnv(folder), cwd: folder });
  bin.defer(async () => {
    running.signal('SIGKILL');
    await running.ended;
  });
  const port = await until(() => /port (\d+)\n/.exec(running.stderr())?.[1], 'the server listens');
  gateway = bin.use(await startGateway({
    toml: [
      httpBackend('modern', `http://127.0.0.1:${port}/mcp`), stdioBackend('legacy', [process.execPath, SERVER, 'stdio']),
      '[rbac.roles.all]', 'permissions = ["*"]', '', '[rbac.roles.blind]', 'allow = ["resource:*/*"]', '',
    ].join('\n'),
  }));
  await gateway.when(({ backends }) => backends.length === 2 && backends.every(({ state }) => state === 'ready'), 'both are ready');
  token = await gateway.token('alice', 'all');
  blind = await gateway.token('bob', 'blind');
});
after(async () => bin.disposeAsync());

interface Read {
  readonly contents: readonly { readonly uri: string; readonly mimeType?: string | undefined; readonly text?: string; readonly _meta?: unknown }[];
}

/** A host with pages, and with an extension nobody knows; or one without any. */
interface Host extends AsyncDisposable {
  extensions(): unknown;
  tools(): Promise<readonly { readonly name: string; readonly _meta?: unknown }[]>;
  read(uri: string): Promise<Read>;
  /** What the server says that its client declared. */
  declared(name: string): Promise<Readonly<Record<string, unknown>>>;
}

async function host(version: (typeof AGENTS)[number], at: string, extensions: Record<string, Record<string, unknown>> = { ...SHOWS, ...FOREIGN }, as: string = token): Promise<Host> {
  const url = new URL(at === '' ? gateway.endpoint : `${gateway.endpoint}/${at}`);
  const reach = { requestInit: { headers: { Authorization: `Bearer ${as}` } } };
  const textIn = (result: object): Readonly<Record<string, unknown>> => {
    const [block]: readonly { readonly text: string }[] = JSON.parse(JSON.stringify('content' in result ? result.content : []));
    return JSON.parse(block?.text ?? '');
  };
  if (version === MODERN) {
    const client = new ClientV2({ name: 'host', version: '1' }, { capabilities: { extensions: JSON.parse(JSON.stringify(extensions)) }, versionNegotiation: { mode: { pin: MODERN } } });
    await client.connect(new HttpV2(url, reach));
    return {
      extensions: () => client.getServerCapabilities()?.extensions,
      tools: async () => (await client.listTools()).tools,
      read: async (uri) => client.readResource({ uri }),
      declared: async (name) => textIn(await client.callTool({ name, arguments: {} })),
      [Symbol.asyncDispose]: async () => client.close(),
    };
  }
  const client = new ClientV1({ name: 'host', version: '1' }, { capabilities: { extensions } });
  await client.connect(new HttpV1(url, reach));
  return {
    extensions: () => client.getServerCapabilities()?.extensions,
    tools: async () => (await client.listTools()).tools,
    read: async (uri) => client.readResource({ uri }),
    declared: async (name) => textIn(await client.callTool({ name, arguments: {} })),
    [Symbol.asyncDispose]: async () => client.close(),
  };
}

describe('T139 apps', () => {
  for (const agent of AGENTS) {
    for (const backend of BACKENDS) {
      test(`T139 a host of ${agent} before a ${backend} server: offered on its endpoint, and the page of the tool is read by its own name`, async () => {
        await using one = await host(agent, backend);
        assert.deepEqual(one.extensions(), { [UI]: {} }, 'and no other extension');
        const [tool] = await one.tools();
        assert.deepEqual([tool?.name, tool?._meta], ['weather', { ui: { resourceUri: PAGE }, 'ui/resourceUri': PAGE }]);
        const [page] = (await one.read(PAGE)).contents;
        assert.deepEqual([page?.uri, page?.mimeType, page?._meta], [PAGE, 'text/html;profile=mcp-app', { ui: { csp: { connectDomains: ['https://weather.example'] } } }]);
        assert.deepEqual((await one.declared('weather'))['extensions'], SHOWS, 'the server hears of apps, and of no other extension');
      });

      test(`T139 a host of ${agent} before a ${backend} server: on the endpoint of all apps are not offered, and a page is still read by the name that is listed`, async () => {
        await using all = await host(agent, '');
        assert.equal(all.extensions(), undefined);
        const tool = (await all.tools()).find(({ name }) => name === `${backend}__weather`);
        const page = `ui://${backend}+weather/view.html`;
        assert.deepEqual(tool?._meta, { ui: { resourceUri: page }, 'ui/resourceUri': page });
        assert.equal((await all.read(page)).contents[0]?.uri, page);
        // A legacy server has one session for all agents, and heard of apps when that began.
        if (backend === 'modern') assert.equal((await all.declared('modern__weather'))['extensions'], undefined);
      });
    }

    test(`a host of ${agent} that shows no pages is not said to`, async () => {
      await using plain = await host(agent, 'modern', FOREIGN);
      assert.equal((await plain.declared('weather'))['extensions'], undefined);
    });

    test(`a host of ${agent} whose role has no tools of the server is not offered apps`, async () => {
      await using one = await host(agent, 'modern', { ...SHOWS }, blind);
      assert.equal(one.extensions(), undefined);
      assert.deepEqual(await one.tools(), []);
    });
  }
});
