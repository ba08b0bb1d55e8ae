// Leaves a gateway running in the background: a session of its own, its log in a file, and this process back when it is ready or has failed.
import { spawn } from 'node:child_process';
import { closeSync, existsSync, fstatSync, openSync, readSync, renameSync, statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { err, ok } from '../../core/result.ts';
import type { Result } from '../../core/result.ts';
import { mainFile } from '../package.ts';

/** A log of an earlier run beyond this is moved aside, once; it never grows over two of these between starts that follow each other. */
const LOG_BYTES = 16 * 1024 * 1024;
const TAIL_BYTES = 4096;

export interface Detached {
  readonly pid: number;
  /** What the child printed when it was ready. */
  readonly line: string;
}

/** The error is what the child said last. */
export function detach(args: readonly string[], logFile: string, env: Readonly<Record<string, string | undefined>>, cwd: string, within: number): Promise<Result<Detached, { readonly status: number | undefined; readonly tail: string }>> {
  if (existsSync(logFile) && statSync(logFile).size > LOG_BYTES) renameSync(logFile, `${logFile}.1`);
  const log = openSync(logFile, 'a', 0o600);
  const from = fstatSync(log).size;
  const child = spawn(process.execPath, [...process.execArgv, mainFile(), ...args], { cwd, env: { ...env }, detached: true, stdio: ['ignore', 'pipe', log] });
  closeSync(log);
  return new Promise((resolve) => {
    let settled = false;
    const settle = (result: Result<Detached, { readonly status: number | undefined; readonly tail: string }>): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      child.stdout?.destroy();
      child.unref();
      resolve(result);
    };
    const timer = setTimeout(() => {
      child.kill('SIGTERM');
      settle(err({ status: undefined, tail: tail(logFile, from) }));
    }, within);
    child.once('error', (error) => settle(err({ status: undefined, tail: error.message })));
    child.once('exit', (status) => settle(err({ status: status ?? undefined, tail: tail(logFile, from) })));
    if (child.stdout !== null) createInterface({ input: child.stdout }).once('line', (line) => settle(ok({ pid: child.pid ?? 0, line })));
  });
}

/** The end of what this run wrote, by whole lines. */
function tail(logFile: string, from: number): string {
  const fd = openSync(logFile, 'r');
  try {
    const { size } = fstatSync(fd);
    const start = Math.max(from, size - TAIL_BYTES);
    const buffer = Buffer.alloc(Math.max(0, size - start));
    const read = readSync(fd, buffer, 0, buffer.length, start);
    const text = buffer.toString('utf8', 0, read);
    return start > from ? text.slice(text.indexOf('\n') + 1) : text;
  } finally {
    closeSync(fd);
  }
}
