// A gateway with four backends of different obedience, and the proof that nothing of it is left.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { prepare, type Setup } from './gateway.ts';
import { descendants, leftovers, MAIN, ROOT, start, until, type Running, type Seen } from './processes.ts';
import { everything, filesystem, fixture, quoted, stdioBackend } from './servers.ts';

/** The promise: after this time nothing is left. */
const GONE_MS = 5_000;
const npx = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'npx')).find((path) => existsSync(path));
export const noNpx: string | false = npx === undefined ? 'no npx on this machine' : false;

/** Written down, not started. */
export async function prepareFour(): Promise<Setup> {
  const setup = await prepare({ toml: '', gateway: ['drain_timeout = "1s"'] });
  setup.write(fourBackends(join(setup.folder, 'files')));
  return setup;
}

/** One from npx, one that ignores the end of its stdin and SIGTERM, and two as they should be. */
export function fourBackends(folder: string): string {
  mkdirSync(folder, { recursive: true });
  return [
    everything('everything', ['stop_timeout = "300ms"']),
    filesystem(folder),
    fixture('stubborn', ['--ignore-eof', '--ignore-term'], ['stop_timeout = "300ms"']),
    stdioBackend('npx', [npx ?? 'npx', '--no-install', 'mcp-server-everything'], [`cwd = ${quoted(ROOT)}`]),
    '[rbac.roles.developer]', 'permissions = ["*"]', '',
  ].join('\n');
}

export const none = async (setup: Setup, recorded: readonly Seen[], what: string): Promise<void> =>
  until(() => leftovers(recorded, setup.folder).length === 0, `${what}: nothing is left (of ${recorded.map((one) => one.argv.join(' ')).join('; ')})`, GONE_MS)
    .then(() => undefined, (error: unknown) => assert.fail(`${String(error)}\nstill there: ${JSON.stringify(leftovers(recorded, setup.folder).map(({ pid, argv }) => ({ pid, argv })))}`));

export const serve = (setup: Setup): Running => start([process.execPath, MAIN, 'serve', '--config', setup.config], { env: setup.env, cwd: setup.folder });

export async function atLeast(daemon: Running, children: number): Promise<readonly Seen[]> {
  return until(() => {
    if (daemon.hasEnded()) throw new Error(`it ended: ${daemon.stderr()}`);
    const seen = descendants(daemon.pid);
    return seen.length >= children ? seen : undefined;
  }, `${children} children`);
}
