// The private folders of a child: home, temporary files and where it stands. Of mode 0700, and never the gateway's own.
import { chmodSync, chownSync, lstatSync, mkdirSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { err, ok, type Result } from '../../core/result.ts';
import type { Account } from '../../core/settings.ts';
import { codeIn } from '../../core/thrown.ts';
import { messageOf } from '../text.ts';
import type { PrivateDirs } from './environment.ts';

export interface WorkDirs extends PrivateDirs {
  readonly work: string;
}

const PRIVATE = 0o700;

/** Inside the state directory, for a child that runs as the gateway's own user. */
export function ownDirs(stateDir: string, backend: string): Result<WorkDirs, string> {
  const base = join(stateDir, 'backends', backend);
  return guarded(() => {
    for (const path of [base, ...leaves(base)]) {
      mkdirSync(path, { recursive: true, mode: PRIVATE });
      // A directory that existed keeps its mode: tighten it.
      chmodSync(path, PRIVATE);
    }
    return ok(namesIn(base));
  });
}

/**
 * Beside the state directory, which another user must not enter: `<state>-users/<uid>/<backend>/{home,tmp,work}`. By uid, so that
 * one user never inherits what another has left in a home. All folders but the last belong to root, and only root can rename what
 * is above them: else the child could put a link in place of a folder that we, as root, then give away (H13).
 */
export function dirsOf(account: Account, stateDir: string, backend: string): Result<WorkDirs, string> {
  return guarded(() => {
    mkdirSync(dirname(stateDir), { recursive: true, mode: PRIVATE });
    const above = realpathSync(dirname(stateDir));
    const bent = wayTo(above).find((path) => !isRootsAlone(path));
    if (bent !== undefined) return err(`others than root can change what is in ${bent}: set gateway.state_dir to a folder such as /var/lib/sentinel`);
    const users = join(above, `${basename(stateDir)}-users`);
    const base = join(users, String(account.uid), backend);
    for (const path of [users, dirname(base), base]) passage(path);
    for (const path of leaves(base)) give(path, account);
    const shut = wayTo(base).find((path) => !mayPass(account, path));
    return shut === undefined ? ok(namesIn(base)) : err(`the user ${account.name} cannot enter ${shut}: set gateway.state_dir to a folder such as /var/lib/sentinel`);
  });
}

function namesIn(base: string): WorkDirs {
  return { home: join(base, 'home'), tmp: join(base, 'tmp'), work: join(base, 'work') };
}

function leaves(base: string): readonly string[] {
  const { home, tmp, work } = namesIn(base);
  return [home, tmp, work];
}

function guarded(make: () => Result<WorkDirs, string>): Result<WorkDirs, string> {
  try {
    return make();
  } catch (error) {
    return err(`private directories: ${messageOf(error)}`);
  }
}

/** Ours, to be passed through by name and read by nobody else. */
function passage(path: string): void {
  folderOf(path, [0]);
  chmodSync(path, 0o711);
}

function give(path: string, account: Account): void {
  folderOf(path, [0, account.uid]);
  chownSync(path, account.uid, account.gid);
  chmodSync(path, PRIVATE);
}

/** Made, or found as a real folder of one of these users: what somebody else put there, or a link, is not touched. */
function folderOf(path: string, owners: readonly number[]): void {
  try {
    mkdirSync(path, { mode: PRIVATE });
  } catch (error) {
    if (codeIn(error) !== 'EEXIST') throw error;
  }
  const found = lstatSync(path);
  if (!found.isDirectory() || !owners.includes(found.uid)) throw new Error(`${path} is there already, and is no folder of ours`);
}

/** From the top down. `path` is absolute and without links. */
function wayTo(path: string): readonly string[] {
  const above = dirname(path);
  return above === path ? [path] : [...wayTo(above), path];
}

/** In a folder with the sticky bit, such as /tmp, nobody can rename what is root's. */
function isRootsAlone(path: string): boolean {
  const { uid, mode } = lstatSync(path);
  return uid === 0 && ((mode & 0o022) === 0 || (mode & 0o1000) !== 0);
}

function mayPass({ uid, gid }: Account, path: string): boolean {
  const found = lstatSync(path);
  const bit = found.uid === uid ? 0o100 : found.gid === gid ? 0o010 : 0o001;
  return (found.mode & bit) !== 0;
}
