import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startGateway, type Gateway, type Row } from '../support/e2e/gateway.ts';
import { MAIN, plainEnv, ROOT, run, start, until, type Running, type Said } from '../support/e2e/processes.ts';
import { everything } from '../support/e2e/servers.ts';

const INSPECTOR = join(ROOT, 'node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js');
const TOML = [everything(), '[rbac.roles.developer]', 'allow = ["everything/*"]', 'deny = ["everything/get-env"]', '', '[rate_limits.per_tool]', '"everything/get-sum" = 1', ''].join('\n');

describe('MCP Inspector, its command line', () => {
  const bin = new AsyncDisposableStack();
  let gateway: Gateway;
  let token = '';
  let tail: Running;
  let home = '';

  before(async () => {
    gateway = bin.use(await startGateway({ toml: TOML, keys: 'own' }));
    home = join(gateway.folder, 'inspector');
    mkdirSync(home);
    token = await gateway.token('inspector', 'developer');
    tail = start([process.execPath, MAIN, 'audit', 'tail', '--json', '--config', gateway.config], { env: gateway.env, cwd: gateway.folder });
    bin.defer(() => tail.signal('SIGKILL'));
  });
  after(async () => bin.disposeAsync());

  const inspect = async (bearer: string, ...args: string[]): Promise<Said> =>
    run([process.execPath, INSPECTOR, '--cli', gateway.endpoint, '--transport', 'http', '--header', `Authorization: Bearer ${bearer}`, ...args], { env: plainEnv(home), cwd: home });

  test('lists tools with the bearer token, without what the role may not', async () => {
    const said = await inspect(token, '--method', 'tools/list');
    assert.equal(said.code, 0, said.stderr);
    const { tools }: { tools: readonly { name: string }[] } = JSON.parse(said.stdout);
    const names = tools.map((tool) => tool.name);
    assert.ok(names.includes('everything__echo') && !names.includes('everything__get-env'), names.join(' '));
  });

  test('calls a tool; a denied call is refused; both appear in `sentinel audit tail`', async () => {
    const allowed = await inspect(token, '--method', 'tools/call', '--tool-name', 'everything__echo', '--tool-arg', 'message=from the inspector');
    assert.equal(allowed.code, 0, allowed.stderr);
    assert.match(allowed.stdout, /from the inspector/);
    const sum = async (): Promise<Said> => inspect(token, '--method', 'tools/call', '--tool-name', 'everything__get-sum', '--tool-arg', 'a=1', 'b=2');
    assert.match((await sum()).stdout, /is 3/);
    assert.match((await sum()).stdout, /SEN-0303/);
    // The Inspector looks a name up in the list, and does not even ask for what is not there: asked for by hand.
    const denied = await inspect(token, '--method', 'tools/call', '--tool-name', 'everything__get-env');
    assert.notEqual(denied.code, 0);
    assert.ok(!denied.stdout.includes('PATH'), denied.stdout);
    await fetch(gateway.endpoint, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', accept: 'application/json, text/event-stream', 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'everything__get-env' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'everything__get-env', _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientInfo': { name: 'by hand', version: '1' }, 'io.modelcontextprotocol/clientCapabilities': {} } } }),
    });
    const rows = (): readonly Row[] => tail.stdout().split('\n').slice(0, -1).map((line): Row => JSON.parse(line));
    const has = (tool: string, status: string): boolean => rows().some((row) => row['object_name'] === tool && row['status'] === status && row['subject'] === 'inspector');
    await until(() => has('echo', 'success') && has('get-sum', 'rate_limited') && has('get-env', 'denied'), 'all are in the tail');
  });

  test('without a token, or with another one, nothing is listed', async () => {
    for (const bearer of ['', `${token}x`]) {
      const said = await inspect(bearer, '--method', 'tools/list');
      assert.notEqual(said.code, 0);
      assert.ok(!said.stdout.includes('everything__'), said.stdout);
    }
  });
});
