// Runs the demo's Streamable HTTP server as a child of the gateway's process: restarted when it ends, gone when the gateway is gone.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createConnection, createServer } from 'node:net';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';

export interface DemoServer {
  /** Ends the child; resolves when it is gone. */
  stop(): Promise<void>;
}

export interface DemoServerDeps {
  readonly entry: string;
  readonly port: number;
  readonly cwd: string;
  readonly path: string;
  readonly say: (text: string) => void;
  /** How long it may take to answer; 15 s. */
  readonly startsMs?: number;
}

const RESTARTS = 5;
const STARTS_MS = 15_000;

/** Resolves when the server accepts connections, or when it is clear that it will not; the gateway serves the other backends either way. */
export async function startDemoServer(deps: DemoServerDeps): Promise<DemoServer> {
  let stopped = false;
  let child = launch(deps);
  const watch = async (): Promise<void> => {
    for (let restarts = 0; restarts <= RESTARTS; restarts++) {
      await gone(child);
      if (stopped) return;
      if (restarts === RESTARTS) return deps.say(`the demo server ended ${RESTARTS + 1} times and stays down`);
      await delay(500 * 2 ** restarts, undefined, { ref: false });
      if (stopped) return;
      child = launch(deps);
    }
  };
  const watching = watch();
  if (!(await accepts(deps.port, deps.startsMs ?? STARTS_MS))) deps.say(`the demo server does not answer on port ${deps.port}`);
  return {
    stop: async () => {
      stopped = true;
      child.stdin?.end();
      const killer = setTimeout(() => child.kill('SIGKILL'), 2000);
      await gone(child);
      clearTimeout(killer);
      await Promise.race([watching, delay(0)]);
    },
  };
}

function launch(deps: DemoServerDeps): ChildProcess {
  const here = fileURLToPath(import.meta.url);
  const leash = join(dirname(here), `leash${extname(here)}`);
  // It offers a tool that prints its environment: it gets none of ours.
  const env = { PATH: deps.path, PORT: String(deps.port) };
  const child = spawn(process.execPath, ['--import', leash, deps.entry, 'streamableHttp'], { cwd: deps.cwd, env, stdio: ['pipe', 'ignore', 'ignore'] });
  child.once('error', (error) => deps.say(`the demo server did not start: ${error.message}`));
  child.stdin?.on('error', () => undefined); // it ended before its stdin was closed
  return child;
}

function gone(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

async function accepts(port: number, within: number): Promise<boolean> {
  const end = performance.now() + within;
  while (performance.now() < end) {
    if (await connects(port)) return true;
    await delay(50);
  }
  return false;
}

export function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** A free port of loopback now; somebody may take it before it is used. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port'))));
    });
  });
}
