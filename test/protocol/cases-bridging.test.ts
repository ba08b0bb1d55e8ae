// T100, T102–T104, T110, T111, T134 through the whole gateway, by hand, over HTTP: what belongs to one hop is put anew on the other, towards a
// legacy backend and a modern one.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ScriptedHttp, type Asked, type Json } from '../fixtures/backends/scripted-http.ts';
import { startGateway, type Gateway } from '../support/e2e/gateway.ts';
import { httpBackend } from '../support/e2e/servers.ts';
import { envelope, modern, resultOf, session, textOf } from '../surfaces/speak.ts';
import { ask, eventually, openStream, type OpenStream } from '../surfaces/wire.ts';

const bin = new AsyncDisposableStack();
const NOTE = 'mem://note';
const TRACE = '0af7651916cd43dd8448eb211c80319c';
let gateway: Gateway;
let port = 0;
let alice = '';
let bob = '';

const text = (words: string): { readonly content: readonly Json[] } => ({ content: [{ type: 'text', text: words }] });

/** `do` does what its argument `what` says. */
function script(held: Set<Asked>): (asked: Asked) => boolean {
  return (asked) => {
    const { method, params, say, answer } = asked;
    const args = Object(params['arguments'] ?? {});
    const meta = Object(params['_meta'] ?? {});
    const result = (body: { readonly [key: string]: Json }): void => answer({ resultType: 'complete', ...body });
    if (method === 'resources/list') result({ resources: [{ uri: NOTE, name: 'note' }] });
    else if (method === 'resources/templates/list') result({ resourceTemplates: [] });
    else if (method === 'resources/read') result({ contents: [{ uri: NOTE, text: 'the note' }] });
    else if (method === 'logging/setLevel') result({});
    else if (method !== 'tools/call') return false;
    else if (args.what === 'hang') {
      held.add(asked);
      asked.response.once('close', () => held.delete(asked));
      say({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: meta.progressToken ?? 0, progress: 1 } });
    } else if (args.what === 'steps') {
      for (const progress of args.steps) say({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: meta.progressToken, progress, message: args.who } });
      // What is told a moment after the steps, so that nothing of them waits for the answer.
      setTimeout(() => result(text(args.who)), 50);
    } else if (args.what === 'log') {
      for (const level of ['debug', 'warning', 'error']) say({ jsonrpc: '2.0', method: 'notifications/message', params: { level, data: `said ${level}` } });
      result(text('logged'));
    } else if (args.what === 'link') result({ content: [{ type: 'resource_link', uri: NOTE, name: 'note' }] });
    else result(text(JSON.stringify(params)));
    return true;
  };
}

const ERAS = ['legacy', 'modern'] as const;
const peers = new Map<string, ScriptedHttp>();
const held = new Map<string, Set<Asked>>();

before(async () => {
  for (const era of ERAS) {
    const hanging = new Set<Asked>();
    const peer = await new ScriptedHttp({ era, capabilities: { tools: {}, resources: {}, logging: {} }, asked: script(hanging) }).start();
    bin.defer(async () => peer.stop());
    peers.set(era, peer);
    held.set(era, hanging);
  }
  gateway = bin.use(await startGateway({ toml: ['[rate_limits]', 'default_rpm = 100000', '', ...ERAS.map((era) => httpBackend(era, peers.get(era)?.url ?? '')), '[rbac.roles.all]', 'permissions = ["*"]', ''].join('\n') }));
  port = Number(new URL(gateway.endpoint).port);
  await gateway.when(({ backends }) => backends.every(({ state }) => state === 'ready'), 'both are ready');
  alice = await gateway.token('alice', 'all');
  bob = await gateway.token('bob', 'all');
});
after(async () => bin.disposeAsync());

interface Over {
  readonly as?: string;
  readonly meta?: object;
  readonly more?: object;
}

const request = (backend: string, args: object, over: Over = {}): Parameters<typeof ask>[0] =>
  modern(port, { method: 'tools/call', params: { name: `${backend}__do`, arguments: args, ...over.more }, meta: { ...envelope(), ...over.meta }, headers: { Authorization: `Bearer ${over.as ?? alice}` } });
const call = async (backend: string, args: object, over: Over = {}): Promise<OpenStream> => openStream(request(backend, args, over));

async function whole(stream: OpenStream): Promise<readonly Record<string, Record<string, unknown>>[]> {
  await stream.ended;
  return stream.events().map((event): Record<string, Record<string, unknown>> => Object(event));
}

const sentTo = async (backend: string, over: Over): Promise<Record<string, unknown>> => JSON.parse(textOf((await ask(request(backend, {}, over))).text));

