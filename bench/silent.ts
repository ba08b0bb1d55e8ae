// What calls that hang on a backend that reads and never answers do to the p99 of the calls to the others.
// `node bench/silent.ts [rounds] [hanging] [stdio|http]`; with 0 hanging it shows the noise of the method. One JSON object on stdout.
// Two gateways of one configuration, with every control on. Each call goes to both at once, so that the moods of the machine fall on both
// alike; calls hang on one of them, for longer than 30 s each, while none hang on the other. Half-way they change places.
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startGateway, type Gateway } from '../test/support/e2e/gateway.ts';
import { plainEnv, ROOT, start, until, type Running } from '../test/support/e2e/processes.ts';
import { httpBackend, stdioBackend } from '../test/support/e2e/servers.ts';
import { envelope, session } from '../test/surfaces/speak.ts';

const ROUNDS = Number(process.argv[2] ?? 30);
const HANGING = Number(process.argv[3] ?? 32);
const SILENT = process.argv[4] === 'http' ? 'http' : 'stdio';
const AGENTS = 8;
const ROUND_MS = 2_000;
const WARM_MS = 4_000;
/** Between two calls of an agent, on average: without it eight agents fill two processors, and the tail is the scheduler's. */
const THINK_MS = 10;
const TIMEOUT_S = 31;
const LEAST_MS = 30_000;
/** Between two calls that come to hang: all in one moment, they would be a burst of calls, again at each timeout. */
const APART_MS = 100;
const OTHERS = ['stdio1', 'stdio2', 'http1', 'http2'];
const QUICK = join(ROOT, 'test/fixtures/backends/quick.ts');

interface AgentOf {
  readonly headers: (name: string) => Readonly<Record<string, string>>;
  readonly meta: object;
}

interface Side {
  readonly gateway: Gateway;
  readonly agents: readonly AgentOf[];
  readonly port: number;
}

/** Milliseconds of each call, and the processor's time of the gateway, in milliseconds. */
interface Round {
  readonly hung: readonly number[];
  readonly free: readonly number[];
  readonly cpu: Readonly<Record<Arm, number>>;
}

type Arm = 'hung' | 'free';

await using bin = new AsyncDisposableStack();
const connections = new Agent({ keepAlive: true });
bin.defer(() => connections.destroy());
const [first, second] = [await side(), await side()];
await load(first, second, WARM_MS);

const rounds: Round[] = [];
const spans: number[] = [];
for (const [hung, free] of [[first, second], [second, first]] as const) {
  let isOver = false;
  const hanging = Promise.all(Array.from({ length: HANGING }, async (_, n) => hang(hung, n, () => isOver)));
  await hung.gateway.when((report) => report.inflight === HANGING, 'they hang');
  for (let n = 0; n < ROUNDS / 2; n += 1) {
    rounds.push(await load(hung, free, ROUND_MS));
    process.stderr.write('.');
  }
  isOver = true;
  await hanging;
}
process.stderr.write('\n');
process.stdout.write(`${JSON.stringify(report())}\n`);

async function side(): Promise<Side> {
  const servers = await Promise.all([[], [], ...(SILENT === 'http' ? [['silent']] : [])].map(async (manner) => httpServer(manner)));
  const [one = '', two = '', three = ''] = servers;
  const silent = ['concurrency = 1000', `timeout_secs = ${TIMEOUT_S}`, 'circuit_breaker_threshold = 100000', 'breaker.minimum_calls = 100000'];
  const gateway = bin.use(await startGateway({
    gateway: ['log_level = "error"'],
    toml: [
      ...['stdio1', 'stdio2'].map((name) => stdioBackend(name, [process.execPath, QUICK, 'stdio'])), httpBackend('http1', one), httpBackend('http2', two),
      SILENT === 'http' ? httpBackend('silent', three, silent) : stdioBackend('silent', [process.execPath, QUICK, 'stdio', 'silent'], silent),
      '[rbac.roles.developer]', 'allow = ["stdio*/*", "http*/echo", "silent/*"]', 'deny = ["*/delete_*"]',
      '[rate_limits]', 'default_rpm = 1000000', 'per_tool = { "stdio1/*" = 1000000 }', 'per_role = { developer = 10000000 }', 'per_backend = { http1 = 1000000 }', 'global_rpm = 10000000',
      '[kill_switch]', 'disabled_tools = ["*/drop_*"]', 'disabled_subjects = ["mallory"]', '',
    ].join('\n'),
  }));
  const port = Number(new URL(gateway.endpoint).port);
  return { gateway, port, agents: await Promise.all(Array.from({ length: AGENTS }, async (_, n) => agent(gateway, port, n))) };
}

async function httpServer(manner: readonly string[]): Promise<string> {
  const running: Running = start([process.execPath, QUICK, 'http', ...manner], { env: plainEnv(ROOT), cwd: ROOT });
  bin.defer(async () => void (running.signal('SIGKILL'), await running.ended));
  await until(() => running.stdout().includes('\n'), 'the server says where it is');
  return running.stdout().trim();
}

