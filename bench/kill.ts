// How long a kill takes on the real process, in milliseconds: until it is acknowledged, and until the agents whose calls were in flight have
// their answer. `node bench/kill.ts [rounds]`; one JSON object per way on stdout.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from '../test/support/e2e/clients.ts';
import { startGateway, type Gateway } from '../test/support/e2e/gateway.ts';
import { fixture } from '../test/support/e2e/servers.ts';

const ROUNDS = Number(process.argv[2] ?? 50);
const CALLS = 8;
const file = (n: number, killed: string): string => [`# ${n}`, fixture('good'), '[rbac.roles.developer]', 'permissions = ["*"]', '[rate_limits]', 'default_rpm = 1000000', 'probe_rpm = 1000000', '[kill_switch]', `disabled_tools = [${killed}]`, ''].join('\n');

interface Round {
  readonly acknowledged: number;
  readonly answered: number;
}

async function bySocket(gateway: Gateway): Promise<void> {
  const done = await gateway.control.kill({ scope: { kind: 'tool', pattern: 'good/never' }, reason: 'bench', until: undefined, by: 'bench', dryRun: false });
  if (!done.ok) throw new Error(done.error.message);
}

async function byFile(gateway: Gateway, n: number, killed: string): Promise<void> {
  gateway.write(file(n, killed));
  const hash = createHash('sha256').update(readFileSync(gateway.config)).digest('hex');
  gateway.process.signal('SIGHUP');
  await gateway.when((report) => report.configHash === hash, 'the file is in force');
}

const WAYS = {
  socket: { kill: bySocket, unkill: async (gateway: Gateway) => void (await gateway.control.unkill({ target: 'tool good/never', reason: 'bench', by: 'bench' })) },
  sighup: { kill: async (gateway: Gateway, n: number) => byFile(gateway, 2 * n + 1, '"good/never"'), unkill: async (gateway: Gateway, n: number) => byFile(gateway, 2 * n + 2, '') },
} as const;

function summary(values: readonly number[]): object {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => Math.round(100 * (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0)) / 100;
  return { min: at(0), median: at(0.5), p99: at(0.99), max: at(1) };
}

await using gateway = await startGateway({ toml: file(0, ''), gateway: ['log_level = "error"'] });
await using peer = await connect('v2-modern', { via: 'http', url: gateway.endpoint, token: await gateway.token('bench', 'developer') });
for (const [way, { kill, unkill }] of Object.entries(WAYS)) {
  const rounds: Round[] = [];
  for (let n = 0; n < ROUNDS; n += 1) {
    const calls = Promise.all(Array.from({ length: CALLS }, async () => peer.call('good__never', {})));
    await gateway.when((report) => report.inflight === CALLS, 'all are in flight');
    const start = performance.now();
    const answered = calls.then(() => performance.now() - start);
    await kill(gateway, n);
    const acknowledged = performance.now() - start;
    rounds.push({ acknowledged, answered: await answered });
    await unkill(gateway, n);
  }
  process.stdout.write(`${JSON.stringify({ way, rounds: ROUNDS, in_flight: CALLS, acknowledged_ms: summary(rounds.map((one) => one.acknowledged)), answered_ms: summary(rounds.map((one) => one.answered)) })}\n`);
}
