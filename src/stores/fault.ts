// Turns what a database driver throws into a StoreFault, and says whether the row or the database is to blame.
import type { StoreFault } from '../core/ports.ts';
import { err, type Result } from '../core/result.ts';
import { codeIn, messageIn } from '../core/thrown.ts';

export interface WriteFault {
  readonly fault: StoreFault;
  /** True: the database works, this row was refused; trying again will not help. */
  readonly row: boolean;
}

// https://www.sqlite.org/rescode.html, primary codes in the low byte.
const SQLITE_ROW = new Set([18, 19, 20, 25]);
const SQLITE_CORRUPT = new Set([11, 26]);
const SQLITE_FULL = 13;
const SQLITE_SCHEMA = new Set([1, 17]);

/** SQLSTATE classes of PostgreSQL (appendix A): the data, the constraints, the limits of one row. */
const SQLSTATE_ROW = new Set(['22', '23', '54']);
const SQLSTATE_SCHEMA = new Set(['42', '0A']);

/** What the driver throws comes back as a fault. */
export async function guarded<T>(work: () => Promise<Result<T, StoreFault>>): Promise<Result<T, StoreFault>> {
  try {
    return await work();
  } catch (thrown) {
    return err(writeFault(thrown).fault);
  }
}

/** The same for what SQLite does at once. */
export function guardedNow<T>(work: () => Result<T, StoreFault>): Result<T, StoreFault> {
  try {
    return work();
  } catch (thrown) {
    return err(writeFault(thrown).fault);
  }
}

/** The driver's words for it name neither the password nor who is to give it. */
const NO_PASSWORD = /client password must be a string/;

export function writeFault(thrown: unknown): WriteFault {
  const said = messageIn(thrown);
  const detail = NO_PASSWORD.test(said) ? 'the server asks for a password, and there is none in the URL or in PGPASSWORD' : said;
  const errcode = errcodeIn(thrown);
  if (errcode !== undefined) return sqliteFault(errcode & 0xff, detail);
  const state = codeIn(thrown);
  if (state !== undefined && /^[0-9A-Z]{5}$/.test(state)) return postgresFault(state, detail);
  return { fault: { code: 'unavailable', detail: state === undefined ? detail : `${state}: ${detail}` }, row: false };
}

function sqliteFault(primary: number, detail: string): WriteFault {
  if (SQLITE_ROW.has(primary)) return { fault: { code: 'corrupt', detail }, row: true };
  if (SQLITE_CORRUPT.has(primary)) return { fault: { code: 'corrupt', detail }, row: false };
  if (primary === SQLITE_FULL) return { fault: { code: 'unavailable', detail: `disk full: ${detail}` }, row: false };
  if (SQLITE_SCHEMA.has(primary)) return { fault: { code: 'schema', detail }, row: false };
  return { fault: { code: 'unavailable', detail }, row: false };
}

function postgresFault(state: string, detail: string): WriteFault {
  const kind = state.slice(0, 2);
  if (SQLSTATE_ROW.has(kind)) return { fault: { code: 'corrupt', detail: `${state}: ${detail}` }, row: true };
  if (SQLSTATE_SCHEMA.has(kind)) return { fault: { code: 'schema', detail: `${state}: ${detail}` }, row: false };
  return { fault: { code: 'unavailable', detail: `${state}: ${detail}` }, row: false };
}

/** SQLite's primary result code; 0: it is no error of SQLite. */
export function primaryIn(thrown: unknown): number {
  return (errcodeIn(thrown) ?? 0) & 0xff;
}

/** The extended one, as node:sqlite puts it on its errors. */
export function errcodeIn(thrown: unknown): number | undefined {
  return thrown instanceof Error && 'errcode' in thrown && typeof thrown.errcode === 'number' ? thrown.errcode : undefined;
}
