// Writes what `init` and `start` lay down: private, whole, and only where nothing is yet.
import { chmodSync, existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { codeIn } from '../../core/thrown.ts';

export interface Laid {
  readonly path: string;
  readonly made: boolean;
  /** One phrase about it. */
  readonly what: string;
}

/** 0700, whatever the umask; an existing directory keeps its mode. */
export function layDirectory(path: string, what: string): Laid {
  const made = !existsSync(path);
  if (made) {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    chmodSync(path, 0o700);
  }
  return { path, made, what };
}

/** `wx`: two at once lay one file, and a file that is there is never touched. */
export function layFile(path: string, text: string, what: string, mode: number = 0o600): Laid {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  try {
    writeFileSync(path, text, { mode, flag: 'wx' });
    return { path, made: true, what };
  } catch (error) {
    if (codeIn(error) === 'EEXIST') return { path, made: false, what };
    throw error;
  }
}

/** In one step: at no moment is there a file that is open to others or half written. */
export function replaceFile(path: string, text: string, what: string): Laid {
  const fresh = `${path}.${process.pid}.new`;
  writeFileSync(fresh, text, { mode: 0o600, flag: 'wx' });
  renameSync(fresh, path);
  return { path, made: true, what };
}

/** The tree as it stands now, marked with what is new. */
export function tree(laid: readonly Laid[]): string {
  const width = Math.max(...laid.map((one) => one.path.length));
  return laid.map((one) => `${one.made ? 'wrote' : 'kept '}  ${one.path.padEnd(width)}  ${one.what}`).join('\n');
}
