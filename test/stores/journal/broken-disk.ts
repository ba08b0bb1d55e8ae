// What SQLite throws when a disk does not do what it is asked.
const NAMES: Readonly<Record<number, string>> = { 8: 'attempt to write a readonly database', 10: 'disk I/O error', 11: 'database disk image is malformed', 13: 'database or disk is full', 14: 'unable to open database file' };

class DiskError extends Error {
  readonly code = 'ERR_SQLITE_ERROR';
  readonly errcode: number;

  constructor(errcode: number) {
    super(NAMES[errcode] ?? `error ${errcode}`);
    this.errcode = errcode;
  }
}

/** `code`: a primary result code. */
export function diskError(code: number): Error {
  return new DiskError(code);
}
