// What a segment that SQLite cannot read still tells: the epochs whose records lie in its bytes, so that none of them is given again.
import { Buffer } from 'node:buffer';
import { closeSync, openSync, readSync } from 'node:fs';

const PIECE = 1 << 20;
/** What is cut at the end of a piece is whole in the next one. */
const OVERLAP = 128;

/** 0: none. */
export function highestEpochIn(path: string, node: string): number {
  return Math.max(...['', '-wal'].map((ending) => highestInFile(`${path}${ending}`, new RegExp(`"node":"${node}","epoch":(\\d{1,15}),`, 'g'))));
}

function highestInFile(path: string, pattern: RegExp): number {
  let most = 0;
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, 'r');
    const piece = Buffer.alloc(PIECE + OVERLAP);
    for (let at = 0; ; at += PIECE) {
      const length = readSync(descriptor, piece, 0, piece.length, at);
      for (const [, epoch] of piece.toString('latin1', 0, length).matchAll(pattern)) most = Math.max(most, Number(epoch));
      if (length < piece.length) return most;
    }
  } catch {
    return most;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
