// A child with a user of its own: what it can no longer reach, that it still dies with the gateway, and what is said where it has none.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { dirsOf } from '../../src/backends/stdio/directories.ts';
import { planLaunch } from '../../src/backends/stdio/launch.ts';
import { backendUsers } from '../../src/cli/doctor/gateway.ts';
import { stdioSettings } from '../backends/support.ts';
import { connect, type Peer } from '../support/e2e/clients.ts';
import { launch, prepare, type Gateway } from '../support/e2e/gateway.ts';
import { endOf, isAlive, ROOT, until } from '../support/e2e/processes.ts';
import { stdioBackend } from '../support/e2e/servers.ts';

const SPY = join(ROOT, 'test/fixtures/backends/spy.ts');
const NOBODY = { name: 'nobody', uid: 65_534, gid: 65_534 };
const ROLE = '[rbac.roles.developer]\npermissions = ["*"]\n';

/** Why a program of another user cannot be shown here, or false. */
function unable(): string | false {
  if (process.platform !== 'linux') return 'users of their own are for Linux';
  if (process.getuid?.() !== 0) return 'only root can start a program as another user';
  const tried = spawnSync('setpriv', ['--reuid', '65534', '--regid', '65534', '--clear-groups', '--', process.execPath, '--check', SPY], { cwd: '/' });
  return tried.status === 0 ? false : 'the user nobody cannot run node or read the fixture here (its folder is closed, or setpriv is missing)';
}
const skip = unable();

interface Look {
  readonly files: Readonly<Record<string, string>>;
  readonly folders: Readonly<Record<string, string>>;
  readonly writes: Readonly<Record<string, string>>;
  readonly signals: Readonly<Record<string, string>>;
  readonly sockets: Readonly<Record<string, string>>;
  readonly status: string;
  readonly home: string;
  readonly tmp: string;
  readonly cwd: string;
  readonly owner: number;
  readonly mode: number;
}

async function textOf<T>(peer: Peer, tool: string, args: object): Promise<T> {
  const answer = await peer.call(tool, { ...args });
  assert.ok(answer.kind === 'result' && !answer.isError, JSON.stringify(answer));
  return JSON.parse(answer.text);
}

async function running(toml: string): Promise<Gateway> {
  const setup = await prepare({ toml: `${toml}\n${ROLE}`, keys: 'own', env: { CANARY: 'of-the-gateway' } });
  // Another user must be able to walk to the folder beside the state directory.
  chmodSync(setup.folder, 0o755);
  return launch(setup);
}

const own = stdioBackend('own', [process.execPath, SPY], ['run_as = "nobody"']);
const bare = stdioBackend('bare', [process.execPath, SPY]);

