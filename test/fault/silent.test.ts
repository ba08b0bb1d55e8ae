// A backend that reads and never answers, over stdio and over HTTP: who waits for it waits alone.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { join } from 'node:path';
import { connect, GENERATIONS } from '../support/e2e/clients.ts';
import { startGateway } from '../support/e2e/gateway.ts';
import { MAIN, plainEnv, ROOT, start, until } from '../support/e2e/processes.ts';
import { httpBackend, stdioBackend } from '../support/e2e/servers.ts';
import { envelope, MODERN } from '../surfaces/speak.ts';

const QUICK = join(ROOT, 'test/fixtures/backends/quick.ts');
const HANGING = 6;

test('while two backends are silent with calls hanging on them, lists, calls and new sessions of the others complete; the hung calls end with a timeout', async () => {
  await using bin = new AsyncDisposableStack();
  const http = async (...manner: readonly string[]): Promise<string> => {
    const server = start([process.execPath, QUICK, 'http', ...manner], { env: plainEnv(ROOT), cwd: ROOT });
    bin.defer(async () => void (server.signal('SIGKILL'), await server.ended));
    await until(() => server.stdout().includes('\n'), 'it says where it is');
    return server.stdout().trim();
  };
  const gateway = bin.use(await startGateway({
    toml: [
      stdioBackend('near', [process.execPath, QUICK, 'stdio']), httpBackend('far', await http()),
      // One is waited for as long as all the rest takes, the other for as long as its timeout.
      stdioBackend('silent', [process.execPath, QUICK, 'stdio', 'silent'], ['timeout_secs = 600']), httpBackend('mute', await http('silent'), ['timeout_secs = 2', 'circuit_breaker_threshold = 100']),
      '[rbac.roles.all]', 'permissions = ["*"]', '',
    ].join('\n'),
  }));
  const token = await gateway.token('agent', 'all');
  const stop = new AbortController();
  // No client of an SDK: those give up by themselves.
  const hang = (name: string): readonly Promise<string>[] => Array.from({ length: HANGING }, async (_, id) => {
    const headers = { 'Authorization': `Bearer ${token}`, 'Content-Type': 'application/json', 'Accept': 'application/json, text/event-stream', 'MCP-Protocol-Version': MODERN, 'Mcp-Method': 'tools/call', 'Mcp-Name': name };
    const body = JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: { text: 'x' }, _meta: envelope() } });
    return (await fetch(gateway.endpoint, { method: 'POST', headers, body, signal: stop.signal })).text();
  });
  const ended: string[] = [];
  const [silent, mute] = [hang('silent__echo').map(async (call) => assert.rejects(call).then(() => void ended.push('silent'))), hang('mute__echo')];
  const hanging = async (): Promise<number> => (await gateway.status()).backends.find((one) => one.id === 'silent')?.inflight ?? 0;
  await gateway.when(({ backends }) => backends.some((one) => one.id === 'silent' && one.inflight === HANGING), 'calls hang');

  const tokenFile = await gateway.tokenFile('agent', 'all');
  const attached = { via: 'stdio', argv: [process.execPath, MAIN, 'stdio', '--attach', '--config', gateway.config, '--token-file', tokenFile], env: gateway.env, cwd: gateway.folder } as const;
  const ways = GENERATIONS.map((generation) => ({ generation, way: { via: 'http', url: gateway.endpoint, token } as const }));
  for (const { generation, way } of [...ways, { generation: 'v1' as const, way: attached }, { generation: 'v2-modern' as const, way: attached }]) {
    await using peer = await connect(generation, way);
    for (let n = 0; n < 3; n += 1) {
      assert.deepEqual((await peer.list()).map((tool) => tool.name).toSorted(), ['far__echo', 'mute__echo', 'near__echo', 'silent__echo']);
      for (const name of ['near__echo', 'far__echo']) {
        const answer = await peer.call(name, { text: `${generation} ${n}` });
        assert.ok(answer.kind === 'result' && !answer.isError && answer.text === `${generation} ${n}`, JSON.stringify(answer));
      }
      await peer.ping();
    }
  }

  for (const text of await Promise.all(mute)) assert.match(text, /"error":\{"code":-32603,.*"SEN-0404"/);
  assert.deepEqual([await hanging(), ended], [HANGING, []], 'all of that was done while they hung');
  stop.abort();
  await Promise.all(silent);
  await gateway.when((report) => report.inflight === 0, 'nothing hangs any more');
});
