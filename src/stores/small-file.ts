// Small files that are there whole or not at all, whatever crashes or other processes do meanwhile: written aside, on the disk, then in their place.
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { codeIn } from '../core/thrown.ts';

const PRIVATE = 0o600;

/** capture/key-files.ts knows what a crash leaves by this name. */
function asideOf(path: string): string {
  return `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
}

/** On the disk when it returns. Throws what the disk says. */
export function replaceFileNow(path: string, text: string): void {
  const aside = asideOf(path);
  try {
    writeFileSync(aside, text, { mode: PRIVATE, flag: 'wx', flush: true });
    renameSync(aside, path);
  } finally {
    rmSync(aside, { force: true });
  }
  syncPath(dirname(path));
}

/** The same for who may not hold up the event loop. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const aside = asideOf(path);
  try {
    await writeFile(aside, text, { mode: PRIVATE, flag: 'wx', flush: true });
    await rename(aside, path);
  } finally {
    await rm(aside, { force: true });
  }
  await using folder = await open(dirname(path), 'r');
  await folder.sync();
}

/** Of several processes that make it at once, one does. */
export function makeFile(path: string, text: string, mode: number = PRIVATE): void {
  const aside = asideOf(path);
  try {
    writeFileSync(aside, text, { mode, flag: 'wx', flush: true });
    linkSync(aside, path);
  } catch (thrown) {
    if (codeIn(thrown) !== 'EEXIST') throw thrown;
  } finally {
    rmSync(aside, { force: true });
  }
  syncPath(dirname(path));
}

/** What stands there, made where there is nothing: all read what the first one made. */
export function readOrMake(path: string, make: () => string, mode?: number): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    if (codeIn(thrown) !== 'ENOENT') throw thrown;
  }
  makeFile(path, make(), mode);
  return readFileSync(path, 'utf8');
}

/** A file, or the entries of a directory, to the disk. */
export function syncPath(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
