import assert from 'node:assert/strict';
import { createServer, connect as dial } from 'node:net';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { freePort } from '../support/postgres.ts';
import { makeKey, startSshd, testSshd, type SshServer } from '../support/sshd.ts';
import { connect, GENERATIONS, type Answer, type Generation, type Peer } from '../support/e2e/clients.ts';
import { startGateway, type Gateway } from '../support/e2e/gateway.ts';
import { endOf, plainEnv, start, until, type Running } from '../support/e2e/processes.ts';
import { everything } from '../support/e2e/servers.ts';
import { suite } from '../support/e2e/suite.ts';

const tools = testSshd();
const skip = 'skip' in tools ? tools.skip : false;
const LIMIT = 3;
const TOML = [everything(), '[rbac.roles.developer]', 'permissions = ["*"]', 'deny = ["get-env"]', '', '[rate_limits.per_tool]', `"everything/get-sum" = ${LIMIT}`, ''].join('\n');

suite('through ssh, with the line that `sentinel connect ssh` prints', skip, () => {
  const bin = new AsyncDisposableStack();
  let gateway: Gateway;
  let sshd: SshServer;
  let folder = '';
  const keys = new Map<string, string>();

  before(async () => {
    if ('skip' in tools) return;
    folder = mkdtempSync(join(tmpdir(), 'ssh-'));
    bin.defer(() => rmSync(folder, { recursive: true, force: true }));
    mkdirSync(join(folder, 'home'));
    gateway = bin.use(await startGateway({ toml: TOML, keys: 'own' }));
    const lines: string[] = [];
    for (const agent of ['alice', 'bob']) {
      const key = makeKey(tools, folder, agent);
      keys.set(agent, key.privateKey);
      const printed = (await gateway.json(['connect', 'ssh', '--agent', agent, '--key', `${key.privateKey}.pub`])) as { readonly line: string; readonly token_file: string };
      const issued = await gateway.cli(['token', 'issue', '--subject', agent, '--role', 'developer', '--out', printed.token_file]);
      assert.equal(issued.code, 0, issued.stderr);
      assert.ok(printed.line.startsWith('restrict,command="'), printed.line);
      lines.push(printed.line);
    }
    sshd = await startSshd(tools, `${lines.join('\n')}\n`);
    bin.defer(sshd.stop);
  });
  after(async () => bin.disposeAsync());

  const argv = (agent: string, options: readonly string[] = []): readonly string[] => sshd.client(keys.get(agent) ?? '', options);
  const dialIn = async (agent: string, generation: Generation): Promise<Peer> =>
    bin.use(await connect(generation, { via: 'stdio', argv: argv(agent), env: plainEnv(join(folder, 'home')), cwd: folder }));
  const ssh = (agent: string, options: readonly string[], command: readonly string[] = []): Running => {
    const running = start([...argv(agent, options), ...command], { env: plainEnv(join(folder, 'home')), cwd: folder });
    bin.defer(() => running.signal('SIGKILL'));
    return running;
  };

  for (const generation of GENERATIONS) {
    test(`${generation} lists and calls tools, and is refused what its role may not`, async () => {
      const peer = await dialIn('alice', generation);
      const names = (await peer.list()).map((tool) => tool.name);
      assert.ok(names.includes('everything__echo') && !names.includes('everything__get-env'), names.join(' '));
      const answer = await peer.call('everything__echo', { message: generation });
      assert.ok(answer.kind === 'result' && answer.text.includes(generation), JSON.stringify(answer));
      assert.equal((await peer.call('everything__get-env', {})).kind, 'error');
      await peer.close();
    });
  }

  test('two agents with two tokens are two principals; limits count ssh and HTTP together', async () => {
    const [alice, bob] = [await dialIn('alice', 'v1'), await dialIn('bob', 'v2-modern')];
    const web = bin.use(await connect('v2-legacy', { via: 'http', url: gateway.endpoint, token: await gateway.token('alice', 'developer') }));
    const sum = async (peer: Peer): Promise<Answer> => peer.call('everything__get-sum', { a: 1, b: 1 });
    for (const peer of [alice, web, alice]) assert.ok(passed(await sum(peer)));
    for (const peer of [alice, web]) {
      const refused = await sum(peer);
      assert.ok(refused.kind === 'result' && refused.isError && refused.text.includes('SEN-0303'), JSON.stringify(refused));
    }
    assert.ok(passed(await sum(bob)), 'the other has its own count');
    const rows = await gateway.jsonLines(['audit', 'query', '--tool', 'everything/get-sum']);
    assert.deepEqual(rows.map((row) => `${row['subject']} ${row['surface']} ${row['status']}`).toSorted(), [
      'alice http rate_limited', 'alice http success', 'alice socket rate_limited', 'alice socket success', 'alice socket success', 'bob socket success',
    ]);
  });

  test('a kill by the operator reaches the agent behind ssh', async () => {
    const peer = await dialIn('bob', 'v1');
    await gateway.json(['kill', 'subject', 'bob', '--reason', 'a test']);
    await until(() => peer.changes() > 0, 'its list changed');
    assert.deepEqual(await peer.list(), []);
    assert.ok(!passed(await peer.call('everything__echo', { message: 'x' })));
    await gateway.json(['unkill', 'subject', 'bob', '--reason', 'over']);
    await until(async () => passed(await peer.call('everything__echo', { message: 'x' })), 'it is back');
  });

  test('another command is not run: whatever is asked for, the answer is the gateway', async () => {
    const running = ssh('alice', [], ['echo', 'pwned; id']);
    running.child.stdin?.end('id\n');
    const said = await endOf(running, 'ssh');
    assert.ok(!/pwned|uid=/.test(said.stdout + said.stderr), said.stdout + said.stderr);
    assert.equal(JSON.parse(said.stdout).error.code, -32_700, 'what was typed was read as MCP');
  });

  test('a shell is refused: no terminal, and what is typed is not run', async () => {
    const running = ssh('alice', ['-tt']);
    running.child.stdin?.end('id\nexit\n');
    const said = await endOf(running, 'ssh');
    assert.match(said.stderr, /PTY allocation request failed/);
    assert.ok(!/uid=/.test(said.stdout + said.stderr), said.stdout);
  });

  test('files cannot be copied by the sftp subsystem', async () => {
    const running = ssh('alice', ['-s'], ['sftp']);
    running.child.stdin?.end('\u0000\u0000\u0000\u0005\u0001\u0000\u0000\u0000\u0003\n');
    const said = await endOf(running, 'ssh');
    // SSH_FXP_VERSION would answer SSH_FXP_INIT; the forced command answers in JSON or not at all.
    assert.ok(said.stdout === '' || said.stdout.startsWith('{'), JSON.stringify(said.stdout));
  });

  test('a forward to a port of the host (-L) is refused', async () => {
    let reached = 0;
    const target = createServer((socket) => {
      reached += 1;
      socket.end('secret');
    });
    await new Promise<void>((resolve) => void target.listen(0, '127.0.0.1', resolve));
    bin.defer(() => void target.close());
    const address = target.address();
    const [local, port] = [await freePort(), typeof address === 'object' ? (address?.port ?? 0) : 0];
    const running = ssh('alice', ['-L', `127.0.0.1:${local}:127.0.0.1:${port}`]);
    const got = await until(async () => (running.hasEnded() ? 'ended' : knock(local)), 'the local end of the forward answers');
    assert.equal(got, 'closed');
    await until(() => new RegExp(`refused local port forward: .* target 127\\.0\\.0\\.1 port ${port}`).test(sshd.log()), 'sshd says that it refuses');
    assert.equal(reached, 0);
  });

  test('a forward from a port of the host (-R) is refused', async () => {
    const running = ssh('alice', ['-o', 'ExitOnForwardFailure=yes', '-R', `127.0.0.1:${await freePort()}:127.0.0.1:9`]);
    const said = await endOf(running, 'ssh');
    assert.equal(said.code, 255);
    assert.match(said.stderr, /remote port forwarding failed/);
  });

  test('without the right key nobody gets in', async () => {
    if ('skip' in tools) return;
    const stranger = makeKey(tools, folder, 'stranger');
    keys.set('stranger', stranger.privateKey);
    const running = ssh('stranger', []);
    const said = await endOf(running, 'ssh');
    assert.equal(said.code, 255);
    assert.match(said.stderr, /Permission denied/);
    assert.equal(said.stdout, '');
  });

  test('a revoked token gets no further than a message on stderr', async () => {
    if ('skip' in tools) return;
    const key = makeKey(tools, folder, 'late');
    const printed = (await gateway.json(['connect', 'ssh', '--agent', 'late', '--key', `${key.privateKey}.pub`])) as { readonly line: string; readonly token_file: string };
    await gateway.cli(['token', 'issue', '--subject', 'late', '--role', 'developer', '--ttl', '1h', '--out', printed.token_file]);
    await gateway.cli(['token', 'revoke', printed.token_file, '--reason', 'lost']);
    const other = await startSshd(tools, `${printed.line}\n`);
    bin.defer(other.stop);
    const running = start(other.client(key.privateKey), { env: plainEnv(join(folder, 'home')), cwd: folder });
    bin.defer(() => running.signal('SIGKILL'));
    const said = await endOf(running, 'ssh');
    assert.equal(said.code, 20);
    assert.equal(said.stdout, '');
    assert.ok(said.stderr !== '' && !said.stderr.includes('eyJ'), 'it is told why, without the token');
  });
});

function passed(answer: Answer): boolean {
  return answer.kind === 'result' && !answer.isError;
}

/** Undefined while nobody listens; else what came before the end. */
function knock(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    let got = '';
    const socket = dial(port, '127.0.0.1');
    socket.on('data', (chunk) => (got += chunk.toString('utf8')));
    socket.once('error', () => resolve(got === '' && !socket.connecting ? undefined : got));
    socket.once('close', (failed) => resolve(failed ? undefined : got === '' ? 'closed' : got));
  });
}
