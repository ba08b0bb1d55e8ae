// A world for the command line with nothing real in it: streams that remember, an empty environment, a clock that stands.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import type { TestContext } from 'node:test';
import { runCli } from '../../src/cli/run.ts';
import type { World } from '../../src/cli/run.ts';

export const NOW: number = Date.UTC(2026, 0, 2, 3, 4, 5);

export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Wishes {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly tty?: boolean;
  /** What the person at the terminal says. */
  readonly answer?: boolean;
  readonly stdin?: string;
}

/** `HOME` is a directory of its own, so that nothing of this machine is found. */
export async function cli(argv: readonly string[], wishes: Wishes = {}): Promise<Ran> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const stdin = new PassThrough();
  stdin.end(wishes.stdin ?? '');
  const cwd = wishes.cwd ?? '/nonexistent';
  const tty = wishes.tty ?? false;
  const world: World = {
    env: { HOME: cwd, SENTINEL_HOME: join(cwd, 'none'), PATH: process.env['PATH'] ?? '', ...wishes.env },
    cwd,
    stdin,
    stdout,
    stderr,
    isTty: { stdin: tty, stdout: false, stderr: tty },
    width: 80,
    now: () => NOW,
    user: 'tester',
    ask: () => Promise.resolve(wishes.answer ?? false),
    onStop: () => undefined,
  };
  const status = await runCli(argv, world);
  return { status, stdout: taken(stdout), stderr: taken(stderr) };
}

function taken(stream: PassThrough): string {
  const chunk: unknown = stream.read();
  return Buffer.isBuffer(chunk) ? chunk.toString('utf8') : '';
}

/** A directory that is gone after the test. Short: a socket path has 103 bytes. */
export function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'cli-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
