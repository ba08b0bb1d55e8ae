// Destroys keys of days: on record before a key is touched, then overwritten, removed, and on record again. Overwriting is the best that can be
// done from here; where the disk keeps old blocks (snapshots, flash, copy on write, backups) the folder of the keys belongs elsewhere.
import { closeSync, constants, fsyncSync, fstatSync, lstatSync, lutimesSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { KeyDestroyed } from '../../core/capture.ts';
import type { Clock } from '../../core/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { codeIn, messageIn } from '../../core/thrown.ts';
import { syncPath } from '../small-file.ts';
import { DAY_MS, endOf, startOf } from './days.ts';
import { daysIn, filesOf, isKeyFile, keyPath, putBack, setAside, type RandomBytes } from './key-files.ts';
import { ownerFault, saidIn, type KeyFolder } from './keys.ts';

export interface ForgetDeps {
  readonly folder: KeyFolder;
  /** Holds the list of what was destroyed: that outlives a folder of keys on a volatile disk. */
  readonly stateDir: string;
  readonly by: string;
  /** An operator's words, or `expired`. */
  readonly why: string;
  /** Also keys that were set aside a moment ago: by another process that is at it, or by one that failed. */
  readonly takeAll: boolean;
  readonly clock: Pick<Clock, 'wall'>;
  readonly random: RandomBytes;
  /** Durable when it resolves well. Without that no key is touched. */
  readonly record: (fact: KeyDestroyed) => Promise<Result<void, { readonly message: string }>>;
}

export interface Destroyed {
  readonly day: string;
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly by: string;
}

export interface ForgetFault {
  /** `kept`: nothing was touched. `left`: it was out of use already, and is still there. */
  readonly code: 'kept' | 'left';
  readonly day: string;
  readonly detail: string;
}

/** Destroys every key of a day, one that a crash left half destroyed too. Empty: there was none, or another process took it. */
export async function destroyDay(day: string, deps: ForgetDeps): Promise<Result<readonly Destroyed[], ForgetFault>> {
  const { folder, clock, takeAll } = deps;
  const path = keyPath(folder, day);
  try {
    const node = saidIn(path)?.node;
    if (node !== undefined && node !== folder.node) return err({ code: 'kept', day, detail: `${path} belongs to another node (${node}): give each node a folder of its own` });
    // A key that is made this moment is for what comes from now on.
    const files = filesOf(folder.dir, day).filter((one) => one === path || (isOurs(folder, one) && ((takeAll && one.endsWith('.leaving')) || isIdle(one, clock.wall()))));
    const done: Destroyed[] = [];
    for (const file of files.toSorted((a, b) => Number(b === path) - Number(a === path))) {
      const destroyed = await destroyFile(day, file, deps);
      if (!destroyed.ok) return destroyed;
      if (destroyed.value !== undefined) done.push(destroyed.value);
    }
    return ok(done);
  } catch (thrown) {
    return err({ code: 'kept', day, detail: messageIn(thrown) });
  }
}

/** What says nothing any more is one of ours that was half overwritten, or half made. */
function isOurs({ node }: KeyFolder, path: string): boolean {
  const said = saidIn(path);
  return said === undefined || said.node === node;
}

/** A crash before the key is out of use leaves all as it was, and a record of what was begun; after that, the next look goes on. Undefined: another process took it. */
async function destroyFile(day: string, path: string, deps: ForgetDeps): Promise<Result<Destroyed | undefined, ForgetFault>> {
  const strange = ownerFault(deps.folder, path);
  if (strange !== undefined) return err({ code: 'kept', day, detail: strange.detail });
  const id = saidIn(path)?.id ?? 'unknown';
  const fact = { kind: 'key_destroyed', day, keyId: id, why: deps.why } as const;
  const begun = await deps.record({ ...fact, step: 'begun', note: undefined });
  if (!begun.ok) return err({ code: 'kept', day, detail: begun.error.message });
  const failed = async (code: ForgetFault['code'], thrown: unknown): Promise<Result<never, ForgetFault>> => {
    const detail = messageIn(thrown);
    await deps.record({ ...fact, step: 'failed', note: detail });
    return err({ code, day, detail });
  };
  let aside: string | undefined;
  try {
    aside = outOfUse(path, day, id, deps);
  } catch (thrown) {
    return failed('kept', thrown);
  }
  if (aside === undefined) {
    await deps.record({ ...fact, step: 'failed', note: 'another process took it' });
    return ok(undefined);
  }
  const destroyed: Destroyed = { day, id, at: deps.clock.wall(), by: deps.by };
  try {
    note(destroyed, deps.stateDir);
    wipe(aside, deps.random);
    syncPath(deps.folder.dir);
  } catch (thrown) {
    return failed('left', thrown);
  }
  // It is gone whether or not that can be said: what was said before stands.
  await deps.record({ ...fact, step: 'done', note: undefined });
  return ok(destroyed);
}

/** Where the key is now that nobody takes it any more. Undefined: it is gone, or while that was recorded a new one came in its place, which stays. */
function outOfUse(path: string, day: string, id: string, { folder, random }: ForgetDeps): string | undefined {
  if (!isKeyFile(path)) return statSync(path, { throwIfNoEntry: false }) === undefined ? undefined : path;
  const aside = setAside(folder.dir, path, day, random);
  if (aside !== undefined && (saidIn(aside)?.id ?? 'unknown') !== id) {
    putBack(aside, path);
    return undefined;
  }
  // A crash must not bring its name back when it is overwritten.
  syncPath(folder.dir);
  return aside;
}

/** In place: a new file would leave the old blocks as they are. */
function wipe(path: string, random: RandomBytes): void {
  let fd: number;
  try {
    fd = openSync(path, constants.O_WRONLY | constants.O_NOFOLLOW);
  } catch (thrown) {
    if (codeIn(thrown) === 'ENOENT') return;
    throw thrown;
  }
  try {
    const { size } = fstatSync(fd);
    writeSync(fd, random(Math.min(size, MOST_OVERWRITTEN)), 0, undefined, 0);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  rmSync(path, { force: true });
}

/** A key's file has some 150 bytes. */
const MOST_OVERWRITTEN = 65_536;

/** Days whose keys' time is over, and those where a crash kept one from being destroyed. */
export function dueDays({ folder, clock }: Pick<ForgetDeps, 'folder' | 'clock'>, keepMs: number): readonly string[] {
  const now = clock.wall();
  const isDue = (day: string): boolean => {
    const start = startOf(day) ?? Number.POSITIVE_INFINITY;
    return start > now ? agesOf(folder, day, now).some((age) => age >= keepMs + DAY_MS) : start + keepMs <= now;
  };
  // What was set aside is on record as begun.
  const lingers = (day: string): boolean => filesOf(folder.dir, day).some((path) => path.endsWith('.leaving') && isIdle(path, now) && isOurs(folder, path));
  return daysIn(folder.dir).filter((day) => isDue(day) || lingers(day));
}

/**
 * Of keys of a day to come: the clock was wrong when they were made, or is now, and nobody can say which. So they count from when they were written, and where
 * that is to come as well, from now on. Of a day that has begun its own date counts: a machine that starts in 1970 must not destroy what it will still need.
 */
function agesOf(folder: KeyFolder, day: string, now: number): readonly number[] {
  return filesOf(folder.dir, day).filter((path) => isOurs(folder, path) && ownerFault(folder, path) === undefined).map((path) => {
    const written = lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? now;
    if (written > now) lutimesSync(path, now / 1000, now / 1000);
    return now - written;
  });
}

const IN_HANDS_MS = 60_000;

/** What changed just now is in somebody's hands. */
function isIdle(path: string, now: number): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat !== undefined && stat.ctimeMs + IN_HANDS_MS <= now;
}

/** Days that were over at that moment, and have a key. */
export function daysBefore(dir: string, moment: number): readonly string[] {
  return daysIn(dir).filter((day) => endOf(day) <= moment);
}

const LIST = 'audit-keys-destroyed.jsonl';
const MOST_LISTED = 1024 * 1024;

/** What was destroyed on this node, for who asks for it later. Lines that a crash cut are left out. */
export function destroyedIn(stateDir: string): readonly Destroyed[] {
  let text: string;
  try {
    text = readFileSync(join(stateDir, LIST), 'utf8').slice(-MOST_LISTED);
  } catch (thrown) {
    if (codeIn(thrown) === 'ENOENT') return [];
    throw thrown;
  }
  return text.split('\n').flatMap((line) => {
    const destroyed = lineOf(line);
    return destroyed === undefined ? [] : [destroyed];
  });
}

function lineOf(line: string): Destroyed | undefined {
  let said: unknown;
  try {
    said = JSON.parse(line);
  } catch {
    return undefined;
  }
  const part = (name: string): unknown => (typeof said === 'object' && said !== null ? Reflect.get(said, name) : undefined);
  const [day, id, at, by] = [part('day'), part('kid'), part('at'), part('by')];
  return typeof day === 'string' && typeof id === 'string' && typeof at === 'number' && typeof by === 'string' ? { day, id, at, by } : undefined;
}

/** One write for one line, so that lines of several processes do not mix, nor with one that a crash cut. A full disk must not keep a key alive: the audit says it as well. */
function note({ day, id, at, by }: Destroyed, stateDir: string): void {
  let fd: number;
  try {
    fd = openSync(join(stateDir, LIST), 'a', 0o600);
  } catch {
    return;
  }
  try {
    writeSync(fd, `\n${JSON.stringify({ day, kid: id, at, by })}\n`);
    fsyncSync(fd);
  } catch {
    return;
  } finally {
    closeSync(fd);
  }
}