describe('a backend with run_as', { skip, timeout: 120_000 }, () => {
  test('H13 cannot read the gateway\'s environment, memory, descriptors, keys, store and tokens, nor reach its socket; without run_as it can [SEC26]', async () => {
    await using gateway = await running(`${own}\n${bare}`);
    const token = await gateway.tokenFile('alice', 'developer');
    await using peer = await connect('v1', { via: 'http', url: gateway.endpoint, token: await gateway.token('alice', 'developer') });
    const secrets = [`/proc/${gateway.pid}/environ`, `/proc/${gateway.pid}/maps`, join(gateway.state, 'keys/ring.json'), join(gateway.state, 'sentinel.db'), join(gateway.state, 'journal/00000001.db'), token];
    const asked = { files: secrets, folders: [`/proc/${gateway.pid}/fd`, gateway.state, `${gateway.state}-users`], sockets: [gateway.socket], signals: [gateway.pid], writes: [join(gateway.folder, 'x'), `${gateway.state}-users/x`] };
    const seen = await textOf<Look>(peer, 'own__look', asked);
    assert.deepEqual(new Set([seen.files, seen.folders, seen.sockets, seen.writes].flatMap((one) => Object.values(one))), new Set(['EACCES']), JSON.stringify({ ...seen, status: '' }));
    assert.deepEqual(Object.values(seen.signals), ['EPERM']);
    // The proof that the same looks find what is there to be found.
    const control = await textOf<Look>(peer, 'bare__look', asked);
    assert.deepEqual(new Set([...Object.values(control.files), ...Object.values(control.folders)]), new Set(['read']));
    assert.deepEqual([...Object.values(control.sockets), ...Object.values(control.signals)], ['connected', 'read']);
  });

  test('H13 has that user, no group and no capability of root, and private folders that are its own [SEC25]', async () => {
    await using gateway = await running(own);
    await using peer = await connect('v1', { via: 'http', url: gateway.endpoint, token: await gateway.token('alice', 'developer') });
    const seen = await textOf<Look>(peer, 'own__look', {});
    const line = (name: string): string => new RegExp(`^${name}:[ \\t]*(.*?)[ \\t]*$`, 'm').exec(seen.status)?.[1] ?? 'absent';
    assert.deepEqual([line('Uid'), line('Gid'), line('Groups')], ['65534\t65534\t65534\t65534', '65534\t65534\t65534\t65534', '']);
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) assert.equal(line(set), '0000000000000000', set);
    assert.equal(line('NoNewPrivs'), '1');
    const base = `${gateway.state}-users/65534/own`;
    assert.deepEqual([seen.home, seen.tmp, seen.cwd, seen.owner, seen.mode], [join(base, 'home'), join(base, 'tmp'), join(base, 'work'), 65_534, 0o700]);
    assert.equal(lstatSync(base).uid, 0, 'the folder above belongs to root: it can swap nothing that we give away');
    assert.equal(lstatSync(base).mode & 0o777, 0o711);
  });

  test('H16 cannot change its own program: what it runs tomorrow is what was installed; without run_as it can', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'own-program-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    chmodSync(folder, 0o755);
    const program = join(folder, 'spy.mts');
    copyFileSync(SPY, program);
    chmodSync(program, 0o644);
    await using gateway = await running(`${stdioBackend('own', [process.execPath, program], ['run_as = "nobody"'])}\n${stdioBackend('bare', [process.execPath, program])}`);
    await using peer = await connect('v1', { via: 'http', url: gateway.endpoint, token: await gateway.token('alice', 'developer') });
    const asked = { writes: [program, join(folder, 'node_modules')] };
    assert.deepEqual(Object.values((await textOf<Look>(peer, 'own__look', asked)).writes), ['EACCES', 'EACCES']);
    assert.deepEqual(Object.values((await textOf<Look>(peer, 'bare__look', asked)).writes), ['read', 'read'], 'the same tries succeed where nothing forbids them');
  });

  test('H13 H14 dies with a gateway that was killed by SIGKILL, and so does what left its session', async () => {
    const gateway = await running(own);
    const peer = await connect('v1', { via: 'http', url: gateway.endpoint, token: await gateway.token('alice', 'developer') });
    const { pid } = (await gateway.status()).backends[0] ?? {};
    const escaped = await textOf<number>(peer, 'own__leave', {});
    assert.ok(pid !== undefined && isAlive(pid) && isAlive(escaped));
    gateway.process.signal('SIGKILL');
    await endOf(gateway.process, 'the gateway');
    await until(() => !isAlive(pid) && !isAlive(escaped), 'nothing of it is left');
    await peer.close().catch(() => undefined);
    gateway[Symbol.dispose]();
  });

  test('H12 H13 a reload ends it with all it started', async () => {
    await using gateway = await running(own);
    await using peer = await connect('v1', { via: 'http', url: gateway.endpoint, token: await gateway.token('alice', 'developer') });
    const { pid } = (await gateway.status()).backends[0] ?? {};
    const escaped = await textOf<number>(peer, 'own__leave', {});
    assert.ok(pid !== undefined && isAlive(pid) && isAlive(escaped));
    gateway.write(ROLE);
    assert.ok((await gateway.control.reload('test')).ok);
    await until(() => !isAlive(pid) && !isAlive(escaped), 'nothing of it is left');
  });

  test('H13 doctor warns of each stdio backend that runs as root, and of none with a user of its own', async () => {
    using setup = await prepare({ toml: `${own}\n${bare}`, keys: 'own' });
    const check = async (): Promise<{ readonly state: string; readonly note: string; readonly remedy?: string } | undefined> => {
      const report: { checks: { name: string; state: string; note: string; remedy?: string }[] } = JSON.parse((await setup.cli(['doctor', '--json'])).stdout);
      return report.checks.find((one) => one.name === 'backend-users');
    };
    const warned = await check();
    assert.equal(warned?.state, 'warning');
    assert.match(warned?.note ?? '', /: bare$/);
    assert.match(warned?.remedy ?? '', /run_as/);
    setup.write(own);
    assert.equal((await check())?.state, 'ok');
  });
});

