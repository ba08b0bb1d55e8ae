// How far a node has shipped: one number in a file of the state directory, whole at any moment, and safe to lose: what is sent again is harmless.
import { readFileSync } from 'node:fs';
import { codeIn } from '../../core/thrown.ts';
import { replaceFile } from '../small-file.ts';

export interface CursorStore {
  /** 0 where nothing was saved. Throws where it cannot be read. */
  load(): number;
  /** On the disk when it resolves. */
  save(rowId: number): Promise<void>;
}

export function fileCursor(path: string): CursorStore {
  return { load: () => read(path), save: (rowId) => replaceFile(path, `${rowId}\n`) };
}

/** A damaged one counts as none. */
function read(path: string): number {
  try {
    const value = Number(readFileSync(path, 'utf8').trim());
    return Number.isSafeInteger(value) && value > 0 ? value : 0;
  } catch (thrown) {
    if (codeIn(thrown) === 'ENOENT') return 0;
    throw thrown;
  }
}
