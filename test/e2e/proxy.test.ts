import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
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
    const database = new DatabaseSync(join(folder, 'home/.local/state/sentinel/proxy/sentinel.db'), { readOnly: true });
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
    for (const generation of GENERATIONS) {
      const peer = bin.use(await connect(generation, { via: 'http', url, token: 'nobody asks for one' }));
      const answer = await peer.call('echo', { message: generation });
      assert.ok(answer.kind === 'result' && answer.text.includes(generation), JSON.stringify(answer));
      await peer.close();
    }
    proxy.signal('SIGTERM');
    assert.equal((await endOf(proxy, 'the proxy')).code, 0);
  });

  test('T58: a command that does not exist is told on stderr, and no byte of it goes to stdout', async () => {
    const proxy = start(argv('--mode', 'stdio', '--', join(folder, 'no-such-program')), { env, cwd: folder });
    bin.defer(() => proxy.signal('SIGKILL'));
    await until(() => proxy.stderr().includes('spawn_failed') || proxy.hasEnded(), 'it is told');
    proxy.child.stdin?.end();
    const said = await endOf(proxy, 'the proxy');
    assert.equal(said.stdout, '');
    assert.match(said.stderr, /no-such-program/);
  });
});

function recordedOr(read: () => readonly unknown[]): number {
  try {
    return read().length;
  } catch {
    return 0;
  }
}
