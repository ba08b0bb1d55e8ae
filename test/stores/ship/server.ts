// A PostgreSQL of one's own that can be crashed, frozen, copied and started again, and a way to it that can be cut.
import { spawn, spawnSync } from 'node:child_process';
import { globSync, readFileSync, rmSync, statSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { startPostgres } from '../../support/postgres.ts';
import { ask, until } from './synthetic.ts';

export interface OwnServer {
  readonly url: string;
  readonly data: string;
  /** SIGKILL to all of it at once, as a machine that goes away. */
  kill(): Promise<void>;
  /** `pg_ctl stop -m immediate`: no checkpoint, every connection cut. */
  quit(): Promise<void>;
  /** Waits until it answers. */
  start(...settings: readonly string[]): Promise<void>;
  freeze(): void;
  thaw(): void;
  /** Of a stopped server: as it is now, to be put back later. */
  copy(): void;
  putBack(): void;
}

const SETTINGS = ['fsync=off', 'full_page_writes=off', 'synchronous_commit=off', 'shared_buffers=32MB', 'timezone=UTC', 'listen_addresses=127.0.0.1', 'unix_socket_directories='];

export async function ownServer(t: TestContext): Promise<OwnServer> {
  const server = await startPostgres();
  const [row] = await ask(server.url, `select current_setting('data_directory') as data`);
  const data = String(row?.['data']);
  const folder = dirname(data);
  const { uid, gid } = statSync(data);
  const owner = process.getuid?.() === 0 ? { uid, gid } : {};
  const own = new Own(server.url, data, join(folder, 'native/bin/postgres'), owner);
  t.after(async () => {
    await own.kill();
    await server.stop();
    rmSync(`${data}.copy`, { recursive: true, force: true });
  });
  return own;
}

class Own implements OwnServer {
  readonly url: string;
  readonly data: string;
  readonly #program: string;
  readonly #owner: { readonly uid?: number; readonly gid?: number };

  constructor(url: string, data: string, program: string, owner: { readonly uid?: number; readonly gid?: number }) {
    this.url = url;
    this.data = data;
    this.#program = program;
    this.#owner = owner;
  }

  async kill(): Promise<void> {
    const all = this.#processes();
    for (const pid of all) signal(pid, 'SIGKILL');
    await until(() => all.every((pid) => !alive(pid)));
    rmSync(join(this.data, 'postmaster.pid'), { force: true });
  }

  async quit(): Promise<void> {
    const all = this.#processes();
    signal(this.#main(), 'SIGQUIT');
    await until(() => all.every((pid) => !alive(pid)));
  }

  async start(...settings: readonly string[]): Promise<void> {
    const args = [...SETTINGS, `port=${new URL(this.url).port}`, ...settings].flatMap((setting) => ['-c', setting]);
    const child = spawn(this.#program, ['-D', this.data, ...args], { cwd: dirname(this.data), env: {}, stdio: 'ignore', ...this.#owner });
    child.unref();
    await until(async () => {
      if (child.exitCode !== null) throw new Error('PostgreSQL did not start again');
      return ask(this.url, 'select 1').then(() => true, () => false);
    });
  }

  freeze(): void {
    for (const pid of this.#processes()) signal(pid, 'SIGSTOP');
  }

  thaw(): void {
    for (const pid of this.#processes()) signal(pid, 'SIGCONT');
  }

  copy(): void {
    rmSync(`${this.data}.copy`, { recursive: true, force: true });
    run('cp', '-a', this.data, `${this.data}.copy`);
  }

  putBack(): void {
    rmSync(this.data, { recursive: true });
    run('cp', '-a', `${this.data}.copy`, this.data);
  }

  #main(): number {
    return Number(readFileSync(join(this.data, 'postmaster.pid'), 'utf8').split('\n')[0]);
  }

  /** The main process and its children. */
  #processes(): readonly number[] {
    try {
      const main = this.#main();
      const children = globSync('/proc/[0-9]*/stat').filter((path) => parentOf(path) === main).map((path) => Number(path.split('/')[2]));
      return [main, ...children];
    } catch {
      return [];
    }
  }
}

function parentOf(path: string): number {
  try {
    return Number(readFileSync(path, 'utf8').split(') ')[1]?.split(' ')[1]);
  } catch {
    return 0;
  }
}

function run(command: string, ...args: readonly string[]): void {
  const done = spawnSync(command, args, { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`${command}: ${done.stderr}`);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended.
  }
}

/** A zombie that waits for its parent is dead enough. */
function alive(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.startsWith('Z') === false;
  } catch {
    return false;
  }
}

export interface Wire {
  readonly url: string;
  /** The next time that text goes to the server, its answer is lost with the connection. */
  loseAnswerTo(text: string): void;
  readonly lost: () => number;
}

/** A TCP relay before the server. */
export async function wire(t: TestContext, url: string): Promise<Wire> {
  const to = new URL(url);
  const [port, host] = [Number(to.port), to.hostname];
  let wanted: string | undefined;
  let lost = 0;
  const open = new Set<Socket>();
  const relay = createServer((client) => {
    const server = connect(port, host);
    let cut = false;
    for (const one of [client, server]) {
      open.add(one);
      one.on('error', () => undefined).on('close', () => [client, server].forEach((each) => each.destroy()));
    }
    client.on('data', (chunk) => {
      if (wanted !== undefined && chunk.includes(wanted)) [cut, wanted] = [true, undefined];
      server.write(chunk);
    });
    server.on('data', (chunk) => {
      if (!cut) {
        client.write(chunk);
      } else if (chunk.includes('INSERT 0')) {
        lost += 1;
        client.destroy();
      }
    });
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const one of open) one.destroy();
    relay.close();
  });
  const address = relay.address();
  to.port = String(typeof address === 'object' ? address?.port : '');
  return { url: to.href, loseAnswerTo: (text) => (wanted = text), lost: () => lost };
}
