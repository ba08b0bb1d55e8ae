// One real gateway with nine backends: each revision over each transport, and HTTP+SSE, written with the SDK that speaks it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startGateway, type Gateway } from '../support/e2e/gateway.ts';
import { MAIN, plainEnv, ROOT, start, until } from '../support/e2e/processes.ts';
import { httpBackend, stdioBackend } from '../support/e2e/servers.ts';
import { connect, type Agent, type Way } from './agents.ts';
import { REVISIONS, WAYS, type Able, type BackendSide, type Revision, type Side } from './verdicts.ts';

/** `http251125`: 2025-11-25 over HTTP. */
export const backendName = ({ revision, way }: BackendSide): string => `${way}${revision.slice(2).replaceAll('-', '')}`;
export const SIDES: readonly Side[] = REVISIONS.flatMap((revision) => WAYS.map((way) => ({ revision, way })));
export const BACKENDS: readonly BackendSide[] = [...SIDES, { revision: '2024-11-05', way: 'sse' }];

const ASKS = 'asks = { elicitation = true, sampling = true, roots = true }';

export interface MatrixWorld extends AsyncDisposable {
  readonly gateway: Gateway;
  agent(side: Side, able: Able): Promise<Agent>;
  /** Over HTTP, on the endpoint of one backend. */
  agentOf(revision: Revision, backend: BackendSide): Promise<Agent>;
  /** Over stdio of a process that is the whole gateway for this one agent, in front of the same HTTP servers and stdio servers of its own. */
  agentAlone(revision: Revision): Promise<Agent>;
}

function argvOf({ revision, way }: BackendSide): readonly string[] {
  const folder = join(ROOT, 'test/fixtures/mcp');
  return revision === '2026-07-28' ? [process.execPath, join(folder, 'v2-server.ts'), way] : [process.execPath, join(folder, 'v1-server.ts'), revision, way];
}

export async function startWorld(): Promise<MatrixWorld> {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'matrix-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const backends = await Promise.all(BACKENDS.map(async (side) => {
    if (side.way === 'stdio') return stdioBackend(backendName(side), argvOf(side), [ASKS]);
    const running = start(argvOf(side), { env: plainEnv(folder), cwd: folder });
    stack.defer(async () => {
      running.signal('SIGKILL');
      await running.ended;
    });
    const port = await until(() => {
      if (running.hasEnded()) throw new Error(`the server ended: ${running.stderr()}`);
      return /port (\d+)\n/.exec(running.stderr())?.[1];
    }, 'the server listens');
    return httpBackend(backendName(side), `http://127.0.0.1:${port}/mcp`, [ASKS, ...(side.way === 'sse' ? ['sse = true', 'exact_url = true'] : [])]);
  }));
  const gateway = stack.use(await startGateway({ toml: ['[rate_limits]', 'default_rpm = 100000', 'probe_rpm = 100000', '', ...backends, '[rbac.roles.tester]', 'permissions = ["*"]', ''].join('\n') }));
  await gateway.when(({ backends: rows }) => rows.length === BACKENDS.length && rows.every(({ state }) => state === 'ready'), 'all backends are ready');
  const token = await gateway.token('matrix', 'tester');
  const overStdio = (manner: '--attach' | '--alone'): Way => ({ via: 'stdio', argv: [process.execPath, MAIN, 'stdio', manner, '--config', gateway.config], env: { ...gateway.env, SENTINEL_TOKEN: token }, cwd: gateway.folder });
  const rest = stack.move();
  return {
    gateway,
    agent: async ({ revision, way }, able) => connect(revision, able, way === 'http'
      ? { via: 'http', url: gateway.endpoint, token }
      : overStdio('--attach')),
    agentOf: async (revision, backend) => connect(revision, 'asked', { via: 'http', url: `${gateway.endpoint}/${backendName(backend)}`, token }),
    agentAlone: async (revision) => {
      const agent = await connect(revision, 'asked', overStdio('--alone'));
      // Its first list waits for quick backends only; the others come with list_changed.
      await until(async () => {
        const listed = await agent.list();
        return BACKENDS.every((side) => listed.includes(`${backendName(side)}__echo`));
      }, 'all its backends are ready');
      return agent;
    },
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  };
}
