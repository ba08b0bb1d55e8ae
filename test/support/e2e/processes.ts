// Real processes for end-to-end tests: started with a bound, told apart by pid, ended by pid.
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export const ROOT: string = join(import.meta.dirname, '../../..');
export const MAIN: string = join(ROOT, 'src/cli/main.ts');

export type Env = Readonly<Record<string, string>>;

export interface Said {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly pid: number;
  readonly child: ChildProcess;
  stdout(): string;
  stderr(): string;
  signal(name: NodeJS.Signals): void;
  /** With what it said until then. */
  readonly ended: Promise<Said>;
  hasEnded(): boolean;
}

const OUTPUT_LIMIT = 4 * 1024 * 1024;
/** Bounds a broken test; nothing is measured by it. Measured: with seven programs for each processor, a start that takes one second took twelve. */
const PATIENCE_MS = 120_000;

const children = new Set<ChildProcess>();
// A test that fails half-way must not leave them behind.
process.once('exit', () => children.forEach((child) => child.kill('SIGKILL')));

let cache: string | undefined;

/** One for all programs of a test file: with a home of its own each, they would compile everything again and write it down at their end. */
function sharedCache(): string {
  if (cache === undefined) {
    const made = mkdtempSync(join(tmpdir(), 'cache-'));
    process.once('exit', () => rmSync(made, { recursive: true, force: true }));
    cache = made;
  }
  return cache;
}

/** The least a program needs. Nothing of the developer's own environment comes along. */
export function plainEnv(home: string): Env {
  return { PATH: process.env['PATH'] ?? '', HOME: home, TMPDIR: process.env['TMPDIR'] ?? '/tmp', XDG_CACHE_HOME: sharedCache() };
}

export function start(argv: readonly string[], options: { readonly env: Env; readonly cwd: string; readonly detached?: boolean }): Running {
  const [file = '', ...args] = argv;
  const child = spawn(file, args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
  const text = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (chunk: Buffer) => (text[name] = (text[name] + chunk.toString('utf8')).slice(-OUTPUT_LIMIT)));
  }
  child.stdin.on('error', () => undefined);
  let over = false;
  const ended = new Promise<Said>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => (over = true));
    child.once('close', (code, signal) => resolve({ code, signal, ...text }));
  });
  ended.catch(() => undefined);
  children.add(child);
  child.once('exit', () => children.delete(child));
  return {
    pid: child.pid ?? -1, child, ended,
    stdout: () => text.stdout, stderr: () => text.stderr,
    signal: (name) => void child.kill(name),
    hasEnded: () => over,
  };
}

/** Runs to the end, with `input` as its stdin. */
export async function run(argv: readonly string[], options: { readonly env: Env; readonly cwd: string; readonly input?: string | undefined }): Promise<Said> {
  const running = start(argv, options);
  running.child.stdin?.end(options.input ?? '');
  const timer = setTimeout(() => running.signal('SIGKILL'), PATIENCE_MS);
  const said = await running.ended;
  clearTimeout(timer);
  return said;
}

/** Waits for the end; a process that does not end is killed and that is an error. */
export async function endOf(running: Running, what: string, ms: number = PATIENCE_MS): Promise<Said> {
  const said = await Promise.race([running.ended, delay(ms, undefined, { ref: false })]);
  if (said !== undefined) return said;
  running.signal('SIGKILL');
  throw new Error(`${what} did not end: ${running.stderr().slice(-2000)}`);
}

/** Polls until it holds. The deadline only ends a broken test. */
export async function until<T>(look: () => T | Promise<T>, what: string, ms: number = PATIENCE_MS): Promise<NonNullable<T>> {
  const deadline = performance.now() + ms;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== null && seen !== false) return seen;
    if (performance.now() > deadline) throw new Error(`never happened: ${what}`);
    await delay(20);
  }
}

export interface Seen {
  readonly pid: number;
  readonly parent: number;
  readonly argv: readonly string[];
  readonly env: string;
}

/** Every process that can be looked into; zombies are not alive. */
export function processes(): readonly Seen[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((name): Seen[] => {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      // `pid (name) state ppid …`: the name may hold anything, so count from its last parenthesis.
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (state === 'Z' || state === 'X') return [];
      const argv = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0').slice(0, -1);
      return [{ pid: Number(name), parent: Number(parent), argv, env: readFileSync(`/proc/${name}/environ`, 'utf8') }];
    } catch {
      return [];
    }
  });
}

/** Children of `pid`, and theirs, as they are now. */
export function descendants(pid: number): readonly Seen[] {
  const all = processes();
  const found = new Map<number, Seen>();
  const walk = (parent: number): void => {
    for (const one of all) {
      if (one.parent !== parent || found.has(one.pid)) continue;
      found.set(one.pid, one);
      walk(one.pid);
    }
  };
  walk(pid);
  return [...found.values()];
}

export function isAlive(pid: number): boolean {
  return processes().some((one) => one.pid === pid);
}

/** What still lives of `before`, and everything that was started with `folder` in its environment. A number used again is another process. */
export function leftovers(before: readonly Seen[], folder: string): readonly Seen[] {
  return processes().filter((now) => now.pid !== process.pid
    && (now.env.includes(folder) || before.some((then) => then.pid === now.pid && then.argv.join(' ') === now.argv.join(' '))));
}
