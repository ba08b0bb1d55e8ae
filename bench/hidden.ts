// Whether time tells a hidden tool from a name that nobody has (SEC49): both are called in turn over one kept HTTP connection, and so is a second
// unknown name, which says how much two equal things differ here. `node bench/hidden.ts [rounds]`; one JSON object on stdout.
import { Agent, request } from 'node:http';
import { startGateway } from '../test/support/e2e/gateway.ts';
import { fixture } from '../test/support/e2e/servers.ts';
import { modern } from '../test/surfaces/speak.ts';

const ROUNDS = Number(process.argv[2] ?? 5000);
const WARM_UP = 500;
const BLOCK = 100;
/** Names of one length, so that bytes tell nothing either. */
const NAMES = { hidden: 'good__echo', unknown: 'good__ecko', control: 'good__eklo' } as const;
type Name = keyof typeof NAMES;
/** Each comes first, second and third equally often, and after each of the others. */
const ORDERS: readonly (readonly Name[])[] = [
  ['hidden', 'unknown', 'control'], ['unknown', 'control', 'hidden'], ['control', 'hidden', 'unknown'],
  ['control', 'unknown', 'hidden'], ['hidden', 'control', 'unknown'], ['unknown', 'hidden', 'control'],
];

await using gateway = await startGateway({
  toml: [fixture('good'), '[rbac.roles.all]', 'permissions = ["*"]', '[rbac.roles.some]', 'permissions = ["*"]', 'denied_tools = ["good/echo"]', '[rate_limits]', 'default_rpm = 100000000', 'probe_rpm = 100000000', ''].join('\n'),
  gateway: ['log_level = "error"'],
});
const port = Number(new URL(gateway.endpoint).port);
const tokens = { all: await gateway.token('alice', 'all'), some: await gateway.token('bob', 'some') };
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

async function call(name: string, token: string): Promise<{ readonly ms: number; readonly text: string }> {
  const { headers, body } = modern(port, { method: 'tools/call', params: { name, arguments: {} }, headers: { Authorization: `Bearer ${token}` } });
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const asked = request({ host: '127.0.0.1', port, path: '/mcp', method: 'POST', agent, headers: { ...headers, 'content-type': 'application/json', accept: 'application/json, text/event-stream' } }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk)).once('end', () => resolve({ ms: performance.now() - start, text }));
    });
    asked.once('error', reject).end(body);
  });
}

async function check(): Promise<void> {
  const there = await call(NAMES.hidden, tokens.all);
  if (!there.text.includes('"result"')) throw new Error(`the hidden tool is not there: ${there.text}`);
  const said = await Promise.all(Object.values(NAMES).map(async (name) => (await call(name, tokens.some)).text.replaceAll(name, '?')));
  if (new Set(said).size !== 1 || !said[0]?.includes('-32602')) throw new Error(`the answers differ: ${said.join(' ')}`);
}

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return ((sorted[Math.floor((sorted.length - 1) / 2)] ?? 0) + (sorted[Math.ceil((sorted.length - 1) / 2)] ?? 0)) / 2;
};
const rounded = (value: number): number => Math.round(value * 10_000) / 10_000;

type Times = Readonly<Record<Name, number>>;

/** Medians of whole blocks against each other: what one round suffers hits all three. */
function compared(of: Name, to: Name, rounds: readonly Times[]): object {
  const blocks = Array.from({ length: Math.floor(rounds.length / BLOCK) }, (_, at) => rounds.slice(at * BLOCK, (at + 1) * BLOCK));
  const ratios = blocks.map((block) => median(block.map((times) => times[of])) / median(block.map((times) => times[to]))).toSorted((a, b) => a - b);
  const at = (share: number): number => rounded(ratios[Math.min(ratios.length - 1, Math.floor(share * ratios.length))] ?? 0);
  return {
    ratio: rounded(median(rounds.map((times) => times[of])) / median(rounds.map((times) => times[to]))),
    blocks: { p5: at(0.05), p50: at(0.5), p95: at(0.95) },
    paired_median_us: rounded(1000 * median(rounds.map((times) => times[of] - times[to]))),
    slower_share: rounded(rounds.filter((times) => times[of] > times[to]).length / rounds.length),
  };
}

await check();
const rounds: Times[] = [];
for (let n = -WARM_UP; n < ROUNDS; n += 1) {
  const times: Record<Name, number> = { hidden: 0, unknown: 0, control: 0 };
  for (const name of ORDERS[(n + WARM_UP) % ORDERS.length] ?? []) times[name] = (await call(NAMES[name], tokens.some)).ms;
  if (n >= 0) rounds.push(times);
}
agent.destroy();
process.stdout.write(`${JSON.stringify({ rounds: ROUNDS, unknown_median_ms: rounded(median(rounds.map(({ unknown }) => unknown))), hidden_to_unknown: compared('hidden', 'unknown', rounds), control_to_unknown: compared('control', 'unknown', rounds) })}\n`);
