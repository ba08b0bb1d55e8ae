// T83, T85–T89 end to end: a server of the first SDK asks, over stdio and HTTP, and a modern agent answers with its next request; or late,
// twice, bent, as another, never, or after a restart. The tool runs once, whatever happens.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { launch, prepare, type Gateway, type Setup } from '../support/e2e/gateway.ts';
import { plainEnv, ROOT, start, until } from '../support/e2e/processes.ts';
import { httpBackend, stdioBackend } from '../support/e2e/servers.ts';
import { envelope, errorOf, modern, resultOf, textOf } from '../surfaces/speak.ts';
import { ask, type Reply } from '../surfaces/wire.ts';

const SERVER = [process.execPath, join(ROOT, 'test/fixtures/mcp/v1-server.ts'), '2025-11-25'];
const ABLE = { ...envelope(), 'io.modelcontextprotocol/clientCapabilities': { elicitation: {} } };
const ACCEPT = { action: 'accept', content: { ok: true } };

interface Opened {
  readonly state: string;
  readonly keys: readonly string[];
}

const bin = new AsyncDisposableStack();
let setup: Setup;
let gateway: Gateway;

async function startServer(folder: string): Promise<string> {
  const running = start([...SERVER, 'http'], { env: plainEnv(folder), cwd: folder });
  bin.defer(async () => {
    running.signal('SIGKILL');
    await running.ended;
  });
  return until(() => /port (\d+)\n/.exec(running.stderr())?.[1], 'the server listens');
}

before(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'asks-'));
  bin.defer(() => rmSync(folder, { recursive: true, force: true }));
  const port = await startServer(folder);
  setup = bin.use(await prepare({ toml: [httpBackend('http', `http://127.0.0.1:${port}/mcp`), stdioBackend('stdio', [...SERVER, 'stdio']), '[rbac.roles.all]', 'permissions = ["*"]', ''].join('\n') }));
  gateway = await launch(setup);
  bin.defer(async () => void (await gateway.stop()));
});
after(async () => bin.disposeAsync());

const port = (): number => Number(new URL(gateway.endpoint).port);

async function call(name: string, over: { readonly as?: string; readonly args?: object; readonly more?: object } = {}): Promise<Reply> {
  const token = await setup.token(over.as ?? 'alice', 'all');
  return ask(modern(port(), { method: 'tools/call', params: { name, arguments: over.args ?? {}, ...over.more }, meta: ABLE, headers: { Authorization: `Bearer ${token}` } }));
}

async function opened(backend: string): Promise<Opened> {
  const result = resultOf((await call(`${backend}__elicit`)).text);
  assert.equal(result['resultType'], 'input_required');
  return { state: String(result['requestState']), keys: Object.keys(Object(result['inputRequests'])) };
}

const answered = ({ state, keys }: Opened): object => ({ requestState: state, inputResponses: Object.fromEntries(keys.map((key) => [key, ACCEPT])) });

async function seen(backend: string): Promise<{ readonly elicits: number; readonly abandoned: number }> {
  return JSON.parse(textOf((await call(`${backend}__seen`)).text));
}

const refused = (reply: Reply): void => assert.equal(errorOf(reply.text).code, -32602, reply.text);

for (const backend of ['stdio', 'http']) {
  describe(`a legacy backend over ${backend} that asks`, () => {
    test('T83 the answer comes with the next request, and ends the same call: one call at the backend [S7]', async () => {
      const before = await seen(backend);
      const state = await opened(backend);
      assert.equal(state.keys.length, 1);
      const reply = await call(`${backend}__elicit`, { more: answered(state) });
      assert.equal(resultOf(reply.text)['resultType'], 'complete');
      assert.equal(textOf(reply.text), 'accept {"ok":true}');
      assert.equal((await seen(backend)).elicits, before.elicits + 1);
    });

    test('T85 T87 T88 a bent state, another principal, another tool and other arguments are refused, and cost its owner nothing [S14, SEC13]', async () => {
      const state = await opened(backend);
      const before = await seen(backend);
      const middle = Math.floor(state.state.length / 2);
      const bent = `${state.state.slice(0, middle)}${state.state[middle] === 'A' ? 'B' : 'A'}${state.state.slice(middle + 1)}`;
      refused(await call(`${backend}__elicit`, { more: answered({ ...state, state: bent }) }));
      refused(await call(`${backend}__elicit`, { as: 'mallory', more: answered(state) }));
      refused(await call(`${backend}__change`, { more: answered(state) }));
      refused(await call(`${backend}__elicit`, { args: { note: 'other' }, more: answered(state) }));
      assert.deepEqual(await seen(backend), before, 'the backend was not asked again');
      assert.equal(textOf((await call(`${backend}__elicit`, { more: answered(state) })).text), 'accept {"ok":true}', 'its owner can still answer');
    });

    test('T91 while one agent is asked, another\'s question is its own (HTTP) or nobody\'s (stdio), and no answer goes astray [CI7, SEC32]', async () => {
      const state = await opened(backend);
      if (backend === 'stdio') {
        // Two calls run on one process, and a question there names neither.
        assert.equal(textOf((await call('stdio__elicit', { as: 'bob' })).text), 'decline {}');
      } else {
        const theirs = resultOf((await call('http__elicit', { as: 'bob' })).text);
        const own: Opened = { state: String(theirs['requestState']), keys: Object.keys(Object(theirs['inputRequests'])) };
        refused(await call('http__elicit', { more: answered(own) }));
        const inputResponses = Object.fromEntries(own.keys.map((key) => [key, { action: 'cancel' }]));
        assert.equal(textOf((await call('http__elicit', { as: 'bob', more: { requestState: own.state, inputResponses } })).text), 'cancel {}');
      }
      assert.equal(textOf((await call(`${backend}__elicit`, { more: answered(state) })).text), 'accept {"ok":true}');
    });

    test('T86 an answer that comes twice is refused the second time', async () => {
      const state = await opened(backend);
      assert.equal(textOf((await call(`${backend}__elicit`, { more: answered(state) })).text), 'accept {"ok":true}');
      const before = await seen(backend);
      refused(await call(`${backend}__elicit`, { more: answered(state) }));
      assert.deepEqual(await seen(backend), before);
    });
  });
}

test('T89 who never comes back: the backend\'s question is withdrawn after the time for that, so that its call ends, and its state is refused', async () => {
  const toml = ['[bounds]', 'park_time = "1s"', '', stdioBackend('stdio', [...SERVER, 'stdio']), '[rbac.roles.all]', 'permissions = ["*"]', ''].join('\n');
  const [old, hasty] = [{ setup, gateway }, await prepare({ toml })];
  setup = hasty;
  gateway = await launch(hasty);
  try {
    const state = await opened('stdio');
    await until(async () => (await seen('stdio')).abandoned > 0, 'the backend is told');
    refused(await call('stdio__elicit', { more: answered(state) }));
    assert.equal((await seen('stdio')).elicits, 1);
  } finally {
    await gateway.stop();
    hasty[Symbol.dispose]();
    ({ setup, gateway } = old);
  }
});

test('T89 after a restart no state of before is good, and no tool is run again for it', async () => {
  const state = await opened('http');
  const before = await seen('http');
  await gateway.stop();
  gateway = await launch(setup);
  refused(await call('http__elicit', { more: answered(state) }));
  assert.equal((await seen('http')).elicits, before.elicits);
});
