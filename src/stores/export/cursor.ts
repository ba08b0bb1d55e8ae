// How far an exporter has come, on disk: written whole after each delivery, so that a restart sends at most the batch in doubt again.
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { err, ok, type Result } from '../../core/result.ts';
import { codeIn, messageIn } from '../../core/thrown.ts';
import type { StoredRecord } from '../journal/source.ts';

export type SeenEpoch = readonly [epoch: number, seq: number];

export interface Cursor {
  /** The last record that was looked at, delivered or left out by the filter. 0: none yet. */
  readonly rowId: number;
  /** SHA-256 of that record: a journal that was put back from a copy is noticed. */
  readonly hash: string | undefined;
  /** How far each of the last epochs was seen. */
  readonly epochs: readonly SeenEpoch[];
  /** The first epoch whose beginning was seen. */
  readonly base: number | undefined;
  /** Records that the receiver threw away and was not told of yet. */
  readonly rejected: number;
}

export const NO_CURSOR: Cursor = Object.freeze({ rowId: 0, hash: undefined, epochs: [], base: undefined, rejected: 0 });

/** `<state_dir>/journal/cursors/<name>.json`. The configuration lets no name be a path. Checkpoints have one of their own: an export may send them for a while, and then records again. */
export function cursorPath(stateDir: string, name: string, of: 'records' | 'checkpoints' = 'records'): string {
  return join(stateDir, 'journal', 'cursors', `${name}${of === 'checkpoints' ? '.checkpoints' : ''}.json`);
}

export function hashOf({ record }: StoredRecord): string {
  return hash('sha256', record, 'base64url');
}

/** Nothing there is a beginning; what cannot be read is an error, for the exporter would send all of the journal again. */
export function readCursor(path: string): Result<Cursor, string> {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return isCursor(value) ? ok(value) : err(`${path} is damaged`);
  } catch (thrown) {
    return codeIn(thrown) === 'ENOENT' ? ok(NO_CURSOR) : err(`${path}: ${codeIn(thrown) ?? messageIn(thrown)}`);
  }
}

function isCursor(value: unknown): value is Cursor {
  if (typeof value !== 'object' || value === null) return false;
  const members = new Map(Object.entries(value));
  const epochs: unknown = members.get('epochs');
  const hashed: unknown = members.get('hash');
  const base: unknown = members.get('base');
  return (base === undefined || isCount(base)) && isCount(members.get('rowId')) && isCount(members.get('rejected')) && (hashed === undefined || typeof hashed === 'string') && Array.isArray(epochs) && epochs.every(isSeen);
}

function isSeen(value: unknown): value is SeenEpoch {
  return Array.isArray(value) && value.length === 2 && value.every(isCount);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