describe('the folders of a backend with run_as', { skip: process.getuid?.() === 0 ? false : 'only root can give folders away' }, () => {
  const scratch = (t: { after(undo: () => void): void }): string => {
    const folder = mkdtempSync(join(tmpdir(), 'own-user-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    chmodSync(folder, 0o755);
    return folder;
  };
  const refused = (stateDir: string): string => {
    const made = dirsOf(NOBODY, stateDir, 'files');
    return made.ok ? 'made' : made.error;
  };

  test('H13 a folder that somebody else put there, or a link, is not given away', (t) => {
    const folder = scratch(t);
    const state = join(folder, 'state');
    assert.ok(dirsOf(NOBODY, state, 'files').ok);
    assert.ok(dirsOf(NOBODY, state, 'files').ok, 'a second time, too');
    const base = `${state}-users/65534/files`;
    const target = join(folder, 'target');
    mkdirSync(target, { mode: 0o700 });
    rmSync(join(base, 'home'), { recursive: true });
    symlinkSync(target, join(base, 'home'));
    assert.match(refused(state), /no folder of ours/);
    assert.equal(lstatSync(target).uid, 0);
    rmSync(join(base, 'home'));
    mkdirSync(join(base, 'home'));
    chownSync(join(base, 'home'), 12_345, 12_345);
    assert.match(refused(state), /no folder of ours/);
    rmSync(`${state}-users`, { recursive: true });
    mkdirSync(`${state}-users`);
    chownSync(`${state}-users`, NOBODY.uid, NOBODY.gid);
    assert.match(refused(state), /no folder of ours/);
  });

  test('H13 nothing is given away below a folder that others can rename, and a way that is closed is told', (t) => {
    const folder = scratch(t);
    chmodSync(folder, 0o777);
    assert.match(refused(join(folder, 'state')), /others than root can change what is in /);
    chmodSync(folder, 0o1777);
    assert.equal(refused(join(folder, 'state')), 'made');
    chmodSync(folder, 0o755);
    chownSync(folder, NOBODY.uid, NOBODY.gid);
    assert.match(refused(join(folder, 'state')), /others than root can change what is in /);
    chownSync(folder, 0, 0);
    chmodSync(folder, 0o700);
    assert.match(refused(join(folder, 'state')), new RegExp(`cannot enter ${folder}: set gateway.state_dir`));
  });

  test('H13 without setpriv, or elsewhere than on Linux, it is not started at all', (t) => {
    const stateDir = join(scratch(t), 'state');
    for (const [platform, path] of [['linux', '/nonexistent'], ['darwin', process.env['PATH']]] as const) {
      for (const sandbox of ['off', 'basic'] as const) {
        const plan = planLaunch({ settings: stdioSettings([], { runAs: NOBODY, sandbox }), program: process.execPath, stateDir, gatewayEnv: { PATH: path }, marker: 'm', platform, unmarked: () => assert.fail('no child was to be marked') });
        assert.match(plan.ok ? 'planned' : plan.error, /needs setpriv/);
      }
    }
  });
});

test('H13 a gateway of another user than root is told that run_as is not for it', () => {
  const backends = [stdioSettings([], { runAs: undefined })];
  assert.equal(backendUsers(backends, 1000).state, 'skipped');
  assert.equal(backendUsers([], 0).state, 'skipped');
  assert.equal(backendUsers(backends, 0).state, 'warning');
});
