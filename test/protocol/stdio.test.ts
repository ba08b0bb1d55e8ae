// An agent on stdio, case by case: T55–T62, both eras on one stream, and the ends of a conversation.
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { NO_CAPABILITIES } from '../../src/core/capabilities.ts';
import { serveStdio, type StdioOptions, type StdioSurface } from '../../src/surfaces/mcp/stdio.ts';
import { ALICE, ALICE_AGAIN, BOB, type FakeIngress, fakeIngress, type FakeOptions, LATE_ALICE, principalOf } from '../surfaces/fake-ingress.ts';
import { testSettings } from '../surfaces/settings.ts';
import { envelope } from '../surfaces/speak.ts';
import { eventually } from '../surfaces/wire.ts';

interface Line {
  readonly id?: unknown;
  readonly method?: unknown;
  readonly params?: unknown;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly code: number; readonly message: string };
}

interface Agent {
  readonly ingress: FakeIngress;
  readonly surface: StdioSurface;
  readonly input: PassThrough;
  /** Everything written so far. */
  text(): string;
  lines(): readonly Line[];
  say(message: unknown): void;
  answer(id: unknown): Promise<Line>;
}

function agent(t: TestContext, options: FakeOptions & { readonly token?: StdioOptions['token'] } = {}): Agent {
  const ingress = fakeIngress(options);
  const input = new PassThrough();
  const output = new PassThrough();
  let text = '';
  output.setEncoding('utf8');
  output.on('data', (chunk: string) => {
    text += chunk;
  });
  const surface = serveStdio(ingress, { input, output, token: options.token ?? ((): string => ALICE), peer: 'local' });
  t.after(() => surface.close(0));
  const lines = (): readonly Line[] => text.split('\n').filter((line) => line !== '').flatMap((line): Line[] => {
    const value: unknown = JSON.parse(line);
    return Array.isArray(value) ? value : [value as Line];
  });
  return {
    ingress,
    surface,
    input,
    text: () => text,
    lines,
    say: (message) => void input.write(`${typeof message === 'string' ? message : JSON.stringify(message)}\n`),
    answer: async (id) => {
      const found = (): Line | undefined => lines().find((line) => line.id === id && line.method === undefined);
      await eventually(() => found() !== undefined, `an answer to ${String(id)} in ${text}`);
      return found() ?? {};
    },
  };
}

const INITIALIZE = { jsonrpc: '2.0', id: 'init', method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } } };
const INITIALIZED = { jsonrpc: '2.0', method: 'notifications/initialized' };

function call(id: unknown, name: string, args: Readonly<Record<string, unknown>> = {}, meta?: Readonly<Record<string, unknown>>): unknown {
  return { jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args, ...(meta === undefined ? {} : { _meta: meta }) } };
}

test('T55 a first line of server/discover is answered [S2]', async (t) => {
  const { say, answer } = agent(t);
  say({ jsonrpc: '2.0', id: 1, method: 'server/discover', params: { _meta: envelope() } });
  assert.deepEqual((await answer(1)).result?.['supportedVersions'], ['2026-07-28']);
});

test('T56 a first line of initialize is answered, and tools follow', async (t) => {
  const { say, answer, ingress } = agent(t);
  say(INITIALIZE);
  assert.equal((await answer('init')).result?.['protocolVersion'], '2025-11-25');
  say(INITIALIZED);
  say({ jsonrpc: '2.0', id: 2, method: 'tools/list' });
  assert.ok(Array.isArray((await answer(2)).result?.['tools']));
  assert.deepEqual(ingress.seen.at(-1)?.origin, {
    surface: 'stdio', endpoint: { kind: 'merged' }, era: 'legacy', version: '2025-11-25', session: ingress.seen[0]?.origin.session, client: { name: 'test', version: '1' }, capabilities: NO_CAPABILITIES, logLevel: undefined,
    peer: 'local', trace: undefined,
  });
});

test('T57 both eras on one stream are each served as their own [SI2]', async (t) => {
  const { say, answer, ingress } = agent(t);
  say(INITIALIZE);
  say(INITIALIZED);
  say(call(1, 'echo', { era: 'legacy' }));
  say(call(2, 'echo', { era: 'modern' }, envelope()));
  assert.equal((await answer(1)).result?.['resultType'], undefined);
  assert.equal((await answer(2)).result?.['resultType'], 'complete');
  assert.deepEqual(ingress.seen.slice(1).map(({ origin }) => origin.era), ['legacy', 'modern']);
});

