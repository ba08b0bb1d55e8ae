// Destroys keys of days: on record before a key is touched, then overwritten, removed, and on record again. Overwriting is the best that can be
// done from here; where the disk keeps old blocks (snapshots, flash, copy on write, backups) the folder of the keys belongs elsewhere.
import { closeSync, constants, fsyncSync, fstatSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { KeyDestroyed } from '../../core/capture.ts';
import type { Clock } from '../../core/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { codeIn, messageIn } from '../../core/thrown.ts';
import { endOf, startOf } from './days.ts';
import { daysIn, filesOf, keyPath, setAside, syncFolder, type RandomBytes } from './key-files.ts';
import { idIn, readKey, type KeyFolder } from './keys.ts';

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
  /** `unrecorded`: nothing was touched. `left`: it was out of use already, and is still there. */
  readonly code: 'unrecorded' | 'left';
  readonly day: string;
  readonly detail: string;
}

/** Destroys every key of a day, one that a crash left half destroyed too. Empty: there was none, or another process took it. */
export async function destroyDay(day: string, deps: ForgetDeps): Promise<Result<readonly Destroyed[], ForgetFault>> {
  const { folder, clock, random, takeAll } = deps;
  const path = keyPath(folder, day);
  try {
    const read = readKey(folder, path);
    if (!read.ok && read.error.code === 'foreign') return err({ code: 'unrecorded', day, detail: read.error.detail });
    const ours = setAside(folder.dir, path, day, random);
    const done: Destroyed[] = [];
    // A key that is made this moment is for what comes from now on.
    const others = filesOf(folder.dir, day).filter((one) => one !== path && one !== ours && ((takeAll && one.endsWith('.leaving')) || isIdle(one, clock.wall())));
    for (const file of [...(ours === undefined ? [] : [ours]), ...others]) {
      const destroyed = await destroyFile(day, file, deps);
      if (!destroyed.ok) return destroyed;
      done.push(destroyed.value);
    }
    return ok(done);
  } catch (thrown) {
    return err({ code: 'left', day, detail: messageIn(thrown) });
  }
}

async function destroyFile(day: string, path: string, deps: ForgetDeps): Promise<Result<Destroyed, ForgetFault>> {
  const id = idIn(path) ?? 'unknown';
  const fact = { kind: 'key_destroyed', day, keyId: id, why: deps.why } as const;
  const begun = await deps.record({ ...fact, step: 'begun', note: undefined });
  if (!begun.ok) return err({ code: 'unrecorded', day, detail: begun.error.message });
  const destroyed: Destroyed = { day, id, at: deps.clock.wall(), by: deps.by };
  try {
    note(destroyed, deps.stateDir);
    wipe(path, deps.random);
    syncFolder(deps.folder.dir);
  } catch (thrown) {
    const detail = messageIn(thrown);
    await deps.record({ ...fact, step: 'failed', note: detail });
    return err({ code: 'left', day, detail });
  }
  // It is gone whether or not that can be said: what was said before stands.
  await deps.record({ ...fact, step: 'done', note: undefined });
  return ok(destroyed);
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
export function dueDays(deps: Pick<ForgetDeps, 'folder' | 'stateDir' | 'clock'>, keepMs: number): readonly string[] {
  const { folder, stateDir, clock } = deps;
  const now = clock.wall();
  const said = new Set(destroyedIn(stateDir).map(({ id }) => id));
  const lingers = (day: string): boolean => filesOf(folder.dir, day).some((path) => path.endsWith('.leaving') && isIdle(path, now) && said.has(idIn(path) ?? ''));
  return daysIn(folder.dir).filter((day) => (startOf(day) ?? Number.POSITIVE_INFINITY) + keepMs <= now || lingers(day));
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
