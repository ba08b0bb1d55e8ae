// Whether a configuration file is its operator's own, as the disk says. Light: what an agent's client starts asks this and nothing else of
// the file before it hands a token to the socket that the file names.
import { closeSync, fstatSync, lstatSync, openSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { distrust, type FoundFile } from '../config/trust.ts';
import type { Diagnostic } from '../core/operations.ts';

/** Of the file that is open as `fd`. Throws when it cannot be asked. */
export function flawOf(file: string, fd: number): Diagnostic | undefined {
  const uid = process.geteuid?.();
  return uid === undefined ? undefined : distrust(foundAt(file, fd), uid);
}

/** The same by its path; undefined also where it cannot be opened, which whoever reads it will say. */
export function flawAt(file: string): Diagnostic | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(file, 'r');
    return flawOf(file, fd);
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** The opened file is asked, not the path: nobody can swap it in between. */
function foundAt(file: string, fd: number): FoundFile {
  const { mode, uid, gid } = fstatSync(fd);
  const link = lstatSync(file);
  const path = withoutLinks(file);
  return { named: file, path, facts: { mode, uid, gid }, linkUid: link.isSymbolicLink() ? link.uid : undefined, folder: { path: dirname(path), mode: statSync(dirname(path)).mode } };
}

/** A pipe (`--config <(…)`) has a name under /dev/fd and no path. */
function withoutLinks(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file;
  }
}
