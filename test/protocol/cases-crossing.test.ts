// 10,000 interleaved calls of many agents with equal ids, in both eras, towards a stdio and an HTTP backend that answer in another order than
// they were asked (A35, T102): each gets its own answer.
import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { ScriptedHttp } from '../fixtures/backends/scripted-http.ts';
import { startGateway } from '../support/e2e/gateway.ts';
import { ROOT } from '../support/e2e/processes.ts';
import { httpBackend, stdioBackend } from '../support/e2e/servers.ts';
import { envelope, session } from '../surfaces/speak.ts';

const AGENTS = 20;
const CALLS = 500;
const AT_ONCE = 5;
const LIMITS = ['concurrency = 1000', 'queue = 1000'];

/** Like `ask` of wire.ts, over connections that are kept: ten thousand of them would be a test of the kernel. */
function post(agent: Agent, port: number, headers: Readonly<Record<string, string>>, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, method: 'POST', path: '/mcp', agent, headers: { 'Content-Type': 'application/json', 'Accept': 'application/json, text/event-stream', ...headers } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('end', () => resolve(Buffer.concat(chunks).toString()));
      response.once('error', reject);
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

test('A35 T102: ten thousand calls of twenty agents, all with the same ids: each agent gets the answers to its own [C3]', async () => {
  await using bin = new AsyncDisposableStack();
  const peer = await new ScriptedHttp({
    era: 'modern',
    asked: ({ method, params, answer }) => {
      if (method !== 'tools/call') return false;
      const said = JSON.stringify(params['arguments']);
      // The later may overtake the earlier, by an order that is the same in every run.
      setTimeout(() => answer({ resultType: 'complete', content: [{ type: 'text', text: said }] }), (said.length * 7 + Number(/\d+/.exec(said)?.[0])) % 5);
      return true;
    },
  }).start();
  bin.defer(async () => peer.stop());
  const gateway = bin.use(await startGateway({
    toml: [
      '[rate_limits]', 'default_rpm = 1000000', '',
      httpBackend('http', peer.url, LIMITS), stdioBackend('stdio', [process.execPath, join(ROOT, 'test/fixtures/backends/curious.ts')], LIMITS),
      '[rbac.roles.all]', 'permissions = ["*"]', '',
    ].join('\n'),
  }));
  const port = Number(new URL(gateway.endpoint).port);
  const agent = new Agent({ keepAlive: true, maxSockets: AGENTS * AT_ONCE });
  bin.defer(() => agent.destroy());

  let right = 0;
  await Promise.all(Array.from({ length: AGENTS }, async (_, who) => {
    const authorization = { Authorization: `Bearer ${await gateway.token(`agent${who}`, 'all')}` };
    const isModern = who % 2 === 0;
    const own = isModern ? undefined : await session(port, '2025-11-25', authorization);
    const headers = (name: string): Record<string, string> => (own === undefined
      ? { ...authorization, 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': name }
      : { ...authorization, 'MCP-Protocol-Version': own.version, 'Mcp-Session-Id': own.id });
    let next = 1;
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      for (let id = next; id <= CALLS; id = next) {
        next += 1;
        const name = id % 3 === 0 ? 'stdio__do' : 'http__do';
        const mark = `${id} of agent ${who}.`;
        const text = await post(agent, port, headers(name), JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: { mark }, ...(isModern ? { _meta: envelope() } : {}) } }));
        assert.equal(Number(/"id":(\d+)/.exec(text)?.[1]), id, text);
        assert.ok(text.includes(mark), `${mark} got ${text}`);
        right += 1;
      }
    }));
  }));
  assert.equal(right, AGENTS * CALLS);
});
