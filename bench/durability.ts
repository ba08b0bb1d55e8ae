// What the audit costs a call: without it, and with each `audit.durability`, on the embedded journal and shipped to PostgreSQL.
// `node bench/durability.ts [rounds] [in flight]`. One gateway per arm, all with the same stdio backend, loaded in turn, so that the moods of the
// machine fall on all alike. One JSON object per arm on stdout: calls per second, the gateway's processor time per call and the median latency,
// each with its ratio to the arm without an audit. PostgreSQL only where SENTINEL_TEST_DATABASE_URL names a server.
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { createDatabase } from '../test/support/postgres.ts';
import { startGateway, type Gateway } from '../test/support/e2e/gateway.ts';
import { ROOT } from '../test/support/e2e/processes.ts';
import { stdioBackend } from '../test/support/e2e/servers.ts';
import { envelope } from '../test/surfaces/speak.ts';

const ROUNDS = Number(process.argv[2] ?? 10);
const IN_FLIGHT = Number(process.argv[3] ?? 16);
const ROUND_MS = 1_000;
const QUICK = join(ROOT, 'test/fixtures/backends/quick.ts');

interface Arm {
  readonly name: string;
  readonly gateway: Gateway;
  readonly headers: Readonly<Record<string, string>>;
  readonly port: number;
  readonly rounds: Round[];
}

interface Round {
  readonly calls: number;
  /** Milliseconds of processor time of the gateway. */
  readonly cpu: number;
  readonly latencies: readonly number[];
}

await using bin = new AsyncDisposableStack();
const connections = new Agent({ keepAlive: true });
bin.defer(() => connections.destroy());
const server = process.env['SENTINEL_TEST_DATABASE_URL'];
const arms: Arm[] = [await armOf('off', undefined), await armOf('batched', 'batched'), await armOf('reads_batched', 'reads_batched'), await armOf('before_effect', 'before_effect')];
if (server !== undefined) arms.push(await armOf('before_effect, shipped to PostgreSQL', 'before_effect', server));
for (const arm of arms) await load(arm);
for (let round = 0; round < ROUNDS; round += 1) {
  for (const arm of arms.toSorted(() => Math.random() - 0.5)) arm.rounds.push(await load(arm));
  process.stderr.write('.');
}
process.stderr.write('\n');
const [off] = arms.map(figuresOf);
for (const arm of arms) {
  const mine = figuresOf(arm);
  const ratio = (key: keyof typeof mine): number => round3(mine[key] / (off?.[key] ?? NaN));
  process.stdout.write(`${JSON.stringify({
    durability: arm.name, in_flight: IN_FLIGHT, rounds: arm.rounds.length,
    calls_per_second: Math.round(mine.rate), cpu_us_per_call: Math.round(mine.cpu), median_ms: round3(mine.median),
    ratio: { calls_per_second: ratio('rate'), cpu_per_call: ratio('cpu'), median: ratio('median') },
  })}\n`);
}

async function armOf(name: string, durability: string | undefined, postgres?: string): Promise<Arm> {
  const gateway = bin.use(await startGateway({
    gateway: ['log_level = "error"', ...(durability === undefined ? ['audit_enabled = false'] : [])],
    ...(postgres === undefined ? {} : { env: { DATABASE_URL: await createDatabase(postgres) } }),
    toml: [
      stdioBackend('near', [process.execPath, QUICK, 'stdio'], ['concurrency = 1000']), '[rbac.roles.developer]', 'allow = ["near/*"]',
      '[rate_limits]', 'default_rpm = 10000000', ...(durability === undefined ? [] : ['[audit]', `durability = "${durability}"`]), '',
    ].join('\n'),
  }));
  const headers = {
    'Authorization': `Bearer ${await gateway.token('agent', 'developer')}`, 'Content-Type': 'application/json', 'Accept': 'application/json, text/event-stream',
    'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': 'near__echo',
  };
  return { name, gateway, headers, port: Number(new URL(gateway.endpoint).port), rounds: [] };
}

async function load(arm: Arm): Promise<Round> {
  const [before, latencies] = [cpuOf(arm), [] as number[]];
  const end = performance.now() + ROUND_MS;
  await Promise.all(Array.from({ length: IN_FLIGHT }, async () => {
    for (let id = 1; performance.now() < end; id += 1) {
      const began = performance.now();
      await call(arm, id);
      latencies.push(performance.now() - began);
    }
  }));
  return { calls: latencies.length, cpu: cpuOf(arm) - before, latencies };
}

function call({ port, headers }: Arm, id: number): Promise<void> {
  const body = JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'near__echo', arguments: { text: `n${id}` }, _meta: envelope() } });
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, method: 'POST', path: '/mcp', agent: connections, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk)).once('error', reject).once('end', () => {
        const text = Buffer.concat(chunks).toString();
        if (text.includes(`n${id}`)) resolve();
        else reject(new Error(text));
      });
    });
    sent.once('error', reject).end(body);
  });
}

/** utime and stime of proc(5), in ticks of 10 ms. */
function cpuOf({ gateway }: Arm): number {
  const stat = readFileSync(`/proc/${gateway.pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

function figuresOf({ rounds }: Arm): { readonly rate: number; readonly cpu: number; readonly median: number } {
  const calls = rounds.reduce((sum, one) => sum + one.calls, 0);
  const cpu = rounds.reduce((sum, one) => sum + one.cpu, 0);
  const sorted = rounds.flatMap(({ latencies }) => latencies).toSorted((a, b) => a - b);
  return { rate: (calls * 1000) / (rounds.length * ROUND_MS), cpu: (cpu * 1000) / calls, median: sorted[sorted.length >> 1] ?? NaN };
}

function round3(value: number): number {
  return Math.round(value * 1000) / 1000;
}
