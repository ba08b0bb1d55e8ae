// One real gateway before servers with tasks: the extension of 2026-07-28 and the experimental form of 2025-11-25, each over HTTP and stdio; the
// latter from the first SDK and from the fixture of the conformance suite. And the published server that has one tool as a task.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startGateway, type Gateway } from './gateway.ts';
import { plainEnv, ROOT, start, until } from './processes.ts';
import { everything, httpBackend, stdioBackend } from './servers.ts';
import { legacyAgent, modernAgent, textOf, type Begun, type Body, type Question, type Reach, type TaskAgent } from './task-agents.ts';

export type Era = 'modern' | 'legacy';
export interface TaskBackend {
  readonly name: string;
  /** What the gateway speaks with it. */
  readonly era: Era;
}

export const BACKENDS: readonly TaskBackend[] = [
  { name: 'modern-http', era: 'modern' },
  { name: 'modern-stdio', era: 'modern' },
  { name: 'legacy-http', era: 'legacy' },
  { name: 'legacy-stdio', era: 'legacy' },
  { name: 'fixture-http', era: 'legacy' },
  { name: 'fixture-stdio', era: 'legacy' },
];

export const AGENTS: readonly { readonly era: Era; readonly tasks: boolean }[] = [{ era: 'modern', tasks: true }, { era: 'modern', tasks: false }, { era: 'legacy', tasks: true }, { era: 'legacy', tasks: false }];
export const saying = ({ era, tasks }: { readonly era: Era; readonly tasks: boolean }): string => `${era === 'modern' ? '2026-07-28' : '2025-11-25'} ${tasks ? 'with' : 'without'} tasks`;

export interface TaskWorld extends AsyncDisposable {
  readonly gateway: Gateway;
  readonly token: string;
  /** Of somebody else with the same role. */
  readonly stranger: string;
  /** On the endpoint of one backend, or on that of all. */
  url(backend?: TaskBackend): string;
  agent(era: Era, tasks: boolean, at: string, more?: Partial<Reach>): Promise<TaskAgent>;
}

/** Says yes, and that it is Alice. */
export function consent(params: Body): { readonly action: 'accept'; readonly content: { readonly confirm: true } | { readonly name: string } } {
  return { action: 'accept', content: String(params['message']).startsWith('Delete') ? { confirm: true } : { name: 'Alice' } };
}

const FIXTURE = join(ROOT, 'test/conformance/fixture.ts');
const V1 = join(ROOT, 'test/fixtures/mcp/v1-tasks.ts');

export async function startTaskWorld(): Promise<TaskWorld> {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'tasks-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const lines = await Promise.all(BACKENDS.map(async ({ name, era }) => {
    const own = name.startsWith('legacy') ? V1 : FIXTURE;
    // Each is spoken with as it is meant to be, however slowly it starts.
    const more = [`era = "${era}"`];
    return name.endsWith('stdio') ? stdioBackend(name, [process.execPath, own, 'stdio'], more) : httpBackend(name, await serverUrl(own, folder, stack), more);
  }));
  const gateway = stack.use(await startGateway({ toml: ['[rate_limits]', 'default_rpm = 100000', 'probe_rpm = 100000', '', ...lines, everything(), '[rbac.roles.tester]', 'permissions = ["*"]', ''].join('\n') }));
  await gateway.when(({ backends }) => backends.length === BACKENDS.length + 1 && backends.every(({ state }) => state === 'ready'), 'all backends are ready');
  const [token, stranger] = [await gateway.token('alice', 'tester'), await gateway.token('bob', 'tester')];
  const rest = stack.move();
  return {
    gateway, token, stranger,
    url: (backend) => (backend === undefined ? gateway.endpoint : `${gateway.endpoint}/${backend.name}`),
    agent: async (era, tasks, url, more = {}) => {
      const reach = { url, tasks, token, user: ({ params }: Question) => consent(params), ...more };
      return era === 'modern' ? modernAgent(reach) : legacyAgent(reach);
    },
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  };
}

async function serverUrl(program: string, folder: string, stack: AsyncDisposableStack): Promise<string> {
  const running = start([process.execPath, program, 'http'], { env: plainEnv(folder), cwd: folder });
  stack.defer(async () => {
    running.signal('SIGKILL');
    await running.ended;
  });
  const port = await until(() => {
    if (running.hasEnded()) throw new Error(`the server ended: ${running.stderr()}`);
    return /port (\d+)\n/.exec(running.stderr())?.[1];
  }, 'the server listens');
  return `http://127.0.0.1:${port}/mcp`;
}

/** What came of a call, whether it was a task or not. */
export interface Came {
  readonly text: string;
  readonly isError: boolean;
  readonly code: number | undefined;
  /** Of the task. */
  readonly status: string | undefined;
}

export async function came(agent: TaskAgent, tool: string, args: Body = {}): Promise<Came> {
  const begun = await agent.begin(tool, args);
  const { said, status } = begun.kind === 'task' ? await agent.settle(begun.id) : { said: begun, status: undefined };
  const body = said?.kind === 'result' ? said.body : {};
  return { text: textOf(body), isError: body['isError'] === true, code: said?.kind === 'error' ? said.code : undefined, status };
}

export function taskOf(begun: Begun): string {
  assert.equal(begun.kind, 'task', JSON.stringify(begun));
  return begun.kind === 'task' ? begun.id : '';
}

/** How many jobs of a backend were begun and cancelled. */
export async function seen(agent: TaskAgent): Promise<{ readonly started: number; readonly cancelled: number }> {
  const said = await agent.ask('tools/call', { name: 'jobs_seen', arguments: {} });
  assert.ok(said.kind === 'result', JSON.stringify(said));
  return JSON.parse(textOf(said.body));
}
