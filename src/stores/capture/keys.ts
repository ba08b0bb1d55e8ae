// The keys that captured values are encrypted under: one file for each UTC day of a node. Nothing long-lived can make one again, so
// that what was captured on a day is gone with its file. Made whole or not at all: of several processes all take the winner's.
import { closeSync, constants, fstatSync, lstatSync, mkdirSync, openSync, readFileSync, statSync, type BigIntStats } from 'node:fs';
import { dirname } from 'node:path';
import { openToOthers, showMode } from '../../core/file-mode.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { codeIn, messageIn } from '../../core/thrown.ts';
import { makeFile, syncPath } from '../small-file.ts';
import { startOf } from './days.ts';
import { filesOf, keyPath, type RandomBytes } from './key-files.ts';

export interface KeyFolder {
  readonly dir: string;
  /** UUID of the node: a folder that two nodes share would give both one key. */
  readonly node: string;
  /** Whose the folder and its files must be; absent: of who runs this. */
  readonly user?: number;
}

export interface DayKey {
  readonly day: string;
  /** Names this key: after a destruction the same day may have another. */
  readonly id: string;
  readonly key: Uint8Array;
  /** Which file it was read from, and when that last changed. */
  readonly mark: string;
}

export interface KeyFault {
  readonly code: 'permissions' | 'unavailable' | 'corrupt' | 'foreign';
  readonly detail: string;
}

const KEY_BYTES = 32;
const ID_BYTES = 12;
const MOST_BYTES = 1024;

/** What tells this file from one that took its place. A number of an inode is given again at once, so the time of its last change counts too. */
export function markOf(path: string): string | undefined {
  try {
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
    return stat === undefined ? undefined : markIn(stat);
  } catch {
    return undefined;
  }
}

function markIn({ dev, ino, ctimeNs }: Pick<BigIntStats, 'dev' | 'ino' | 'ctimeNs'>): string {
  return `${dev}:${ino}:${ctimeNs}`;
}

/** The key of a day, made where there is none. */
export function takeKey(folder: KeyFolder, day: string, random: RandomBytes): Result<DayKey, KeyFault> {
  const path = keyPath(folder, day);
  try {
    if (mkdirSync(folder.dir, { recursive: true, mode: 0o700 }) !== undefined) syncPath(dirname(folder.dir));
    const found = readKey(folder, path);
    if (!found.ok || found.value !== undefined) return found.ok ? present(found.value, path) : found;
    const strange = folderFault(folder);
    if (strange !== undefined) return err(strange);
    make(folder, day, random);
    const made = readKey(folder, path);
    return made.ok ? present(made.value, path) : made;
  } catch (thrown) {
    return err({ code: 'unavailable', detail: `${path}: ${messageIn(thrown)}` });
  }
}

function present(key: DayKey | undefined, path: string): Result<DayKey, KeyFault> {
  return key === undefined ? err({ code: 'unavailable', detail: `${path} came and went` }) : ok(key);
}

/** The key of that name, also while it is being destroyed. Undefined: it is not there. Never makes one. */
export function findKey(folder: KeyFolder, day: string, id: string): Result<DayKey | undefined, KeyFault> {
  let fault: Result<never, KeyFault> | undefined;
  for (const path of filesOf(folder.dir, day)) {
    const read = readKey(folder, path);
    if (!read.ok) fault ??= read;
    else if (read.value?.id === id) return read;
  }
  return fault ?? ok(undefined);
}

/**
 * One that can be read by others is refused, and so is one in a folder that others may enter; and what another user made: a gateway of root must not
 * take a key that somebody else put there and knows. Undefined: no such file.
 */
