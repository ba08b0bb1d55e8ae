import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { connect, GENERATIONS } from '../support/e2e/clients.ts';
import { descendants, endOf, isAlive, MAIN, plainEnv, start, until, type Env } from '../support/e2e/processes.ts';
import { EVERYTHING_ENTRY, startEverything } from '../support/e2e/servers.ts';

describe('sentinel proxy: one server, watched, without a configuration', () => {
  const bin = new AsyncDisposableStack();
  let folder = '';
  let env: Env = {};
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'proxy-'));
    bin.defer(() => rmSync(folder, { recursive: true, force: true }));
    mkdirSync(join(folder, 'home'));
    env = plainEnv(join(folder, 'home'));
  });
  after(async () => bin.disposeAsync());

  const argv = (...args: string[]): readonly string[] => [process.execPath, MAIN, 'proxy', ...args];
  /** What was recorded of `tool` until now. */
  const recorded = (tool: string): readonly unknown[] => {
    const database = new DatabaseSync(join(folder, 'home/.local/state/sentinel/proxy/journal/00000001.db'), { readOnly: true });
    const rows = database.prepare('select response_status from audit_log where tool_name = ?').all(tool);
    database.close();
    return rows.map((row) => row['response_status']);
  };

  for (const generation of GENERATIONS) {
    test(`${generation} through --mode stdio: its own names, every call let through and recorded, nothing left behind`, async () => {
      const before = recordedOr(() => recorded('echo'));
      const peer = bin.use(await connect(generation, { via: 'stdio', argv: argv('--mode', 'stdio', '--', process.execPath, EVERYTHING_ENTRY, 'stdio'), env, cwd: folder }));
      const children = await until(() => {
        const seen = descendants(peer.pid ?? -1);
        return seen.length > 0 ? seen : undefined;
      }, 'the server runs');
      const names = await until(async () => {
        const listed = (await peer.list()).map((tool) => tool.name);
        return listed.length > 0 ? listed : undefined;
      }, 'tools are listed');
      assert.ok(names.includes('echo') && names.includes('get-env'), names.join(' '));
      const answer = await peer.call('echo', { message: 'through' });
      assert.ok(answer.kind === 'result' && answer.text.includes('through'), JSON.stringify(answer));
      // It does not fit the schema: recorded as such, and passed on all the same.
      const misfit = await peer.call('get-sum', { a: 'one', b: 2 });
      assert.ok(!JSON.stringify(misfit).includes('SEN-'), JSON.stringify(misfit));
      await peer.close();
      await until(() => children.every((child) => !isAlive(child.pid)), 'its processes are gone');
      assert.deepEqual(recorded('echo').slice(before), ['success']);
    });
  }

  test('--mode http --upstream URL --port 0 says where it listens, relays, and ends by SIGTERM', async () => {
    const upstream = bin.use(await startEverything(join(folder, 'web')));
    const proxy = start(argv('--mode', 'http', '--upstream', upstream.url, '--port', '0'), { env, cwd: folder });
    bin.defer(() => proxy.signal('SIGKILL'));
    const url = await until(() => {
      if (proxy.hasEnded()) throw new Error(proxy.stderr());
      return /http:\/\/127\.0\.0\.1:\d+\/mcp$/m.exec(proxy.stderr().replace(upstream.url, ''))?.[0];
    }, 'it says where it listens');
    const token = readFileSync(join(folder, 'home/.local/state/sentinel/proxy/token'), 'utf8').trim();
    assert.ok(!proxy.stderr().includes(token), 'it names the file, not the token');
    for (const wrong of [undefined, 'x', `${token}x`]) {
      const refused = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...(wrong === undefined ? {} : { authorization: `Bearer ${wrong}` }) }, body: '{"jsonrpc":"2.0","id":1,"method":"ping"}' });
      assert.equal(refused.status, 401, `with ${wrong ?? 'no token'}`);
    }
    for (const generation of GENERATIONS) {
      const peer = bin.use(await connect(generation, { via: 'http', url, token }));
      const answer = await peer.call('echo', { message: generation });
      assert.ok(answer.kind === 'result' && answer.text.includes(generation), JSON.stringify(answer));
      await peer.close();
    }
    proxy.signal('SIGTERM');
    assert.equal((await endOf(proxy, 'the proxy')).code, 0);
  });

  test('--no-auth says who can call it, and asks nobody; the token of the first run is the token of the next', async () => {
    const upstream = bin.use(await startEverything(join(folder, 'open')));
    const file = join(folder, 'home/.local/state/sentinel/proxy/token');
    const run = async (...more: string[]): Promise<{ readonly proxy: ReturnType<typeof start>; readonly url: string }> => {
      const proxy = start(argv('--upstream', upstream.url, '--port', '0', ...more), { env, cwd: folder });
      bin.defer(() => proxy.signal('SIGKILL'));
      const url = await until(() => {
        if (proxy.hasEnded()) throw new Error(proxy.stderr());
        return /http:\/\/127\.0\.0\.1:\d+\/mcp$/m.exec(proxy.stderr().replace(upstream.url, ''))?.[0];
      }, 'it says where it listens');
      return { proxy, url };
    };
    const first = await run();
    const kept = readFileSync(file, 'utf8');
    const [second, open] = [await run(), await run('--no-auth')];
    assert.equal(readFileSync(file, 'utf8'), kept);
    const [generation] = GENERATIONS;
    assert.ok(generation !== undefined);
    const peer = bin.use(await connect(generation, { via: 'http', url: second.url, token: kept.trim() }));
    assert.ok((await peer.list()).length > 0);
    assert.match(open.proxy.stderr(), /every user of this machine can call/);
    const anybody = bin.use(await connect(generation, { via: 'http', url: open.url, token: 'nobody asks for one' }));
    assert.ok((await anybody.list()).length > 0);
    for (const one of [peer, anybody]) await one.close();
    for (const { proxy } of [first, second, open]) {
      proxy.signal('SIGTERM');
      assert.equal((await endOf(proxy, 'the proxy')).code, 0);
    }
  });

  test('T58: a command that does not exist is told on stderr with status 1, and no byte of it goes to stdout', async () => {
    for (const command of [join(folder, 'no-such-program'), './no-such-program', 'no-such-program']) {
      // Its stdin stays open: it ends by itself.
      const proxy = start(argv('--mode', 'stdio', '--', command), { env, cwd: folder });
      bin.defer(() => proxy.signal('SIGKILL'));
      const said = await endOf(proxy, 'the proxy');
      assert.deepEqual([said.code, said.stdout], [1, ''], said.stderr);
      assert.match(said.stderr, /SEN-0401.*no-such-program/);
    }
  });

  test('a command that ends before it speaks MCP is status 1 when the client leaves', async () => {
    const proxy = start(argv('--', process.execPath, '-e', 'console.error("no licence"); process.exit(3)'), { env, cwd: folder });
    bin.defer(() => proxy.signal('SIGKILL'));
    proxy.child.stdin?.end();
    const said = await endOf(proxy, 'the proxy');
    assert.deepEqual([said.code, said.stdout], [1, ''], said.stderr);
    assert.match(said.stderr, /SEN-0401.*exit code 3.*no licence/);
  });

  test('SIGTERM in the first moments of its server ends both in order', async () => {
    const server = 'process.stdin.resume() /* and never speaks */';
    const proxy = start(argv('--', process.execPath, '-e', server), { env, cwd: folder });
    bin.defer(() => proxy.signal('SIGKILL'));
    // Between fork and exec every child has the proxy's own arguments, the watchdog too: the server's end with it and do not begin with ours.
    const child = await until(() => descendants(proxy.child.pid ?? -1).find((one) => one.argv.at(-1) === server && !one.argv.includes('proxy')), 'the server runs');
    proxy.signal('SIGTERM');
    const said = await endOf(proxy, 'the proxy');
    assert.equal(said.code, 0, said.stderr);
    assert.ok(!isAlive(child.pid), 'it did not wait for its server');
  });
});

function recordedOr(read: () => readonly unknown[]): number {
  try {
    return read().length;
  } catch {
    return 0;
  }
}
