// From settings to a running child: absolute program, literal argv, private directories, wrapper chain, three pipes. Never a shell (H01).
// Must run on the main thread: the parent-death signal fires when the thread that spawned ends, not the process (H14).
import type { Readable, Writable } from 'node:stream';
import { execa } from 'execa';
import { err, ok, type Result } from '../../core/result.ts';
import type { Account, StdioBackendSettings } from '../../core/settings.ts';
import { messageOf } from '../text.ts';
import { INHERITED_SHUT } from './descriptors.ts';
import { dirsOf, ownDirs } from './directories.ts';
import { childEnv, type Env } from './environment.ts';
import { lockMark } from './lock-mark.ts';
import { canMark } from './lock-trial.ts';
import { resolveProgram } from './program.ts';

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
      stdio: ['pipe', 'pipe', 'pipe', ...INHERITED_SHUT],
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

export interface PlanInput {
  readonly settings: StdioBackendSettings;
  readonly program: string;
  readonly stateDir: string;
  readonly gatewayEnv: Env;
  readonly marker: string;
  readonly platform: string;
  /** Told when it is found that children must go without their second mark. */
  readonly unmarked: (why: string) => void;
}

export function planLaunch(input: PlanInput): Result<LaunchPlan, string> {
  const { settings, program, gatewayEnv } = input;
  const dirs = settings.runAs === undefined ? ownDirs(input.stateDir, settings.id) : dirsOf(settings.runAs, input.stateDir, settings.id);
  if (!dirs.ok) return dirs;
  const confined = settings.sandbox === 'basic';
  const env = childEnv(settings, gatewayEnv, confined || settings.runAs !== undefined ? dirs.value : undefined, input.marker);
  const wrapper = input.platform === 'linux' ? wrapperChain(gatewayEnv, confined, settings.runAs, (prlimit) => (canMark(prlimit, input.unmarked) ? lockMark(input.marker) : undefined)) : [];
  if (settings.runAs !== undefined && !wrapper.includes('--reuid')) return err('run_as needs setpriv (util-linux), which is not there');
  const [file = program, ...args] = [...wrapper, program, ...settings.args];
  // Never the gateway's own directory: an agent's project there could plant `node_modules/.bin` or a `.npmrc` (B16).
  return ok({ file, args, env, cwd: settings.cwd ?? dirs.value.work });
}

/** Each tool that exists: no core files (they hold secrets), a second mark, no setuid gains, and death with the gateway even by SIGKILL. */
export function wrapperChain(env: Env, confined: boolean, account: Account | undefined, marked: (prlimit: string) => number | undefined): readonly string[] {
  const prlimit = confined ? resolveProgram('prlimit', env) : undefined;
  const locks = prlimit?.ok === true ? marked(prlimit.value) : undefined;
  const setpriv = confined || account !== undefined ? resolveProgram('setpriv', env) : undefined;
  return [
    ...(prlimit?.ok === true ? [prlimit.value, '--core=0:0', ...(locks === undefined ? [] : [`--locks=${locks}:${locks}`]), '--'] : []),
    ...(setpriv?.ok === true ? [setpriv.value, ...becoming(account), '--no-new-privs', '--pdeathsig', 'KILL', '--'] : []),
  ];
}

/** Numbers, so that nothing is looked up a second time; no group of root's and no capability comes along (H13). */
function becoming(account: Account | undefined): readonly string[] {
  if (account === undefined) return [];
  return ['--reuid', String(account.uid), '--regid', String(account.gid), '--clear-groups', '--inh-caps=-all', '--bounding-set=-all'];
}
