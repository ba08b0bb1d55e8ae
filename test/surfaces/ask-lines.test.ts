// Asking an agent of the 2025 revisions on a line transport: its own stdio, and the socket of `sentinel stdio` in front of a running gateway.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Duplex, duplexPair, PassThrough } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { controlOf } from '../../src/cli/control.ts';
import { notificationMessage } from '../../src/relay/rpc.ts';
import { startControl } from '../../src/surfaces/control.ts';
import { serveStdio, type StdioSurface } from '../../src/surfaces/mcp/stdio.ts';
import { ALICE, ALICE_AGAIN, BOB, type FakeIngress, fakeIngress, type FakeOptions, principalOf } from './fake-ingress.ts';
import { fakeOperations } from './fake-operations.ts';
import { testSettings } from './settings.ts';
import { envelope } from './speak.ts';
import { eventually } from './wire.ts';

interface Line {
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: { readonly requestId?: string; readonly message?: string };
  readonly result?: { readonly content?: readonly { readonly text: string }[] };
  readonly error?: { readonly code: number };
}

interface Agent {
  readonly ingress: FakeIngress;
  lines(): readonly Line[];
  say(message: unknown): void;
  /** The first line like this, when it has come. */
  line(like: (line: Line) => boolean, what: string): Promise<Line>;
  leave(): void;
}

const ACCEPT = { action: 'accept', content: { ok: true } };
const INITIALIZED = { jsonrpc: '2.0', method: 'notifications/initialized' };

function agentOn(stream: Duplex, ingress: FakeIngress): Agent {
  let text = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    text += chunk;
  });
  const lines = (): readonly Line[] => text.split('\n').filter((line) => line !== '').flatMap((line): Line[] => {
    const value: unknown = JSON.parse(line);
    return Array.isArray(value) ? value : [value as Line];
  });
  return {
    ingress,
    lines,
    say: (message) => void stream.write(`${JSON.stringify(message)}\n`),
    line: async (like, what) => {
      await eventually(() => lines().some(like), `${what} in ${text}`);
      return lines().find(like) ?? {};
    },
    leave: () => void stream.end(),
  };
}

interface OnStdio extends Agent {
  readonly surface: StdioSurface;
}

function onStdio(t: TestContext, options: FakeOptions & { readonly token?: () => string } = {}): OnStdio {
  const ingress = fakeIngress(options);
  const [ours, theirs] = duplexPair();
  const surface = serveStdio(ingress, { input: ours, output: ours, token: options.token ?? ((): string => ALICE), peer: 'local' });
  t.after(() => surface.close(0));
  return { ...agentOn(theirs, ingress), surface };
}

