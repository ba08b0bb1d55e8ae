// Runs one test file, or one checking tool, in a process group of its own with a private HOME and TMPDIR, and ends the whole group with it.
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ShownLine, TestLine } from './reporter.ts';

export type FileReport = {
  readonly seconds: number;
  readonly passed: number;
  readonly failures: readonly { readonly name: string; readonly text: string }[];
  readonly skips: readonly { readonly name: string; readonly reason: string }[];
  /** What its tests want to be read. */
  readonly shown: readonly string[];
};

export type RunOptions = {
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
  readonly timeoutMs: number;
};

type Ended = { readonly code: number | null; readonly output: string; readonly seconds: number; readonly timedOut: boolean };

const OUTPUT_LIMIT = 64 * 1024;
const running = new Set<number>();

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody left in the group.
  }
}

/** For the runner's own end: no test process outlives it. */
export function killRunning(): void {
  for (const pid of running) killGroup(pid);
}

/** The developer's own settings must not decide a test: nothing of Sentinel's, of XDG's or of a database's comes through. */
function cleanEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const ours = /^(SENTINEL_(?!TEST_)|XDG_|DATABASE_URL$|PG[A-Z]+$|NODE_TEST_CONTEXT$|NODE_OPTIONS$|JWT_)/;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !ours.test(name)));
}

async function run(argv: readonly string[], options: RunOptions, extra: NodeJS.ProcessEnv): Promise<Ended> {
  const started = process.hrtime.bigint();
  const { promise, resolve } = Promise.withResolvers<number | null>();
  const [command = '', ...args] = argv;
  const child = spawn(command, args, {
    cwd: options.root,
    env: { ...cleanEnv(options.env), ...extra },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let timedOut = false;
  const collect = (chunk: Buffer): void => {
    output = (output + chunk.toString('utf8')).slice(-OUTPUT_LIMIT);
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  child.once('error', (error) => {
    output += String(error);
    resolve(null);
  });
  child.once('exit', (code) => resolve(code));
  const pid = child.pid;
  if (pid !== undefined) running.add(pid);
  const timer = setTimeout(() => {
    timedOut = true;
    if (pid !== undefined) killGroup(pid);
  }, options.timeoutMs);
  const code = await promise;
  clearTimeout(timer);
  if (pid !== undefined) {
    killGroup(pid);
    running.delete(pid);
  }
  return { code, output, seconds: Number(process.hrtime.bigint() - started) / 1e9, timedOut };
}

function readLines(file: string): readonly (TestLine | ShownLine)[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return [];
  }
  // A killed process may leave half a line; only whole ones count.
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  return whole.split('\n').filter(Boolean).map((line): TestLine | ShownLine => JSON.parse(line));
}

function reportOf(path: string, ended: Ended, said: readonly (TestLine | ShownLine)[], timeoutMs: number): FileReport {
  const lines = said.filter((line) => 'name' in line);
  const shown = said.flatMap((line) => ('shown' in line ? [line.shown] : []));
  const failures: { name: string; text: string }[] = [];
  const skips: { name: string; reason: string }[] = [];
  let passed = 0;
  for (const line of lines) {
    if (line.skip === '') failures.push({ name: line.name, text: 'skipped without a reason' });
    else if (line.skip !== undefined) skips.push({ name: line.name, reason: line.skip });
    else if (line.passed) passed += 1;
    else failures.push({ name: line.name, text: line.error ?? 'failed' });
  }
  const output = ended.output.trim();
  if (ended.timedOut) {
    failures.push({ name: path, text: `still running after ${timeoutMs / 1000} s, killed\n${output}` });
  } else if (ended.code !== 0 && failures.length === 0) {
    failures.push({ name: path, text: `exit code ${ended.code ?? 'none'}\n${output}` });
  } else if (lines.length === 0) {
    failures.push({ name: path, text: 'the file holds no test' });
  }
  return { seconds: ended.seconds, passed, failures, skips, shown };
}

export async function runTestFile(path: string, options: RunOptions): Promise<FileReport> {
  const scratch = mkdtempSync(join(tmpdir(), 'st-'));
  // A test may start PostgreSQL as another user, who has to get through this folder.
  chmodSync(scratch, 0o711);
  const home = join(scratch, 'home');
  const tmp = join(scratch, 'tmp');
  const lines = join(scratch, 'lines.ndjson');
  mkdirSync(home, { mode: 0o700 });
  mkdirSync(tmp);
  chmodSync(tmp, 0o711);
  try {
    const argv = [
      process.execPath,
      `--test-reporter=${join(options.root, 'test/support/reporter.ts')}`,
      `--test-reporter-destination=${lines}`,
      path,
    ];
    const ended = await run(argv, options, { HOME: home, TMPDIR: tmp });
    return reportOf(path, ended, readLines(lines), options.timeoutMs);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** A tool that says yes or no by its exit code counts as one test. */
export async function runTool(name: string, argv: readonly string[], options: RunOptions): Promise<FileReport> {
  const ended = await run(argv, options, {});
  const why = ended.timedOut ? `still running after ${options.timeoutMs / 1000} s, killed` : ended.output.trim();
  const failures = ended.code === 0 && !ended.timedOut ? [] : [{ name, text: why }];
  return { seconds: ended.seconds, passed: failures.length === 0 ? 1 : 0, failures, skips: [], shown: [] };
}
