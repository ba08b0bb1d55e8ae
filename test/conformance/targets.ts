// Whom the suite asks: the fixture itself, and the fixture behind a real gateway, over HTTP and over stdio, in both eras. Each has a fixture of
// its own, because the lists of one change while it is asked.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startGateway } from '../support/e2e/gateway.ts';
import { plainEnv, ROOT, start, until } from '../support/e2e/processes.ts';
import { httpBackend, stdioBackend } from '../support/e2e/servers.ts';
import { bearerProxy } from './bearer.ts';

export type TargetName = 'direct' | 'http' | 'stdio' | 'http-2025' | 'stdio-2025';
export const TARGETS: readonly TargetName[] = ['direct', 'http', 'stdio', 'http-2025', 'stdio-2025'];
export const THROUGH: readonly TargetName[] = TARGETS.slice(1);

/** Of the last two the gateway speaks 2025-11-25 with the fixture. A 2026 client sees other questions then, as it must, so they are compared for clients of 2025. */
export function takes(target: TargetName, revision: string): boolean {
  return !target.endsWith('-2025') || revision < '2026';
}

export interface Targets extends AsyncDisposable {
  readonly urls: ReadonlyMap<TargetName, string>;
  /** What the gateway logged. */
  log(): string;
}

export const FIXTURE: string = join(ROOT, 'test/conformance/fixture.ts');
const ASKS = 'asks = { elicitation = true, sampling = true, roots = true }';

export async function startTargets(): Promise<Targets> {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'fixture-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const [direct, modern, legacy] = await Promise.all([startFixture(folder, stack), startFixture(folder, stack), startFixture(folder, stack)]);
  const proxies = await Promise.all(THROUGH.map(async (name) => ({ name, proxy: stack.use(await bearerProxy()) })));
  const child = [process.execPath, FIXTURE, 'stdio'];
  const gateway = stack.use(await startGateway({
    // Pages of the gateway's own origin are what the suite sends as good ones; here that is the proxy's.
    gateway: [`allowed_origins = [${proxies.map(({ proxy }) => JSON.stringify(new URL(proxy.url).origin)).join(', ')}]`],
    // The suite opens a session for each scenario and does not always end it, and asks faster than people do. Streams that wait are ended and
    // resumed (SEP-1699): those of a stdio fixture too, which cannot end one by itself.
    toml: [
      '[bounds]', 'sessions_per_principal = 1000', 'streams_per_principal = 1000', 'stream_time = "2s"', '',
      '[rate_limits]', 'default_rpm = 100000', 'probe_rpm = 100000', '',
      httpBackend('http', modern, [ASKS]),
      stdioBackend('stdio', child, [ASKS]),
      httpBackend('http-2025', legacy, [ASKS, 'era = "legacy"']),
      stdioBackend('stdio-2025', child, [ASKS, 'era = "legacy"']),
      '[rbac.roles.tester]', 'permissions = ["*"]', '',
    ].join('\n'),
  }));
  const token = await gateway.token('suite', 'tester');
  for (const { name, proxy } of proxies) proxy.lead(`${gateway.endpoint}/${name}`, token);
  const rest = stack.move();
  return { urls: new Map([['direct', direct], ...proxies.map(({ name, proxy }) => [name, proxy.url] as const)]), log: () => gateway.process.stderr(), [Symbol.asyncDispose]: () => rest.disposeAsync() };
}

/** The fixture over HTTP, as a process of its own; its URL. */
export async function startFixture(folder: string, stack: AsyncDisposableStack): Promise<string> {
  const running = start([process.execPath, FIXTURE, 'http'], { env: plainEnv(folder), cwd: folder });
  stack.defer(async () => {
    running.signal('SIGKILL');
    await running.ended;
  });
  const port = await until(() => {
    if (running.hasEnded()) throw new Error(`the fixture ended: ${running.stderr()}`);
    return /port (\d+)\n/.exec(running.stderr())?.[1];
  }, 'the fixture listens');
  return `http://127.0.0.1:${port}/mcp`;
}