async function onSocket(t: TestContext): Promise<Agent> {
  const directory = await mkdtemp(join(tmpdir(), 'ask-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const path = join(directory, 'run', 'control.sock');
  const ingress = fakeIngress();
  const started = await startControl(fakeOperations(), ingress, { path, operator: 'owner' });
  assert.ok(started.ok);
  t.after(() => started.value.close(0));
  const attached = await controlOf(path).attach(ALICE);
  assert.ok(attached.ok);
  t.after(() => attached.value.destroy());
  return agentOn(attached.value, ingress);
}

async function introduce({ say, line }: Agent, version: string = '2025-11-25', capabilities: object = { elicitation: {} }): Promise<void> {
  say({ jsonrpc: '2.0', id: 'init', method: 'initialize', params: { protocolVersion: version, capabilities, clientInfo: { name: 'test', version: '1' } } });
  await line(({ id }) => id === 'init', 'initialized');
  say(INITIALIZED);
}

function call(id: unknown, name: string, args: object = {}, meta?: object): object {
  return { jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args, ...(meta === undefined ? {} : { _meta: meta }) } };
}

function answering(id: unknown, result: object = ACCEPT): object {
  return { jsonrpc: '2.0', id, result };
}

function asked(id: string): (line: Line) => boolean {
  return (line) => line.id === id && line.method === 'elicitation/create';
}

/** What the tool was told by the agent. */
async function told({ line }: Agent, id: unknown): Promise<readonly unknown[]> {
  const answer = await line((found) => found.id === id && found.method === undefined, `an answer to ${String(id)}`);
  const replies: readonly { readonly kind: string; readonly raw?: string; readonly message?: string }[] = JSON.parse(answer.result?.content?.[0]?.text ?? '[]');
  return replies.map(({ kind, raw, message }) => (kind === 'result' ? JSON.parse(raw ?? '') : message));
}

const TRANSPORTS: readonly (readonly [string, (t: TestContext) => Agent | Promise<Agent>])[] = [['stdio', onStdio], ['the socket', onSocket]];

for (const [name, open] of TRANSPORTS) {
  test(`on ${name}: a question is a request with an id of ours, and its answer goes to the call that asked`, async (t) => {
    const agent = await open(t);
    await introduce(agent);
    agent.say(call(1, 'ask'));
    const question = await agent.line(asked('s-1'), 'the question');
    assert.equal(question.params?.message, 'Merge?');
    agent.say(answering('s-1'));
    assert.deepEqual(await told(agent, 1), [ACCEPT]);
  });

  test(`on ${name}: two calls and three questions at once, answered in any order, also declined`, async (t) => {
    const agent = await open(t);
    await introduce(agent);
    agent.say(call(1, 'ask', { questions: 2 }));
    agent.say(call(2, 'ask'));
    await agent.line(asked('s-3'), 'the last question');
    agent.say(answering('s-3', { action: 'decline' }));
    agent.say({ jsonrpc: '2.0', id: 's-2', error: { code: -1, message: 'User rejected' } });
    agent.say(answering('s-1'));
    assert.deepEqual(await told(agent, 1), [ACCEPT, 'User rejected']);
    assert.deepEqual(await told(agent, 2), [{ action: 'decline' }]);
  });

  test(`on ${name}: a cancelled call withdraws its question and is not answered`, async (t) => {
    const agent = await open(t);
    await introduce(agent);
    agent.say(call(1, 'ask'));
    await agent.line(asked('s-1'), 'the question');
    agent.say({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } });
    await agent.line(({ method, params }) => method === 'notifications/cancelled' && params?.requestId === 's-1', 'the withdrawal');
    agent.say(answering('s-1'));
    agent.say({ jsonrpc: '2.0', id: 2, method: 'ping' });
    await agent.line(({ id }) => id === 2, 'pong');
    assert.equal(agent.lines().some(({ id }) => id === 1), false);
  });

  test(`on ${name}: an agent that leaves with a question open ends it, and the conversation with it`, async (t) => {
    const agent = await open(t);
    await introduce(agent);
    agent.say(call(1, 'ask'));
    await agent.line(asked('s-1'), 'the question');
    const ended = agent.ingress.ios.at(-1)?.session?.ended;
    assert.equal(ended?.aborted, false);
    agent.leave();
    assert.deepEqual(await told(agent, 1), ['Not answered: the session has ended']);
    assert.deepEqual([ended?.aborted, ended?.reason], [true, 'agent']);
  });
}

test('T53 responses to nothing are dropped and counted, and need no token', async (t) => {
  const agent = onStdio(t, { token: () => ALICE });
  await introduce(agent);
  const before = agent.ingress.authentications;
  agent.say(answering('s-1'));
  agent.say(answering(7));
  agent.say({ jsonrpc: '2.0', error: { code: 1, message: 'x' } });
  await eventually(() => agent.surface.strays() === 3, 'all counted');
  assert.equal(agent.ingress.authentications, before);
  agent.say(call(1, 'ask'));
  await agent.line(asked('s-1'), 'the question: what was said before answers nothing');
  for (const id of ['s-2', 1, 's-1', 's-1']) agent.say(answering(id));
  assert.deepEqual(await told(agent, 1), [ACCEPT]);
  await eventually(() => agent.surface.strays() === 6, 'the repeat too');
});