for (const backend of ERAS) {
  describe(`towards a ${backend} backend`, () => {
    test('T102 agents that use one progress token at one time see their own steps, under their own token of their own type [SEC32]', async () => {
      const agents = [{ as: alice, who: 'a', token: 1 }, { as: bob, who: 'b', token: 1 }, { as: bob, who: 'c', token: '1' }];
      await Promise.all(agents.map(async ({ as, who, token }) => {
        const events = await whole(await call(backend, { what: 'steps', who, steps: [1, 2] }, { as, meta: { progressToken: token } }));
        const steps = events.flatMap(({ params }) => (params === undefined ? [] : [params]));
        assert.ok(steps.length > 0, 'it saw its steps');
        for (const step of steps) assert.deepEqual([step['progressToken'], step['message']], [token, who]);
      }));
    });

    test('T103 progress that does not rise is not told, and none comes after the answer [S21]', async () => {
      const events = await whole(await call(backend, { what: 'steps', who: 'x', steps: [2, 1, 2, 5] }, { meta: { progressToken: 'p' } }));
      const steps = events.flatMap(({ params }) => (params === undefined ? [] : [Number(params['progress'])]));
      assert.deepEqual(steps, steps.toSorted((a, b) => a - b));
      assert.deepEqual([...new Set(steps)], steps);
      assert.equal(steps.at(-1), 5);
      assert.ok(events.at(-1)?.['result'] !== undefined, 'the answer is the last');
    });

    test('T104 a modern agent that closes its stream has cancelled, and the backend is told in its own way [S22, SH12, CH6]', async () => {
      const peer = peers.get(backend);
      const hanging = held.get(backend);
      assert.ok(peer !== undefined && hanging !== undefined);
      const before = peer.got('notifications/cancelled').length;
      const stream = await call(backend, { what: 'hang' }, { meta: { progressToken: 1 } });
      await stream.until('notifications/progress');
      assert.equal(hanging.size, 1);
      stream.cut();
      await eventually(() => (backend === 'modern' ? hanging.size === 0 : peer.got('notifications/cancelled').length === before + 1), 'it was told');
      if (backend === 'modern') assert.equal(peer.got('notifications/cancelled').length, before, 'a modern one by the end of its stream alone');
    });

    test('T111 a trace goes on with a new span; a malformed one is dropped, and the call is none the worse', async () => {
      const traced = await sentTo(backend, { meta: { traceparent: `00-${TRACE}-b7ad6b7169203331-01`, tracestate: 'v=1' } });
      const { traceparent, tracestate } = Object(traced['_meta']);
      assert.match(traceparent, new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`));
      assert.ok(!traceparent.includes('b7ad6b7169203331') && tracestate === 'v=1');
      for (const bad of ['00-xyz', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`, 7]) assert.equal(Object(await sentTo(backend, { meta: { traceparent: bad } }))['_meta']?.traceparent, undefined, String(bad));
    });

    test('T110 a task that a modern call asks for in the manner of 2025-11-25 is not heard of', async () => {
      const sent = await sentTo(backend, { more: { task: { ttl: 1000 } } });
      assert.deepEqual([sent['name'], 'task' in sent], ['do', false]);
    });

    test('T134 a resource in a result bears the name by which it can be read', async () => {
      const { content } = resultOf((await ask(request(backend, { what: 'link' }))).text);
      const { uri } = Object(content)[0];
      assert.equal(uri, `${backend}+${NOTE}`);
      const read = await ask(modern(port, { method: 'resources/read', params: { uri }, headers: { Authorization: `Bearer ${alice}` } }));
      assert.equal(Object(resultOf(read.text)['contents'])[0].text, 'the note');
    });

    test('T100 log lines reach who asked for them, from the level on, and nobody else', async () => {
      const levels = async (meta: object): Promise<readonly unknown[]> => (await whole(await call(backend, { what: 'log' }, { meta }))).flatMap(({ params }) => (params === undefined ? [] : [params['level']]));
      assert.deepEqual(await levels({ 'io.modelcontextprotocol/logLevel': 'warning' }), ['warning', 'error']);
      const silent = await ask(request(backend, { what: 'log' }));
      assert.doesNotMatch(silent.text, /notifications\/message|said/);
    });
  });
}

test('T100 the level of a legacy session is that of each request to a modern backend', async () => {
  const own = await session(port, '2025-11-25', { Authorization: `Bearer ${alice}` });
  assert.deepEqual(resultOf((await ask(own.request('logging/setLevel', { level: 'warning' }))).text), {});
  const reply = await ask(own.request('tools/call', { name: 'modern__do', arguments: {} }, 2));
  assert.match(reply.text, /logLevel\\":\\"warning/);
});
