// Whether the run behind an epoch still lives, told by a lock that it holds on a file of its own. A pid says nothing to another container on the
// same volume; a lock is the kernel's, which takes it back when the process dies.
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { takeLock } from '../lock.ts';

export interface RunLock {
  /** Takes the file away as well: the run is over. */
  release(): void;
}

export interface Runs {
  /** For one's own epoch, before others can see it. Undefined: there can be no file; then its mark alone tells. `taken`: a run that lives has this epoch. */
  hold(epoch: number): RunLock | 'taken' | undefined;
  /** `alive`, or the lock of a dead run, which nobody else gets meanwhile. Undefined: there is no file. */
  inherit(epoch: number): RunLock | 'alive' | undefined;
}

/** In the state directory. */
export function runsIn(stateDir: string): Runs {
  const folder = join(stateDir, 'runs');
  const pathOf = (epoch: number): string => join(folder, `${epoch}.lock`);
  return {
    hold: (epoch) => {
      const path = pathOf(epoch);
      try {
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        const taken = takeLock(path);
        if (taken.ok) return taken.value === undefined ? 'taken' : lockOf(path, taken.value.release);
        // A file without a lock would say that this run is dead.
        rmSync(path, { force: true });
      } catch {
        // As where there is none.
      }
      return undefined;
    },
    inherit: (epoch) => {
      const path = pathOf(epoch);
      if (!existsSync(path)) return undefined;
      const taken = takeLock(path);
      if (!taken.ok) return undefined;
      return taken.value === undefined ? 'alive' : lockOf(path, taken.value.release);
    },
  };
}

function lockOf(path: string, release: () => void): RunLock {
  return {
    release: () => {
      try {
        rmSync(path, { force: true });
      } catch {
        // It stays, without a lock.
      }
      release();
    },
  };
}