test('an answer said with another principal\'s token, or with a dead one, answers nothing; a refreshed one does', async (t) => {
  let token = ALICE;
  const agent = onStdio(t, { token: () => token });
  await introduce(agent);
  agent.say(call(1, 'ask'));
  await agent.line(asked('s-1'), 'the question');
  token = BOB;
  agent.say(answering('s-1', { from: 'bob' }));
  await eventually(() => agent.surface.strays() === 1, 'dropped');
  agent.ingress.revoked.add(principalOf(ALICE, 'alice').credential);
  token = ALICE;
  const written = agent.lines().length;
  agent.say(answering('s-1', { from: 'a dead token' }));
  await eventually(() => agent.ingress.refused.length === 1, 'recorded');
  assert.equal(agent.lines().length, written, 'a response is never answered');
  token = ALICE_AGAIN;
  agent.say(answering('s-1'));
  assert.deepEqual(await told(agent, 1), [ACCEPT]);
});

test('both eras on one stream: the modern call is not asked, the other is [S11, SI7]', async (t) => {
  const agent = onStdio(t);
  await introduce(agent);
  agent.say(call(1, 'ask', {}, envelope()));
  agent.say(call(2, 'ask'));
  const modernAnswer = await agent.line(({ id }) => id === 1, 'the modern answer');
  assert.match(modernAnswer.result?.content?.[0]?.text ?? '', /cannot ask/);
  await agent.line(asked('s-1'), 'the question');
  const [, first, second] = agent.ingress.ios;
  assert.deepEqual([first?.ask, first?.session], [undefined, undefined]);
  assert.ok(second?.ask !== undefined && second.session !== undefined);
});

test('a batch of 2025-03-26 is asked, and answered by a batch', async (t) => {
  const agent = onStdio(t);
  await introduce(agent, '2025-03-26', { sampling: {} });
  agent.say([call(1, 'ask'), call(2, 'ask')]);
  await agent.line(asked('s-2'), 'both questions');
  agent.say([answering('s-1', { for: 1 }), answering('s-2', { for: 2 })]);
  assert.deepEqual([await told(agent, 1), await told(agent, 2)], [[{ for: 1 }], [{ for: 2 }]]);
});

test('closing waits for no answer, since nothing is read any more', async (t) => {
  const agent = onStdio(t);
  await introduce(agent);
  agent.say(call(1, 'ask'));
  await agent.line(asked('s-1'), 'the question');
  const ended = agent.ingress.ios.at(-1)?.session?.ended;
  await agent.surface.close(5000);
  assert.deepEqual(await told(agent, 1), ['Not answered: the session has ended']);
  assert.equal(ended?.reason, 'shutdown');
  assert.deepEqual(agent.ingress.cancelled, []);
});

test('I15 a reader that is far behind is asked nothing', async (t) => {
  const ingress = fakeIngress({ settings: testSettings({ bounds: { streamBufferBytes: 1000 } }) });
  const [input, output] = [new PassThrough(), new PassThrough({ highWaterMark: 100 })];
  const surface = serveStdio(ingress, { input, output, token: () => ALICE, peer: 'local' });
  t.after(() => surface.close(0));
  const messages = [
    { jsonrpc: '2.0', id: 'init', method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } } },
    INITIALIZED, call(1, 'big', { bytes: 5000 }), call(2, 'wait', { ms: 1 }),
  ];
  input.write(messages.map((message) => JSON.stringify(message)).join('\n').concat('\n'));
  await eventually(() => output.writableLength > 1000, 'a backlog');
  const reply = await ingress.ios.at(-1)?.ask?.({ method: 'roots/list', params: undefined }, new AbortController().signal);
  assert.equal(reply?.kind, 'error');
});