test('T58 nothing but protocol is written, one message a line, whatever comes in [SI1]', async (t) => {
  const { say, answer, text, input } = agent(t);
  for (const noise of ['not json', '{"jsonrpc":"2.0"}', '[]', '{"jsonrpc":"2.0","id":1,"result":{}}', '', '   ', '"x"', '{"jsonrpc":"2.0","method":"unknown"}']) say(noise);
  input.write(Buffer.from([0xff, 0xfe, 0x0a]));
  say({ jsonrpc: '2.0', id: 'end', method: 'ping' });
  await answer('end');
  const written = text().split('\n').filter((line) => line !== '');
  for (const line of written) assert.ok(line.startsWith('{"jsonrpc":"2.0"'), line);
  assert.equal(written.length, 7, text());
});

test('T59 the end of input ends the conversation at once when nothing is in flight, and streams without an end with it [SI5]', async (t) => {
  const { say, surface, input, ingress, text } = agent(t);
  say({ jsonrpc: '2.0', id: 'L', method: 'subscriptions/listen', params: { notifications: {}, _meta: envelope() } });
  await eventually(() => text().includes('acknowledged'), 'the stream is open');
  input.end();
  assert.deepEqual(await surface.done, { kind: 'eof' });
  assert.deepEqual(ingress.cancelled, ['agent']);
});

test('T60 notifications/cancelled ends the call in flight without an answer; an unknown id is ignored [SI4]', async (t) => {
  const { say, answer, ingress, lines } = agent(t);
  say(call(1, 'hang', {}, envelope()));
  say(call(2, 'wait', { ms: 30 }, envelope()));
  await eventually(() => ingress.seen.length === 2, 'both began');
  say({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'unknown' } });
  say({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } });
  await answer(2);
  say({ jsonrpc: '2.0', id: 3, method: 'ping' });
  await answer(3);
  assert.deepEqual(ingress.cancelled, ['agent']);
  assert.equal(lines().some((line) => line.id === 1), false);
});

test('T61 two listens at once: each notice carries its own id with its own type [S19, SI4]', async (t) => {
  const { say, lines } = agent(t);
  for (const id of [1, '1']) say({ jsonrpc: '2.0', id, method: 'subscriptions/listen', params: { notifications: {}, _meta: envelope() } });
  await eventually(() => lines().length === 2, 'both acknowledged');
  const ids = lines().map(({ params }) => /"io.modelcontextprotocol\/subscriptionId":("1"|1)/.exec(JSON.stringify(params))?.[1]);
  assert.deepEqual(ids, ['1', '"1"']);
});

test('T62 a line over the cap is answered with an error and the next one is served; a carriage return before the newline is no part of it', async (t) => {
  const { input, say, answer, lines } = agent(t, { settings: testSettings({ bounds: { lineBytes: 1000 } }) });
  for (let sent = 0; sent < 50; sent += 1) input.write('x'.repeat(1000));
  say('');
  input.write('{"jsonrpc":"2.0","id":1,"method":"ping"}\r\n');
  await answer(1);
  assert.deepEqual(lines().map(({ id, error }) => [id, error?.code]), [[undefined, -32600], [1, undefined]]);
  input.write('{"jsonrpc":"2.0",\r"id":2,\r"method":"ping"}\n');
  await answer(2);
});

test('a piped one-shot gets all its answers before the conversation ends', async (t) => {
  const { input, surface, lines } = agent(t);
  const messages = [INITIALIZE, INITIALIZED, call(1, 'wait', { ms: 60 }), { jsonrpc: '2.0', id: 2, method: 'tools/list' }, call(3, 'echo')];
  input.end(messages.map((message) => JSON.stringify(message)).join('\n'));
  assert.deepEqual(await surface.done, { kind: 'eof' });
  assert.deepEqual(lines().map(({ id }) => id).toSorted(), [1, 2, 3, 'init']);
});

