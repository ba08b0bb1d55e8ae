// The files of the folder of keys by their names: one for each day, and what stands beside it while a key is made or destroyed.
import { linkSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { codeIn } from '../../core/thrown.ts';

/** CSPRNG output. */
export type RandomBytes = (bytes: number) => Uint8Array;

const KEY_FILE = /^(\d{4}-\d{2}-\d{2})\.key$/;
/** Set aside to be destroyed; or left by a crash while one was made (small-file.ts). */
const OTHER_FILE = /^(\d{4}-\d{2}-\d{2})\.(?:[0-9a-f]{16}\.leaving|key\.\d+\.[0-9a-f]{8})$/;

/** Where a node keeps its keys unless the configuration says otherwise. */
export function keyDirectory(stateDir: string, keyDir: string | undefined): string {
  return keyDir ?? join(stateDir, 'audit-keys');
}

export function keyPath({ dir }: { readonly dir: string }, day: string): string {
  return join(dir, `${day}.key`);
}

/** Whether it is the key of its day, not one beside it. */
export function isKeyFile(path: string): boolean {
  return KEY_FILE.test(basename(path));
}

/** Days that have a key, or what is left of one, oldest first. */
export function daysIn(dir: string): readonly string[] {
  const days = namesIn(dir).map((name) => (KEY_FILE.exec(name) ?? OTHER_FILE.exec(name))?.[1]);
  return [...new Set(days.filter((day) => day !== undefined))].toSorted();
}

/** Every file that may hold a key of the day: the key, one that is on its way out, and what a crash left aside while one was made. */
export function filesOf(dir: string, day: string): readonly string[] {
  return namesIn(dir).filter((name) => name.startsWith(day) && (KEY_FILE.test(name) || OTHER_FILE.test(name))).toSorted().map((name) => join(dir, name));
}

function namesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir);
  } catch (thrown) {
    if (codeIn(thrown) === 'ENOENT') return [];
    throw thrown;
  }
}

/** Takes a key out of use. Of several that try, one succeeds; undefined for the others. */
export function setAside(dir: string, path: string, day: string, random: RandomBytes): string | undefined {
  const aside = join(dir, `${day}.${Buffer.from(random(8)).toString('hex')}.leaving`);
  try {
    renameSync(path, aside);
    return aside;
  } catch (thrown) {
    if (codeIn(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
}

/** Unless another one has its name by now: then it stays aside. */
export function putBack(aside: string, path: string): void {
  try {
    linkSync(aside, path);
  } catch (thrown) {
    if (codeIn(thrown) === 'EEXIST') return;
    throw thrown;
  }
  rmSync(aside, { force: true });
}
