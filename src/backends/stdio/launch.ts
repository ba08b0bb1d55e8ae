// From settings to a running child: absolute program, literal argv, private directories, wrapper chain, three pipes. Never a shell (H01).
// Must run on the main thread: the parent-death signal fires when the thread that spawned ends, not the process (H14).
import { accessSync, chmodSync, constants, mkdirSync, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { execa } from 'execa';
import { err, ok, type Result } from '../../core/result.ts';
import type { StdioBackendSettings } from '../../core/settings.ts';
import { messageOf } from '../text.ts';
import { childEnv, type Env, type PrivateDirs } from './environment.ts';

export interface LaunchPlan {
  /** Absolute. */
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

export interface ChildExit {
  readonly code: number | undefined;
  readonly signal: string | undefined;
}

/** The leader of its own process group and session. */
export interface Child {
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves once, when it has been reaped; its pipes may still hold bytes, or be held by others. */
  readonly exited: Promise<ChildExit>;
}

export type Spawn = (plan: LaunchPlan) => Result<Child, string>;

export const execaSpawn: Spawn = (plan) => {
  try {
    const child = execa(plan.file, [...plan.args], {
      env: plan.env,
      extendEnv: false,
      cwd: plan.cwd,
      shell: false,
      // Its own group and session: a whole tree can be ended, and the terminal's Ctrl-C is ours alone.
      detached: true,
      cleanup: false,
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'pipe',
      buffer: false,
      encoding: 'buffer',
      reject: false,
      forceKillAfterDelay: false,
    });
    const exited = new Promise<ChildExit>((resolve) => {
      child.nodeChildProcess.once('exit', (code, signal) => resolve({ code: code ?? undefined, signal: signal ?? undefined }));
    });
    const { pid } = child;
    // With `reject: false` the promise settles after the pipes close; nobody waits for that here.
    child.catch(() => undefined);
    if (pid === undefined) return err('it could not be started');
    return ok({ pid, stdin: child.stdin, stdout: child.stdout, stderr: child.stderr, exited });
  } catch (error) {
    return err(messageOf(error));
  }
};

/** PATH is searched once, and only its absolute entries: a program is never found in the working directory (H03). */
export function resolveProgram(command: string, env: Env): Result<string, string> {
  if (command.includes('\u0000')) return err('the command holds a NUL');
  if (isAbsolute(command)) return isProgram(command) ? ok(command) : err(`${command} is not an executable file`);
  if (command.includes('/')) return err(`${command} is relative: write the absolute path`);
  for (const directory of (env['PATH'] ?? '').split(delimiter)) {
    const candidate = join(directory, command);
    if (isAbsolute(directory) && isProgram(candidate)) return ok(candidate);
  }
  return err(`${command} was not found on PATH`);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

export interface PlanInput {
  readonly settings: StdioBackendSettings;
  readonly program: string;
  readonly stateDir: string;
  readonly gatewayEnv: Env;
  readonly marker: string;
  readonly platform: string;
}

export function planLaunch(input: PlanInput): Result<LaunchPlan, string> {
  const { settings, program, gatewayEnv } = input;
  const dirs = privateDirs(join(input.stateDir, 'backends', settings.id));
  if (!dirs.ok) return dirs;
  const confined = settings.sandbox === 'basic';
  const env = childEnv(settings, gatewayEnv, confined ? dirs.value : undefined, input.marker);
  const wrapper = confined && input.platform === 'linux' ? wrapperChain(gatewayEnv) : [];
  const [file = program, ...args] = [...wrapper, program, ...settings.args];
  // Never the gateway's own directory: an agent's project there could plant `node_modules/.bin` or a `.npmrc` (B16).
  return ok({ file, args, env, cwd: settings.cwd ?? dirs.value.work });
}

function privateDirs(base: string): Result<PrivateDirs & { readonly work: string }, string> {
  const dirs = { home: join(base, 'home'), tmp: join(base, 'tmp'), work: join(base, 'work') };
  try {
    for (const path of [base, dirs.home, dirs.tmp, dirs.work]) {
      mkdirSync(path, { recursive: true, mode: 0o700 });
      // A directory that existed keeps its mode: tighten it.
      chmodSync(path, 0o700);
    }
    return ok(dirs);
  } catch (error) {
    return err(`private directories: ${messageOf(error)}`);
  }
}

/** Each tool that exists: no core files (they hold secrets), no setuid gains, and death with the gateway even by SIGKILL. */
export function wrapperChain(env: Env): readonly string[] {
  const prlimit = resolveProgram('prlimit', env);
  const setpriv = resolveProgram('setpriv', env);
  return [
    ...(prlimit.ok ? [prlimit.value, '--core=0:0', '--'] : []),
    ...(setpriv.ok ? [setpriv.value, '--no-new-privs', '--pdeathsig', 'KILL', '--'] : []),
  ];
}