export function readKey(folder: KeyFolder, path: string): Result<DayKey | undefined, KeyFault> {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (thrown) {
    return codeIn(thrown) === 'ENOENT' ? ok(undefined) : err({ code: 'unavailable', detail: `${path}: ${messageIn(thrown)}` });
  }
  try {
    // The opened file is asked, not the path: nobody can swap it in between.
    const stat = fstatSync(fd, { bigint: true });
    if (!stat.isFile() || stat.size > MOST_BYTES) return err({ code: 'corrupt', detail: `${path} is not a small regular file` });
    const mode = Number(stat.mode);
    const strange = strangerOf(folder, path, Number(stat.uid));
    if (strange !== undefined) return err(strange);
    if (openToOthers(mode)) return err({ code: 'permissions', detail: `${path} can be read by others (mode ${showMode(mode)}): chmod 600 ${path}` });
    const around = folderFault(folder);
    if (around !== undefined) return err(around);
    const said = parsed(readFileSync(fd, 'utf8'));
    if (said === undefined) return err({ code: 'corrupt', detail: `${path} is damaged; what was captured under it cannot be read` });
    if (said.node !== folder.node) return err({ code: 'foreign', detail: `${path} belongs to another node (${said.node}): give each node a folder of its own` });
    return ok({ day: said.day, id: said.id, key: said.key, mark: markIn(stat) });
  } finally {
    closeSync(fd);
  }
}

/** Why no key in this folder is trusted. The folder itself is looked at: a link could lead elsewhere tomorrow. */
export function folderFault(folder: KeyFolder): KeyFault | undefined {
  const { dir } = folder;
  const stat = lstatSync(dir, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  if (!stat.isDirectory()) return { code: 'unavailable', detail: `${dir} is ${stat.isSymbolicLink() ? 'a link: name the folder itself' : 'no folder'}` };
  const strange = strangerOf(folder, dir, stat.uid);
  if (strange !== undefined) return strange;
  return openToOthers(stat.mode) ? { code: 'permissions', detail: `${dir} is open to others (mode ${showMode(stat.mode)}): chmod 700 ${dir}` } : undefined;
}

function strangerOf({ user }: KeyFolder, path: string, owner: number): KeyFault | undefined {
  // Undefined where users have no numbers.
  const own = user ?? process.geteuid?.();
  if (own === undefined || owner === own) return undefined;
  return { code: 'permissions', detail: `${path} belongs to user ${owner}, and this runs as user ${own}: only its own keys are used` };
}

/** What another user made is not touched either: under a name of this folder might stand any file of this machine. */
export function ownerFault(folder: KeyFolder, path: string): KeyFault | undefined {
  for (const one of [folder.dir, path]) {
    const stat = lstatSync(one, { throwIfNoEntry: false });
    const strange = stat === undefined ? undefined : strangerOf(folder, one, stat.uid);
    if (strange !== undefined) return strange;
  }
  return undefined;
}

/** What a file says of its key, whoever may read it: for who destroys it. Undefined: it is none, or cut. */
export function saidIn(path: string): { readonly id: string; readonly node: string } | undefined {
  try {
    return parsed(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

interface Said {
  readonly node: string;
  readonly day: string;
  readonly id: string;
  readonly key: Uint8Array;
}

function parsed(text: string): Said | undefined {
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch {
    return undefined;
  }
  const member = (name: string): string => {
    const value: unknown = typeof said === 'object' && said !== null ? Reflect.get(said, name) : undefined;
    return typeof value === 'string' ? value : '';
  };
  const key = Buffer.from(member('key'), 'base64url');
  const whole = key.length === KEY_BYTES && startOf(member('day')) !== undefined && /^[\w-]{16}$/.test(member('kid'));
  return whole ? { node: member('node'), day: member('day'), id: member('kid'), key } : undefined;
}

/** On the disk: a record that is there with a key that is not could never be read. */
function make(folder: KeyFolder, day: string, random: RandomBytes): void {
  const text = (bytes: number): string => Buffer.from(random(bytes)).toString('base64url');
  makeFile(keyPath(folder, day), `${JSON.stringify({ v: 1, node: folder.node, day, kid: text(ID_BYTES), key: text(KEY_BYTES) })}\n`);
}