test('the drain is bounded: a call that never ends is cancelled', async (t) => {
  const { input, surface, ingress } = agent(t, { settings: testSettings({ gateway: { drainMs: 30 } }) });
  input.end(JSON.stringify(call(1, 'hang', {}, envelope())));
  assert.deepEqual(await surface.done, { kind: 'eof' });
  assert.deepEqual(ingress.cancelled, ['shutdown']);
});

test('calls run in parallel: a slow one holds up neither ping nor another call [SI8]', async (t) => {
  const { say, answer, lines } = agent(t);
  say(call(1, 'hang', {}, envelope()));
  say(call(2, 'echo', {}, envelope()));
  say({ jsonrpc: '2.0', id: 3, method: 'ping' });
  await answer(2);
  await answer(3);
  assert.equal(lines().some(({ id }) => id === 1), false);
});

test('the same id twice in flight: the second is -32600, across eras too', async (t) => {
  const { say, answer, lines, ingress } = agent(t);
  say(INITIALIZE);
  say(INITIALIZED);
  say(call(7, 'wait', { ms: 60, first: true }));
  say(call(7, 'echo', {}, envelope()));
  say({ jsonrpc: '2.0', id: 7, method: 'ping' });
  await eventually(() => lines().filter(({ id }) => id === 7).length === 3, 'three lines for the id');
  assert.deepEqual(lines().filter(({ id }) => id === 7).map(({ error }) => error?.code), [-32600, -32600, undefined]);
  assert.equal(ingress.seen.length, 2);
  await answer('init');
});

