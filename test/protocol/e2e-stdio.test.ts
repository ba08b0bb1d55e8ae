// T55–T62 and what only the real process can show: its stdout byte by byte, its end, and the end of its children.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { hmacToken, launch, prepare, type Gateway, type Setup } from '../support/e2e/gateway.ts';
import { INITIALIZE, modern, startLines, type Line, type LineAgent } from '../support/e2e/lines.ts';
import { descendants, endOf, isAlive, MAIN, until } from '../support/e2e/processes.ts';
import { fixture } from '../support/e2e/servers.ts';

const TOML = [fixture('good', [], ['max_restarts = 0', 'circuit_breaker_threshold = 0']), fixture('modern', ['--era=modern']), '[rbac.roles.developer]', 'permissions = ["*"]', ''].join('\n');
const BIG = 50 * 1024 * 1024;

for (const mode of ['attached', 'alone'] as const) {
  describe(`sentinel stdio, ${mode}`, () => {
    const bin = new AsyncDisposableStack();
    let setup: Setup;
    let gateway: Gateway | undefined;
    before(async () => {
      setup = bin.use(await prepare({ toml: TOML, gateway: ['log_level = "trace"'], auth: ['leeway = "0s"'] }));
      if (mode === 'attached') gateway = bin.use(await launch(setup));
    });
    after(async () => bin.disposeAsync());

    const begin = async (token?: string): Promise<LineAgent> => {
      const env = { ...setup.env, SENTINEL_TOKEN: token ?? (await setup.token('by-hand', 'developer')) };
      return bin.use(startLines([process.execPath, MAIN, 'stdio', mode === 'attached' ? '--attach' : '--alone', '--config', setup.config], { env, cwd: setup.folder }));
    };
    /** Initialized, and with the tools of both backends known. */
    const ready = async (token?: string): Promise<LineAgent> => {
      const agent = await begin(token);
      await agent.ask('hello', 'initialize', INITIALIZE);
      agent.say({ method: 'notifications/initialized' });
      let asked = 0;
      await until(async () => JSON.stringify((await agent.ask(`list-${(asked += 1)}`, 'tools/list')).result).includes('"modern__echo"') && agent.raw(`list-${asked}`).includes('"good__echo"'), 'both backends are listed');
      return agent;
    };
    const text = (line: Line): string => ((line.result?.['content'] ?? []) as readonly { readonly text: string }[])[0]?.text ?? '';

    test('T55 T56 T57: both eras on one process, each answered in its own way; ids keep their type [S2, SI2]', async () => {
      const agent = await ready();
      const discovered = await agent.ask('d', 'server/discover', modern());
      assert.deepEqual(discovered.result?.['supportedVersions'], ['2026-07-28']);
      assert.equal(discovered.result['resultType'], 'complete');
      const listed = await agent.ask(-7, 'tools/list', modern());
      assert.ok('ttlMs' in (listed.result ?? {}), 'the modern one has cache hints');
      const old = await agent.ask('7', 'tools/list');
      assert.ok(!('ttlMs' in (old.result ?? {})) && !('resultType' in (old.result ?? {})), 'the legacy one has not');
      for (const id of [0, 9_007_199_254_740_991, '', 'é"\\']) assert.deepEqual((await agent.ask(id, 'ping')).result, {});
      assert.equal((await agent.ask('call', 'tools/call', { name: 'modern__echo' })).result?.['isError'], undefined, 'a legacy agent reaches a modern backend');
      assert.equal((await agent.ask('call-2', 'tools/call', modern({ name: 'good__echo' }))).result?.['resultType'], 'complete', 'a modern agent reaches a legacy backend');
    });

    test('T56: a request before initialize is refused, a failed initialize can be tried again', async () => {
      const agent = await begin();
      assert.notEqual((await agent.ask(1, 'tools/list')).error, undefined);
      assert.equal((await agent.ask(2, 'initialize', { protocolVersion: 7 })).error?.code, -32_602);
      assert.equal((await agent.ask(3, 'initialize', INITIALIZE)).result?.['protocolVersion'], '2025-11-25');
    });

    test('T58: not one byte on stdout that is no protocol, whatever backends do and however much is logged [SI1]', async () => {
      const agent = await ready();
      await agent.ask('g', 'tools/call', { name: 'good__garbage', arguments: { lines: 5 } });
      await agent.ask('e', 'tools/call', { name: 'good__stderr', arguments: { kb: 64 } });
      const crashed = await agent.ask('c', 'tools/call', { name: 'good__crash' });
      assert.equal(crashed.error?.code, -32_603);
      await until(async () => text(await agent.ask(`a${agent.lines().length}`, 'tools/call', { name: 'good__echo' })) === 'ok', 'it is back');
      for (const line of agent.process.stdout().split('\n').slice(0, -1)) assert.equal((JSON.parse(line) as { jsonrpc: unknown }).jsonrpc, '2.0');
      assert.ok(agent.process.stdout().endsWith('\n'));
    });

    test('T59: the end of stdin ends it, and everything it started [SI5]', async () => {
      const agent = await ready();
      const children = descendants(agent.process.pid);
      assert.equal(children.length > 0, mode === 'alone');
      agent.process.child.stdin?.end(`${JSON.stringify({ jsonrpc: '2.0', id: 'last', method: 'tools/call', params: { name: 'good__slow', arguments: { ms: 100 } } })}\n`);
      const said = await endOf(agent.process, 'sentinel stdio');
      assert.equal(said.code, 0, said.stderr);
      assert.match(agent.raw('last'), /late/, 'what was asked before the end is answered');
      await until(() => children.every((child) => !isAlive(child.pid)), 'its children are gone');
    });

    test('T60: a cancelled call is not answered, and is cancelled at the backend; an unknown id is ignored [S22, SI4]', async () => {
      const agent = await ready();
      agent.say({ id: 'long', method: 'tools/call', params: { name: 'good__never' } });
      agent.say({ method: 'notifications/cancelled', params: { requestId: 'nobody' } });
      const cancelled = async (): Promise<number> => {
        const { result = {} } = await agent.ask(`seen-${agent.lines().length}`, 'tools/call', { name: 'good__seen' });
        return (result['structuredContent'] as { readonly cancelled: readonly unknown[] }).cancelled.length;
      };
      const before = await cancelled();
      agent.say({ method: 'notifications/cancelled', params: { requestId: 'long', reason: 'enough' } });
      await until(async () => (await cancelled()) > before, 'the backend is told');
      assert.equal(agent.raw('long'), '');
    });

    test('T62: a line of 50 MB and lines that are no messages are refused, and the next ones are served', async () => {
      const agent = await ready();
      agent.say(`{"jsonrpc":"2.0","id":"fat","method":"tools/call","params":{"name":"good__echo","arguments":{"x":"${'x'.repeat(BIG)}"}}}`);
      assert.deepEqual((await agent.ask('after', 'ping')).result, {});
      assert.equal(agent.raw('fat'), '');
      for (const nonsense of ['{"jsonrpc":"2.0","id":1,', '[]', '7', `${'['.repeat(5_000)}${']'.repeat(5_000)}`, '{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}', '{"jsonrpc":"1.0","id":1,"method":"ping"}', '{"jsonrpc":"2.0","id":{},"method":"ping"}']) agent.say(nonsense);
      agent.process.child.stdin?.write(Buffer.from([0xc3, 0x28, 0x0a]));
      agent.say(`{"jsonrpc":"2.0","id":"cr","method":"ping"}\r`);
      assert.deepEqual((await agent.answer('cr')).result, {});
      const refusals = agent.lines().filter((line) => line.error !== undefined);
      assert.equal(refusals.length, 9, JSON.stringify(refusals));
      assert.ok(refusals.every((line) => [-32_700, -32_600].includes(line.error?.code ?? 0)), JSON.stringify(refusals));
    });

    test('progress keeps the agent\'s token and its type, rises, and all of it comes before the answer', async () => {
      const agent = await ready();
      for (const [id, token] of [['p1', 'a token'], ['p2', 17]] as const) {
        await agent.ask(id, 'tools/call', { name: 'good__progress', arguments: { n: 4, ms: 60 }, _meta: { progressToken: token } });
        const lines = agent.lines();
        const told = lines.filter((line) => line.method === 'notifications/progress' && line.params?.['progressToken'] === token);
        const values = told.map((line) => Number(line.params?.['progress']));
        // What comes faster than anybody reads is thinned out (I12); on a busy machine that may be any but the first.
        assert.equal(values[0], 1);
        assert.ok(values.every((value, index) => index === 0 || value > (values[index - 1] ?? 0)), values.join(' '));
        const answered = lines.findIndex((line) => line.id === id);
        assert.ok(told.every((line) => lines.indexOf(line) < answered), 'the answer comes last');
      }
    });

    test('T151 T152: numbers, key order and unknown members arrive byte for byte, both ways', async () => {
      const agent = await ready();
      const args = '{"z":12345678901234567890,"a":1.0,"e":1e400,"u":"\\u00e9\\ud83d\\ude00","n":{"b":[1.50,-0],"a":null}}';
      agent.say(`{"jsonrpc":"2.0","id":"bytes","method":"tools/call","params":{"name":"good__echo","arguments":${args}}}`);
      const { result = {} } = await agent.answer('bytes');
      const { line } = result['structuredContent'] as { readonly line: string };
      assert.ok(line.includes(`"arguments":${args}`), line);
      assert.match(agent.raw('bytes'), /"x-vendor":\[1\]/);
      await agent.ask('defs', 'tools/list');
      assert.match(agent.raw('defs'), /"x-vendor":\{"kept":1/);
    });

    test('a token that runs out ends the talk at the next message, not at the next start [SI6]', async () => {
      const soon = hmacToken(setup.secret, { sub: 'late', role: 'developer', exp: Math.floor(Date.now() / 1000) + 12 });
      const agent = await ready(soon);
      assert.equal(text(await agent.ask('in time', 'tools/call', { name: 'good__echo' })), 'ok');
      const refused = await until(async () => {
        const line = await agent.ask(`t${agent.lines().length}`, 'tools/call', { name: 'good__echo' });
        return line.error;
      }, 'it is refused');
      assert.match(refused.message, /Authentication failed/);
    });

    if (mode === 'attached') {
      test('when the gateway goes, the agent is told on stderr and the exit status says so', async () => {
        const agent = await ready();
        gateway?.process.signal('SIGTERM');
        const said = await endOf(agent.process, 'sentinel stdio');
        assert.equal(said.code, 1);
        assert.match(said.stderr, /session with the gateway was lost/);
      });
    }
  });
}
