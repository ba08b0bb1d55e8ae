#!/usr/bin/env node
// The program: binds the process to `runCli` and nothing more.
import { enableCompileCache } from 'node:module';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { runCli } from './run.ts';

// Not the shared default under /tmp: whoever can write there first could plant code for this process to load.
const cacheHome = process.env['XDG_CACHE_HOME'] ?? (process.env['HOME'] === undefined ? undefined : join(process.env['HOME'], '.cache'));
if (cacheHome !== undefined && cacheHome !== '') enableCompileCache(join(cacheHome, 'sentinel', 'compile'));

function login(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`; // containers run as ids without a passwd entry
  }
}

async function ask(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(`${question} [y/N] `).catch(() => '');
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}

// A reader that went away (`| head`) is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const status = await runCli(process.argv.slice(2), {
  // A copy: a gateway forgets the variables of its secrets (environment.ts), and reads the file again at a reload.
  env: { ...process.env },
  cwd: process.cwd(),
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  isTty: { stdin: process.stdin.isTTY === true, stdout: process.stdout.isTTY === true, stderr: process.stderr.isTTY === true },
  width: process.stdout.isTTY === true ? process.stdout.columns : 80,
  now: () => Date.now(),
  user: login(),
  ask,
  onStop: (listener) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => listener(name));
  },
});

// Leaves even where a library still holds a timer or a socket, but not before stdout was taken.
process.stdout.write('', () => process.exit(status));
