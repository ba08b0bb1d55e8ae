// A real sshd for tests: own host key, a high loopback port, public keys only, everything in a temporary folder. Logs in as the user running the test.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { freePort } from './postgres.ts';

export type SshTools = { readonly sshd: string; readonly keygen: string; readonly ssh: string };

export type SshServer = {
  readonly port: number;
  readonly user: string;
  /** `ssh` and its arguments up to and including the destination; append a command, or nothing for the forced one. */
  readonly client: (privateKey: string, options?: readonly string[]) => readonly string[];
  readonly log: () => string;
  readonly stop: () => Promise<void>;
};

export type KeyPair = { readonly privateKey: string; readonly publicLine: string };

const READY_MS = 10_000;
const APT_MS = 180_000;
/** sshd insists on an absolute path, and /usr/sbin is not on every PATH. */
const FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/usr/bin', '/usr/local/bin', '/bin', '/sbin', '/opt/homebrew/sbin'];

function executable(name: string): string | undefined {
  return FOLDERS.map((folder) => join(folder, name)).find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function findTools(): SshTools | undefined {
  const [sshd, keygen, ssh] = [executable('sshd'), executable('ssh-keygen'), executable('ssh')];
  return sshd === undefined || keygen === undefined || ssh === undefined ? undefined : { sshd, keygen, ssh };
}

function apt(...args: string[]): string | undefined {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const done = spawnSync('apt-get', ['-q', '-y', ...args], { env, encoding: 'utf8', timeout: APT_MS, stdio: ['ignore', 'pipe', 'pipe'] });
  if (done.status === 0) return undefined;
  return (done.error?.message ?? done.stderr.trim().split('\n').at(-1)) || `exit code ${done.status ?? 'none'}`;
}

/** Installs only where that opens no port: as root, on a Debian without systemd running (a container). Else the reason why not. */
function installTools(): string | undefined {
  if (process.getuid?.() !== 0) return 'not root, so it is not installed';
  if (executable('apt-get') === undefined) return 'no apt-get to install it';
  if (existsSync('/run/systemd/system')) return 'installing it here would start a service; install openssh-server by hand';
  const install = ['install', '--no-install-recommends', 'openssh-server', 'openssh-client'];
  if (apt(...install) === undefined) return undefined;
  const failed = apt('update') ?? apt(...install);
  return failed === undefined ? undefined : `apt-get: ${failed}`;
}

/** The tools, installed if need be; or the reason why a test that needs them is skipped. */
export function ensureSshd(): SshTools | { readonly skip: string } {
  const found = findTools();
  if (found !== undefined) return found;
  const failed = installTools();
  return findTools() ?? { skip: `no sshd: ${failed ?? 'the package brought none'}` };
}

/** What a test that needs sshd asks first. Never installs: the runner did, or said why not. */
export function testSshd(env: NodeJS.ProcessEnv = process.env): SshTools | { readonly skip: string } {
  return findTools() ?? { skip: env['SENTINEL_TEST_SSHD_SKIP'] ?? 'no sshd: run by ./scripts/test, or install openssh-server' };
}

/** A new Ed25519 key without a passphrase in `folder`. */
export function makeKey(tools: SshTools, folder: string, name: string): KeyPair {
  const privateKey = join(folder, name);
  const made = spawnSync(tools.keygen, ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', privateKey], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`ssh-keygen: ${made.stderr}`);
  return { privateKey, publicLine: readFileSync(`${privateKey}.pub`, 'utf8').trim() };
}

function configOf(folder: string, port: number, user: string): string {
  return [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${join(folder, 'host_key')}`,
    `AuthorizedKeysFile ${join(folder, 'authorized_keys')}`,
    `AllowUsers ${user}`,
    'PidFile none',
    'AuthenticationMethods publickey',
    'PermitRootLogin prohibit-password',
    'StrictModes no',
    'UsePAM no',
    'LogLevel VERBOSE',
    // Everything a shell account may do stays on, so that what the authorized_keys line refuses is refused by that line.
    'AllowTcpForwarding yes',
    'PermitTTY yes',
    'Subsystem sftp internal-sftp',
    '',
  ].join('\n');
}

async function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function untilReady(server: ChildProcess, port: number, log: () => string): Promise<void> {
  const until = Date.now() + READY_MS;
  while (Date.now() < until) {
    if (server.exitCode !== null) break;
    if (await accepts(port)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  server.kill('SIGKILL');
  throw new Error(`sshd is not ready: ${log()}`);
}

/** `authorizedKeys`: the whole file, as `sentinel connect ssh` prints its lines. */
export async function startSshd(tools: SshTools, authorizedKeys: string): Promise<SshServer> {
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-sshd-'));
  const port = await freePort();
  const user = userInfo().username;
  const host = makeKey(tools, folder, 'host_key');
  writeFileSync(join(folder, 'authorized_keys'), authorizedKeys, { mode: 0o600 });
  writeFileSync(join(folder, 'known_hosts'), `[127.0.0.1]:${port} ${host.publicLine}\n`);
  writeFileSync(join(folder, 'sshd_config'), configOf(folder, port, user));
  // Debian compiles this path in, and only its init script makes the folder.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const server = spawn(tools.sshd, ['-D', '-e', '-f', join(folder, 'sshd_config')], { stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  const log = (): string => text;
  server.stderr.on('data', (chunk: Buffer) => (text = (text + chunk.toString('utf8')).slice(-32_768)));
  const ended = new Promise<void>((resolve) => void server.once('exit', () => resolve()));
  const onExit = (): void => void server.kill('SIGKILL');
  process.once('exit', onExit);
  const stop = async (): Promise<void> => {
    server.kill('SIGTERM');
    await ended;
    process.off('exit', onExit);
    rmSync(folder, { recursive: true, force: true });
  };
  await untilReady(server, port, log);
  const fixed = ['-F', 'none', '-o', 'BatchMode=yes', '-o', 'IdentitiesOnly=yes', '-o', 'StrictHostKeyChecking=yes'];
  const hosts = ['-o', `UserKnownHostsFile=${join(folder, 'known_hosts')}`, '-o', 'LogLevel=ERROR', '-p', String(port)];
  const client = (privateKey: string, options: readonly string[] = []): readonly string[] => [
    tools.ssh, ...fixed, ...hosts, '-i', privateKey, ...options, `${user}@127.0.0.1`,
  ];
  return { port, user, client, log, stop };
}
