// How far a node has shipped: one number in a file of the state directory, whole at any moment, and safe to lose: what is sent again is harmless.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { codeIn } from '../../core/thrown.ts';

export interface CursorStore {
  /** 0 where nothing was saved. Throws where it cannot be read. */
  load(): number;
  /** On the disk when it resolves. */
  save(rowId: number): Promise<void>;
}

export function fileCursor(path: string): CursorStore {
  return { load: () => read(path), save: (rowId) => write(path, `${rowId}\n`) };
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

async function write(path: string, text: string): Promise<void> {
  const aside = `${path}.${randomBytes(4).toString('hex')}`;
  try {
    const file = await open(aside, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(aside, path);
  } catch (thrown) {
    await rm(aside, { force: true }).catch(() => undefined);
    throw thrown;
  }
  // The name is part of what must survive a power cut.
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
