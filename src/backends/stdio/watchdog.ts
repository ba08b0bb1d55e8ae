// The gateway's end of the watchdog: starts it with the first child, tells it of each, and starts it again should it die.
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Random } from '../../core/ports.ts';
import { execa } from 'execa';
import { INHERITED_SHUT } from './descriptors.ts';

export interface Watchdog {
  /** The marker of the `n`-th child of this gateway run; no two are alike. */
  mark(): string;
  /** `leader`: pid of a child that leads its own process group. */
  watch(leader: number): void;
  forget(leader: number): void;
  pid(): number | undefined;
  /** Ends the watchdog. It kills what is still registered, so stop the backends first. */
  close(): void;
}

/** Runs the program with one pipe as its stdin. `prefix`: how all markers begin. `ended` is called once, when it is gone. */
export type StartWatchdog = (prefix: string, ended: () => void) => { readonly pid: number | undefined; readonly stdin: Writable };

// A .ts file when run from source, .js when built.
const PROGRAM = fileURLToPath(new URL(import.meta.url.replace(/watchdog(\.[jt]s)$/, 'watchdog-main$1')));
// It mostly sleeps: a small heap, and no compiled code to warm up.
const NODE_FLAGS = ['--max-old-space-size=32', '--max-semi-space-size=1', '--no-opt', '--disable-warning=ExperimentalWarning'];

const startWatchdog: StartWatchdog = (prefix, ended) => {
  const child = execa(process.execPath, [...NODE_FLAGS, PROGRAM, prefix], {
    env: {}, extendEnv: false, cwd: '/', detached: true, cleanup: false, buffer: false, reject: false,
    stdio: ['pipe', 'ignore', 'ignore', ...INHERITED_SHUT],
  });
  child.nodeChildProcess.once('exit', ended);
  child.catch(() => undefined);
  child.stdin.on('error', () => undefined);
  // Neither the process nor its pipe keeps the gateway alive: when the gateway ends, the pipe does.
  child.nodeChildProcess.unref();
  if (child.stdin instanceof Socket) child.stdin.unref();
  return { pid: child.pid, stdin: child.stdin };
};

/** More deaths than this are somebody's will, or no memory: children then have the parent-death signal only. */
const MAX_STARTS = 20;

class PipeWatchdog implements Watchdog {
  readonly #start: StartWatchdog;
  readonly #run: string;
  readonly #leaders = new Set<number>();
  #current: ReturnType<StartWatchdog> | undefined;
  #children = 0;
  #starts = 0;
  #closed = false;

  constructor(start: StartWatchdog, run: string) {
    this.#start = start;
    this.#run = run;
  }

  mark(): string {
    this.#children += 1;
    this.#ensure();
    return `${this.#run}.${this.#children}`;
  }

  watch(leader: number): void {
    this.#leaders.add(leader);
    this.#tell(`+ ${leader}`);
  }

  forget(leader: number): void {
    this.#leaders.delete(leader);
    this.#tell(`- ${leader}`);
  }

  pid(): number | undefined {
    return this.#current?.pid;
  }

  close(): void {
    this.#closed = true;
    this.#current?.stdin.end();
  }

  #ensure(): void {
    if (this.#current !== undefined || this.#closed || this.#starts >= MAX_STARTS) return;
    this.#starts += 1;
    const started = this.#start(`${this.#run}.`, () => {
      if (this.#current !== started) return;
      this.#current = undefined;
      this.#ensure();
    });
    this.#current = started;
    for (const leader of this.#leaders) this.#tell(`+ ${leader}`);
  }

  #tell(line: string): void {
    if (!this.#closed) this.#current?.stdin.write(`${line}\n`);
  }
}

export function createWatchdog(deps: { readonly random: Random; readonly start?: StartWatchdog }): Watchdog {
  return new PipeWatchdog(deps.start ?? startWatchdog, deps.random.token(18));
}