test('notices of the session are told in order, equal ones once to a reader that is behind, and none after its end', async (t) => {
  const ingress = fakeIngress();
  const [input, output] = [new PassThrough(), new PassThrough({ highWaterMark: 10 })];
  const surface = serveStdio(ingress, { input, output, token: () => ALICE, peer: 'local' });
  t.after(() => surface.close(0));
  const opening = { jsonrpc: '2.0', id: 'init', method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } } };
  for (const message of [opening, INITIALIZED, { jsonrpc: '2.0', id: 1, method: 'tools/list' }]) input.write(`${JSON.stringify(message)}\n`);
  await eventually(() => ingress.seen.length === 2 && ingress.watchers.size === 1 && output.writableNeedDrain, 'a session and a backlog');
  const io = ingress.ios.at(-1)?.session;
  assert.ok(io !== undefined);
  for (const list of ['tools', 'prompts', 'tools', 'resources'] as const) ingress.watchers.forEach(({ changed }) => changed(list));
  for (const name of ['a', 'b', 'a']) io.notify(notificationMessage(`notifications/${name}`));
  let text = '';
  output.setEncoding('utf8');
  output.on('data', (chunk: string) => {
    text += chunk;
  });
  const notices = (): readonly string[] => [...text.matchAll(/"method":"notifications\/([^"]+)"/g)].map(([, name]) => name ?? '');
  await eventually(() => notices().length === 5, 'all notices');
  assert.deepEqual(notices(), ['tools/list_changed', 'prompts/list_changed', 'resources/list_changed', 'a', 'b']);
  await surface.close(0);
  io.notify(notificationMessage('notifications/late'));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(notices().length, 5);
});

test('B22: an agent whose token was revoked is told nothing more of what it follows', async (t) => {
  const agent = onStdio(t);
  await introduce(agent, '2025-06-18', {});
  agent.say(call(1, 'echo'));
  await agent.line(({ id }) => id === 1, 'the answer');
  const io = agent.ingress.ios.at(-1)?.session;
  io?.notify(notificationMessage('notifications/before'));
  await agent.line(({ method }) => method === 'notifications/before', 'news of a good token');
  agent.ingress.revoked.add(agent.ingress.seen.at(-1)?.principal.credential ?? '');
  io?.notify(notificationMessage('notifications/secret'));
  agent.say({ jsonrpc: '2.0', id: 2, method: 'ping' });
  await agent.line(({ id }) => id === 2, 'the refusal');
  assert.ok(!agent.lines().some(({ method }) => method === 'notifications/secret'));
});

test('what an agent on stdio can be asked for, and its log level, come from its initialize and logging/setLevel; modern requests bring their own (T36, T100) [S5]', async (t) => {
  const agent = onStdio(t);
  await introduce(agent, '2025-06-18', { elicitation: {}, sampling: {} });
  agent.say({ jsonrpc: '2.0', id: 1, method: 'logging/setLevel', params: { level: 'error' } });
  agent.say({ jsonrpc: '2.0', id: 2, method: 'logging/setLevel', params: { level: 'loud' } });
  await agent.line(({ id }) => id === 2, 'both levels');
  agent.say(call(3, 'echo'));
  agent.say(call(4, 'echo', {}, { ...envelope(), 'io.modelcontextprotocol/clientCapabilities': { roots: {} }, 'io.modelcontextprotocol/logLevel': 'debug' }));
  agent.say(call(5, 'echo', {}, envelope()));
  agent.say(call(6, 'echo', {}, { ...envelope(), 'io.modelcontextprotocol/logLevel': 'loud' }));
  assert.equal((await agent.line(({ id }) => id === 6, 'the refusal')).error?.code, -32602);
  await eventually(() => agent.ingress.seen.length === 6, 'all three calls');
  const origins = agent.ingress.seen.slice(3).map(({ origin: { capabilities, logLevel } }) => [capabilities.elicitForm, capabilities.sampling, capabilities.roots, logLevel]);
  assert.deepEqual(origins, [[true, true, false, 'error'], [false, false, true, 'debug'], [false, false, false, undefined]]);
});