test('before initialize only ping and modern requests are served, and each other one gets an answer [S4, SI3]', async (t) => {
  const { say, answer } = agent(t);
  say({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
  say({ jsonrpc: '2.0', id: 2, method: 'server/discover' });
  say({ jsonrpc: '2.0', id: 3, method: 'ping' });
  say({ jsonrpc: '2.0', id: 4, method: 'tools/list', params: { _meta: { 'io.modelcontextprotocol/clientCapabilities': {} } } });
  say({ jsonrpc: '2.0', id: 5, method: 'tools/list', params: { _meta: envelope('2099-01-01') } });
  assert.equal((await answer(1)).error?.code, -32600);
  assert.equal((await answer(2)).error?.code, -32600);
  assert.deepEqual((await answer(3)).result, {});
  assert.equal((await answer(4)).error?.code, -32602);
  assert.equal((await answer(5)).error?.code, -32022);
});

test('a failed initialize can be tried again', async (t) => {
  const { say, answer } = agent(t);
  say({ jsonrpc: '2.0', id: 0, method: 'initialize', params: {} });
  assert.equal((await answer(0)).error?.code, -32602);
  say(INITIALIZE);
  assert.ok((await answer('init')).result);
});

test('batches are served in the revision that has them and refused in others', async (t) => {
  const batch = JSON.stringify([{ jsonrpc: '2.0', id: 1, method: 'ping' }, call(2, 'echo'), { jsonrpc: '2.0', id: 3, method: 'initialize', params: {} }]);
  const old = agent(t);
  old.say({ ...INITIALIZE, params: { ...INITIALIZE.params, protocolVersion: '2025-03-26' } });
  old.say(INITIALIZED);
  old.say(batch);
  await old.answer(2);
  assert.deepEqual(old.lines().slice(1).map(({ id, error }) => [id, error?.code]), [[1, undefined], [2, undefined], [3, -32600]]);
  const recent = agent(t);
  recent.say(INITIALIZE);
  recent.say(INITIALIZED);
  recent.say(batch);
  await recent.answer(undefined);
  assert.deepEqual(recent.lines().slice(1).map(({ id, error }) => [id, error?.code]), [[undefined, -32600]]);
  assert.equal(recent.ingress.seen.length, 1);
});

test('a change of what the agent may see is told once initialized, and not before [SL9]', async (t) => {
  const { say, answer, ingress, text } = agent(t);
  say(INITIALIZE);
  await answer('init');
  assert.equal(ingress.watchers.size, 0);
  say(INITIALIZED);
  await eventually(() => ingress.watchers.size === 1, 'the session is watched');
  ingress.watchers.forEach(({ changed }) => changed('tools'));
  await eventually(() => text().includes('"notifications/tools/list_changed"'), 'the notice');
});

test('a token that is refused at the start ends it before anything is read or written [R17]', async (t) => {
  const { surface, say, text } = agent(t, { token: () => 'rubbish' });
  say({ jsonrpc: '2.0', id: 1, method: 'ping' });
  assert.deepEqual(await surface.done, { kind: 'unauthenticated', failure: { code: 'signature', detail: 'test' } });
  assert.equal(text(), '');
});

test('closed before its token was checked, it never begins', async (t) => {
  const { surface, say, ingress } = agent(t, { token: () => LATE_ALICE });
  say({ jsonrpc: '2.0', id: 1, method: 'ping' });
  await surface.close(1000);
  assert.deepEqual(await surface.done, { kind: 'closed' });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(ingress.seen.length, 0);
});

test('the token is checked again on every message: an expired one gets errors, a renewed one is served again', async (t) => {
  let token = ALICE;
  const { say, answer, ingress } = agent(t, { token: () => token });
  say({ jsonrpc: '2.0', id: 1, method: 'ping' });
  await answer(1);
  ingress.revoked.add(principalOf(ALICE, 'alice').credential);
  say(call(2, 'echo', {}, envelope()));
  assert.match((await answer(2)).error?.message ?? '', /Authentication failed/);
  assert.deepEqual(ingress.refused.map(({ surface, reason }) => [surface, reason]), [['stdio', { code: 'unauthenticated', failure: 'revoked' }]]);
  token = ALICE_AGAIN;
  say(call(3, 'echo', {}, envelope()));
  assert.ok((await answer(3)).result);
  assert.equal(ingress.seen.filter(({ method }) => method === 'tools/call').length, 1);
});

test('the principal of a call is that of its own message [S6, SI8]', async (t) => {
  let token = ALICE;
  const { say, answer, ingress } = agent(t, { token: () => token });
  say(call(1, 'echo', {}, envelope()));
  await answer(1);
  token = BOB;
  say(call(2, 'echo', {}, envelope()));
  await answer(2);
  assert.deepEqual(ingress.seen.map(({ principal }) => principal.subject), ['alice', 'bob']);
});

test('a revoked token ends open listens', async (t) => {
  const { say, answer, ingress } = agent(t);
  say({ jsonrpc: '2.0', id: 'L', method: 'subscriptions/listen', params: { notifications: {}, _meta: envelope() } });
  await eventually(() => ingress.seen.length === 1, 'the stream is open');
  ingress.revoked.add(principalOf(ALICE, 'alice').credential);
  assert.ok((await answer('L')).result, 'ended with its final result');
  assert.deepEqual(ingress.cancelled, ['timeout']);
});

test('I15 an agent that does not read is not listened to until it does, and no answer is lost', async () => {
  const ingress = fakeIngress({ settings: testSettings({ bounds: { streamBufferBytes: 10_000 } }) });
  const input = new PassThrough();
  const output = new PassThrough({ highWaterMark: 1000 });
  const surface = serveStdio(ingress, { input, output, token: () => ALICE, peer: 'local' });
  const ask = (from: number, to: number): void => {
    for (let id = from; id < to; id += 1) input.write(`${JSON.stringify(call(id, 'big', { bytes: 1000 }, envelope()))}\n`);
  };
  ask(0, 50);
  await eventually(() => output.writableLength > 10_000, 'a backlog');
  ask(50, 200);
  await eventually(() => input.isPaused(), 'input is paused');
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(ingress.seen.length < 100, `${ingress.seen.length} begun`);
  input.end();
  let lines = 0;
  output.on('data', (chunk: Buffer) => {
    lines += chunk.toString().split('\n').length - 1;
  });
  assert.deepEqual(await surface.done, { kind: 'eof' });
  assert.equal(lines, 200);
});

test('a reader that is gone breaks the conversation and cancels what runs', async (t) => {
  const ingress = fakeIngress();
  const input = new PassThrough();
  const output = new PassThrough();
  const surface = serveStdio(ingress, { input, output, token: () => ALICE, peer: 'local' });
  t.after(() => surface.close(0));
  input.write(`${JSON.stringify(call(1, 'hang', {}, envelope()))}\n`);
  await eventually(() => ingress.seen.length === 1, 'the call began');
  output.destroy(new Error('EPIPE'));
  assert.equal((await surface.done).kind, 'broken');
  assert.deepEqual(ingress.cancelled, ['agent']);
});