/** Half of them of 2026-07-28, half with a session of 2025-11-25. */
async function agent(gateway: Gateway, port: number, n: number): Promise<AgentOf> {
  const authorization = { Authorization: `Bearer ${await gateway.token(`agent${n}`, 'developer')}` };
  if (n % 2 === 0) return { headers: (name) => ({ ...authorization, 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': name }), meta: { _meta: envelope() } };
  const { id, version } = await session(port, '2025-11-25', authorization);
  return { headers: () => ({ ...authorization, 'MCP-Protocol-Version': version, 'Mcp-Session-Id': id }), meta: {} };
}

function call({ port, agents }: Side, n: number, id: number, name: string): Promise<string> {
  const { headers, meta } = agents[n] ?? { headers: () => ({}), meta: {} };
  const body = JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: { text: `n${id}`, n: id }, ...meta } });
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, method: 'POST', path: '/mcp', agent: connections, headers: { 'Content-Type': 'application/json', 'Accept': 'application/json, text/event-stream', ...headers(name) } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk)).once('end', () => resolve(Buffer.concat(chunks).toString())).once('error', reject);
    });
    sent.once('error', reject).end(body);
  });
}

/** Every agent calls the others in turn, with the same ids as all agents: the same call at both gateways in one moment, each sent first as often. */
async function load(hung: Side, free: Side, ms: number): Promise<Round> {
  const [took, before] = [{ hung: [] as number[], free: [] as number[] }, { hung: cpuOf(hung), free: cpuOf(free) }];
  const end = performance.now() + ms;
  await Promise.all(Array.from({ length: AGENTS }, async (_, n) => {
    for (let id = 1; performance.now() < end; id += 1) {
      const name = `${OTHERS[(id + n) % OTHERS.length]}__echo`;
      await delay(2 * THINK_MS * Math.random());
      const order = Math.random() < 0.5 ? (['hung', 'free'] as const) : (['free', 'hung'] as const);
      await Promise.all(order.map(async (arm) => took[arm].push(await timed(arm === 'hung' ? hung : free, n, id, name))));
    }
  }));
  return { ...took, cpu: { hung: cpuOf(hung) - before.hung, free: cpuOf(free) - before.free } };
}

/** utime and stime of proc(5), in ticks of 10 ms: coarse for a round, fine for all of them. */
function cpuOf({ gateway }: Side): number {
  const stat = readFileSync(`/proc/${gateway.pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

async function timed(to: Side, n: number, id: number, name: string): Promise<number> {
  const start = performance.now();
  const text = await call(to, n, id, name);
  if (!text.includes(`"text":"n${id}"`)) throw new Error(text);
  return performance.now() - start;
}

/** One call after the other, each until the gateway gives it up. */
async function hang(to: Side, n: number, isOver: () => boolean): Promise<void> {
  await delay(n * APART_MS);
  // No id that this agent uses for another call meanwhile.
  for (let id = 1_000_000 * (n + 1); !isOver(); id += 1) {
    const start = performance.now();
    const text = await call(to, n % AGENTS, id, 'silent__echo');
    const span = performance.now() - start;
    if (span < LEAST_MS || !text.includes('SEN-0404')) throw new Error(`a call that should hang ended after ${span} ms: ${text}`);
    spans.push(span);
  }
}

function at(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

function rounded(value: number, digits = 3): number {
  return Number(value.toFixed(digits));
}

function summary(arm: Arm, of: readonly Round[]): { readonly calls: number; readonly p50: number; readonly p99: number; readonly cpu: number } {
  const all = of.flatMap((round) => round[arm]);
  const cpu = of.reduce((sum, round) => sum + round.cpu[arm], 0);
  return { calls: all.length, p50: rounded(at(all, 0.5)), p99: rounded(at(all, 0.99)), cpu: rounded(cpu / all.length) };
}

/** The interval is of rounds drawn anew with replacement: calls of one round are not independent, rounds are nearly so. */
function report(): object {
  const drawn = Array.from({ length: 200 }, () => {
    const sample = Array.from({ length: rounds.length }, () => rounds[Math.floor(Math.random() * rounds.length)]).filter((round) => round !== undefined);
    return summary('hung', sample).p99 / summary('free', sample).p99;
  });
  const [hung, free] = [summary('hung', rounds), summary('free', rounds)];
  const each = rounds.map((round) => at(round.hung, 0.99) / at(round.free, 0.99));
  return {
    silent: SILENT, hanging: HANGING, hung_calls: spans.length, shortest_s: rounded(Math.min(...spans) / 1000, 1), rounds: rounds.length, with_ms: hung, without_ms: free,
    p50_ratio: rounded(hung.p50 / free.p50), cpu_per_call_ratio: rounded(hung.cpu / free.cpu), p99_ratio: rounded(hung.p99 / free.p99), p99_ratio_95: [rounded(at(drawn, 0.025)), rounded(at(drawn, 0.975))],
    p50_and_p99_ratio_of_halves: [0, 1].map((half) => {
      const of = rounds.slice(half * rounds.length / 2, (half + 1) * rounds.length / 2);
      const [hung, free] = [summary('hung', of), summary('free', of)];
      return [rounded(hung.p50 / free.p50), rounded(hung.p99 / free.p99)];
    }),
    p99_ratio_of_rounds: { quarter: rounded(at(each, 0.25)), median: rounded(at(each, 0.5)), three_quarters: rounded(at(each, 0.75)) },
  };
}
