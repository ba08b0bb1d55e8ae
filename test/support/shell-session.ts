// One bash for a whole document: what a block sets or starts is there for the next one. Ends with its whole process group.
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export type Ran = { readonly status: number; readonly output: string; readonly timedOut: boolean };

export type ShellSession = {
  /** Runs text as if typed. `status` is that of the last command, or of the first one that failed on the way. */
  readonly run: (text: string, timeoutMs: number) => Promise<Ran>;
  readonly end: () => void;
};

const MARK = '__ended__';

/** `folder`: scratch space for scripts and outputs. */
export function openShell(cwd: string, env: NodeJS.ProcessEnv, folder: string): ShellSession {
  const shell = spawn('bash', ['--noprofile', '--norc'], { cwd, env, detached: true, stdio: ['pipe', 'pipe', 'ignore'] });
  const ends: ((status: number) => void)[] = [];
  let count = 0;
  createInterface({ input: shell.stdout }).on('line', (line) => {
    if (line.startsWith(MARK)) ends.shift()?.(Number(line.slice(MARK.length)));
  });
  shell.once('exit', () => ends.splice(0).forEach((ended) => ended(255)));
  shell.stdin.on('error', () => undefined);
  const end = (): void => {
    try {
      if (shell.pid !== undefined) process.kill(-shell.pid, 'SIGKILL');
    } catch {
      // Already gone.
    }
  };
  const run = async (text: string, timeoutMs: number): Promise<Ran> => {
    if (shell.exitCode !== null || shell.signalCode !== null) return { status: 255, output: 'the shell has ended', timedOut: false };
    count += 1;
    const [script, out] = [join(folder, `${count}.sh`), join(folder, `${count}.out`)];
    writeFileSync(script, `${text}\n`);
    writeFileSync(out, '');
    const { promise, resolve } = Promise.withResolvers<number>();
    ends.push(resolve);
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      end();
    }, timeoutMs);
    // A command in the middle that fails must not hide behind a last one that succeeds.
    shell.stdin.write(
      `__failed=0; set -E; trap '__now=$?; [ "$__failed" != 0 ] || __failed=$__now' ERR\n` +
        `. '${script}' </dev/null >'${out}' 2>&1\n` +
        `trap - ERR; set +E; echo ${MARK}$__failed\n`,
    );
    const status = await promise;
    clearTimeout(timer);
    return { status, output: readFileSync(out, 'utf8'), timedOut };
  };
  return { run, end };
}
