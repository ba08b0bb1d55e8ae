// Checks of the machine: Node, disk, clock, programs. They look and change nothing.
import { existsSync, statSync, statfsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { which } from '../../app/which.ts';
import { packageRoot } from '../package.ts';
import { duration } from '../render.ts';
import { failure, good, skipped, warning } from './finding.ts';
import type { Check, Finding } from './finding.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export function machineChecks(env: Environment, stateDir: string, now: () => number): readonly Check[] {
  return [
    { name: 'node-version', run: async () => nodeVersion(process.versions.node) },
    { name: 'sandbox-tools', run: async () => sandboxTools((name) => which(name, env)) },
    { name: 'disk-space', run: async () => diskSpace(stateDir) },
    { name: 'clock', run: async () => clock(now(), [join(packageRoot(), 'package.json'), join(stateDir, 'keys', 'ring.json'), join(stateDir, 'sentinel.db')]) },
  ];
}

export function nodeVersion(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const recent = major > 24 || (major === 24 && minor >= 12);
  return recent ? good(`Node ${version}`) : failure(`Node ${version} is older than 24.12`, 'install Node 24.12 or newer; in a checkout ./scripts/bootstrap fetches it');
}

/** setpriv lets no child outlive the gateway, prlimit bounds it; both are util-linux. */
export function sandboxTools(find: (name: string) => string | undefined, platform: string = process.platform): Finding {
  if (platform !== 'linux') return skipped(`stdio backends are confined on Linux only, this is ${platform}`);
  const missing = ['setpriv', 'prlimit'].filter((name) => find(name) === undefined);
  const bwrap = find('bwrap') === undefined ? 'bwrap is not there' : 'bwrap is there';
  if (missing.length > 0) return warning(`${missing.join(' and ')} missing: stdio backends run with fewer limits`, 'install util-linux');
  return good(`setpriv and prlimit are there; ${bwrap} (optional)`);
}

const LEAST_BYTES = 64 * 1024 * 1024;
const EASY_BYTES = 1024 * 1024 * 1024;

/** A full disk stops every call that must be recorded first. */
function diskSpace(stateDir: string): Finding {
  const folder = nearestExisting(stateDir);
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  const text = `${Math.floor(free / (1024 * 1024))} MiB free for ${stateDir}`;
  if (free < LEAST_BYTES) return failure(text, 'make room: with a full disk the audit cannot be written, and calls are refused');
  return free < EASY_BYTES ? warning(text, 'make room, or move gateway.state_dir') : good(text);
}

export function nearestExisting(path: string): string {
  let folder = path;
  while (!existsSync(folder)) folder = dirname(folder);
  return folder;
}

const SLACK_MS = 60_000;

/** Without a network there is no better clock to ask; but no file of ours can come from the future. */
export function clock(now: number, files: readonly string[]): Finding {
  for (const file of files.filter((path) => existsSync(path))) {
    const ahead = statSync(file).mtimeMs - now;
    if (ahead > SLACK_MS) return failure(`${file} was written ${duration(ahead)} in the future: the clock went back`, 'set the clock: tokens expire and limits count by it');
  }
  return good(`${new Date(now).toISOString()}, and no file is newer`);
}
