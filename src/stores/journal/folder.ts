// The directories of a journal and the segments in them. A segment is made aside and linked into its place, so that of several processes
// one makes it and the others find it whole.
import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Settings } from '../../core/settings.ts';
import { codeIn } from '../../core/thrown.ts';
import { replaceFileNow, syncPath } from '../small-file.ts';

/** The first is the usual one; the second, when the first cannot be written. */
export type Directories = readonly [string, ...string[]];

/** Of a gateway with this state directory. */
export function journalDirectories({ gateway, audit }: Pick<Settings, 'gateway' | 'audit'>): Directories {
  const own = join(gateway.stateDir, 'journal');
  return audit.secondDirectory === undefined ? [own] : [own, audit.secondDirectory];
}

export interface SegmentFile {
  readonly number: number;
  readonly path: string;
}

const NAME = /^(\d{8})\.db$/;
const LARGEST = 99_999_999;

export function segmentName(number: number): string {
  return `${String(number).padStart(8, '0')}.db`;
}

/**
 * Oldest first. A directory that is not there, or cannot be read, holds none: the other one goes on by what it remembers (`highest`). `strict`: one
 * that is there and cannot be read is an error, for who would pass over what is in it.
 */
export function listSegments(directories: readonly string[], strict = false): readonly SegmentFile[] {
  const found = directories.flatMap((directory) => namesIn(directory, strict).flatMap((name) => {
    const number = NAME.exec(name)?.[1];
    return number === undefined ? [] : [{ number: Number(number), path: join(directory, name) }];
  }));
  return found.toSorted((a, b) => a.number - b.number);
}

const ABSENT: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ENOTDIR']);

function namesIn(directory: string, strict = false): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (thrown) {
    if (strict && !ABSENT.has(codeIn(thrown))) throw thrown;
    return [];
  }
}

/** Whether a later segment was begun. */
export function hasNext(directories: readonly string[], number: number): boolean {
  return directories.some((directory) => existsSync(join(directory, segmentName(number + 1))));
}

/** Makes the file by `fill` and puts it into its place; false: another process was first. Throws what the disk says. */
export function placeSegment(directory: string, number: number, fill: (path: string) => void): boolean {
  if (number > LARGEST) throw new Error(`no segment can have the number ${number}`);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const aside = join(directory, `.new-${process.pid}-${randomBytes(4).toString('hex')}`);
  try {
    fill(aside);
    syncPath(aside);
    linkSync(aside, join(directory, segmentName(number)));
  } catch (thrown) {
    if (codeIn(thrown) !== 'EEXIST') throw thrown;
    return false;
  } finally {
    for (const ending of ['', '-wal', '-shm']) rmSync(`${aside}${ending}`, { force: true });
  }
  syncPath(directory);
  return true;
}

export interface Places {
  readonly directories: Directories;
  readonly stateDir: string;
}

export interface Highest {
  readonly epoch: number;
  readonly segment: number;
}

/** Beside the segments, and in the state directory: a journal that was taken away must not begin again with numbers that PostgreSQL has seen. */
function rememberedIn({ directories, stateDir }: Places): readonly string[] {
  return [...directories.map((directory) => join(directory, 'highest')), join(stateDir, 'journal-highest')];
}

const REMEMBERED = /^(\d{1,15}) (\d{1,15})\n$/;

/**
 * The highest numbers that were ever given, as far as the small files know: a segment or a directory that can no longer be read must not
 * lead to a number being given twice. 0 when there are none.
 */
export function highest(places: Places): Highest {
  const known = rememberedIn(places).map(numbersIn);
  return { epoch: Math.max(0, ...known.map(({ epoch }) => epoch)), segment: Math.max(0, ...known.map(({ segment }) => segment)) };
}

function numbersIn(path: string): Highest {
  try {
    const [, epoch = 0, segment = 0] = REMEMBERED.exec(readFileSync(path, 'utf8')) ?? [];
    return { epoch: Number(epoch), segment: Number(segment) };
  } catch {
    return { epoch: 0, segment: 0 };
  }
}

/** Wherever it is taken: the segments themselves are the truth, so that a disk that refuses stops nobody. */
export function keepHighest(places: Places, { epoch, segment }: Highest): void {
  for (const path of rememberedIn(places)) {
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      const known = numbersIn(path);
      replaceFileNow(path, `${Math.max(epoch, known.epoch)} ${Math.max(segment, known.segment)}\n`);
    } catch {
      // Said by the segment.
    }
  }
}

/** Bytes of all segments with what SQLite keeps beside them. */
export function bytesOf(directories: readonly string[]): number {
  let bytes = 0;
  for (const directory of directories) {
    for (const name of namesIn(directory)) {
      if (name.includes('.db')) bytes += statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0;
    }
  }
  return bytes;
}
