// Where this program lies on disk, and its version. Works from the source and from the published dist/.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The directory that holds package.json. */
export function packageRoot(): string {
  let dir = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(dir, 'package.json'))) {
    const parent = dirname(dir);
    if (parent === dir) throw new Error('package.json is missing: the installation is damaged');
    dir = parent;
  }
  return dir;
}

export function packageVersion(): string {
  const parsed: unknown = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8'));
  if (typeof parsed === 'object' && parsed !== null && 'version' in parsed && typeof parsed.version === 'string') return parsed.version;
  throw new Error('package.json has no version');
}

/** True when run unbuilt from a checkout (`.ts`), false from the published package. */
export function runsFromSource(): boolean {
  return extname(import.meta.url) === '.ts';
}

/** Absolute path of this program's entry file. */
export function mainFile(): string {
  return join(dirname(fileURLToPath(import.meta.url)), `main${extname(import.meta.url)}`);
}

/** argv that starts this program from any directory: the script of a checkout (it finds the right Node), else node and the entry file. */
export function ownCommand(): readonly string[] {
  const script = join(packageRoot(), 'scripts', 'sentinel');
  return runsFromSource() && existsSync(script) ? [script] : [process.execPath, mainFile()];
}
