// One holder at a time, across processes and containers. The lock is SQLite's on a file of its own: the system takes it back when the process dies.
import { closeSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { ok, type Result } from '../core/result.ts';
import type { StoreFault } from '../core/ports.ts';
import { codeIn } from '../core/thrown.ts';
import { guardedNow, primaryIn } from './fault.ts';

export interface StoreLock {
  release(): void;
}

const SQLITE_BUSY = 5;

/** Undefined: another process has it. */
export function takeLock(path: string): Result<StoreLock | undefined, StoreFault> {
  return guardedNow(() => {
    makePrivate(path);
    const file = new DatabaseSync(path, { timeout: 0 });
    try {
      file.exec('begin exclusive');
    } catch (thrown) {
      file.close();
      if (primaryIn(thrown) === SQLITE_BUSY) return ok(undefined);
      throw thrown;
    }
    return ok({ release: () => file.close() });
  });
}

/** Never opened when it is there: to close any descriptor of a file gives up all locks that the process has on it (fcntl). */
function makePrivate(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (thrown) {
    if (codeIn(thrown) !== 'EEXIST') throw thrown;
  }
}
