// A running gateway for tests of requirements: a legacy child with everything to offer, a modern HTTP server that answers as it is told and
// keeps what it was sent, one with tools alone; and agents of the modern era by hand over both transports.
import { join } from 'node:path';
import { ScriptedHttp, type Asked, type Json } from '../fixtures/backends/scripted-http.ts';
import { startGateway, type Gateway } from '../support/e2e/gateway.ts';
import { modern as modernParams, startLines, type LineAgent } from '../support/e2e/lines.ts';
import { MAIN, ROOT } from '../support/e2e/processes.ts';
import { fixture, httpBackend, stdioBackend } from '../support/e2e/servers.ts';
import { envelope, modern } from '../surfaces/speak.ts';
import { ask } from '../surfaces/wire.ts';

/** What the modern server says of itself, and no agent may read. */
export const INNER = 'inner-canary';
const META = { _meta: { 'io.modelcontextprotocol/serverInfo': { name: INNER, version: '9' } } } as const;
const HINTS = { ttlMs: 60_000, cacheScope: 'public' } as const;

export interface Heard {
  /** Over HTTP. */
  readonly status: number | undefined;
  readonly result: Readonly<Record<string, unknown>> | undefined;
  readonly error: { readonly code: number; readonly message: string; readonly data?: unknown } | undefined;
  /** The whole answer as it came. */
  readonly text: string;
}

export interface Said {
  readonly params?: Readonly<Record<string, unknown>>;
  /** Beside the envelope. */
  readonly meta?: object;
  readonly headers?: Readonly<Record<string, string>>;
  /** `all` by default. */
  readonly role?: string;
  readonly path?: string;
}

/** Says one request of the modern era, and hears its answer. */
export type Say = (method: string, said?: Said) => Promise<Heard>;

export interface RequirementsWorld extends AsyncDisposable {
  readonly gateway: Gateway;
  readonly port: number;
  readonly inner: ScriptedHttp;
  readonly ways: readonly (readonly [name: 'http' | 'stdio', say: Say])[];
  readonly http: Say;
  /** An agent by hand on stdio, attached to the gateway. */
  lines(role: string): Promise<LineAgent>;
}

function text(words: string): { readonly content: readonly Json[] } {
  return { content: [{ type: 'text', text: words }] };
}

/** Whatever the server is asked, it repeats as text. `what` says what else it does. */
function script({ method, params, id, headers, say, answer, response }: Asked): boolean {
  const args = Object(params['arguments'] ?? {});
  const result = (body: { readonly [key: string]: Json }): void => answer({ resultType: 'complete', ...HINTS, ...META, ...body });
  switch (method) {
    case 'prompts/list': result({ prompts: [{ name: 'p' }, { name: 'q' }] }); return true;
    case 'prompts/get': result({ messages: [{ role: 'user', content: { type: 'text', text: 'said' } }] }); return true;
    case 'resources/list': result({ resources: [{ uri: 'mem://note', name: 'note' }] }); return true;
    case 'resources/templates/list': result({ resourceTemplates: [{ uriTemplate: 'mem://{x}', name: 't' }] }); return true;
    case 'resources/read': result({ contents: [{ uri: 'mem://note', text: 'the note' }] }); return true;
    case 'completion/complete': result({ completion: { values: Array.from({ length: Number(Object(params['argument']).value) || 1 }, (_, at) => `v${at}`), hasMore: false } }); return true;
    case 'tools/call':
      if (args.what === 'needs') {
        say({ jsonrpc: '2.0', id, error: { code: -32021, message: 'needs', data: { requiredCapabilities: { elicitation: { form: {} } } } } });
        response.end();
      } else if (args.what === 'page') {
        answer({ resultType: 'input_required', requestState: 's', inputRequests: { k: { method: 'elicitation/create', params: { mode: 'url', message: 'Sign in', url: args.url } } } });
      } else result(text(JSON.stringify({ params, headers })));
      return true;
    default: return false;
  }
}

export async function requirementsWorld(more = ''): Promise<RequirementsWorld> {
  const bin = new AsyncDisposableStack();
  const inner = await new ScriptedHttp({ era: 'modern', capabilities: { tools: {}, prompts: {}, resources: {}, completions: {}, logging: {} }, asked: script }).start();
  bin.defer(async () => inner.stop());
  const gateway = bin.use(await startGateway({ toml: [
    '[rate_limits]', 'default_rpm = 100000', 'probe_rpm = 100000', '', more,
    stdioBackend('curious', [process.execPath, join(ROOT, 'test/fixtures/backends/curious.ts')]), httpBackend('inner', inner.url), fixture('plain', ['--era=modern']),
    '[rbac.roles.all]', 'permissions = ["*"]', '', '[rbac.roles.tools]', 'allow = ["curious/do", "inner/do", "plain/*"]', '', '[rbac.roles.plain]', 'allow = ["plain/*"]', '',
  ].join('\n') }));
  await gateway.when(({ backends }) => backends.every(({ state }) => state === 'ready'), 'all are ready');
  const port = Number(new URL(gateway.endpoint).port);
  let count = 0;

  const http: Say = async (method, { params = {}, meta = {}, headers = {}, role = 'all', path = '/mcp' } = {}) => {
    count += 1;
    const token = await gateway.token('alice', role);
    const reply = await ask(modern(port, { method, params, id: count, meta: { ...envelope(), ...meta }, path, headers: { Authorization: `Bearer ${token}`, ...headers } }));
    const lines = reply.text.split('\n').filter((line) => line.startsWith('data: ')).map((line) => line.slice(6));
    const { result, error } = JSON.parse(lines.at(-1) ?? reply.text);
    return { status: reply.status, result, error, text: reply.text };
  };

  const lines = async (role: string): Promise<LineAgent> => {
    const argv = [process.execPath, MAIN, 'stdio', '--attach', '--config', gateway.config];
    return bin.use(startLines(argv, { env: { ...gateway.env, SENTINEL_TOKEN: await gateway.token('alice', role) }, cwd: gateway.folder }));
  };
  const attached = new Map<string, LineAgent>();
  const stdio: Say = async (method, { params = {}, meta = {}, role = 'all' } = {}) => {
    count += 1;
    const agent = attached.get(role) ?? await lines(role);
    attached.set(role, agent);
    const { result, error } = await agent.ask(count, method, modernParams(params, meta));
    return { status: undefined, result, error, text: agent.raw(count) };
  };

  return { gateway, port, inner, http, lines, ways: [['http', http], ['stdio', stdio]], [Symbol.asyncDispose]: async () => bin.disposeAsync() };
}
