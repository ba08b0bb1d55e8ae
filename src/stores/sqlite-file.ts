// One SQLite file, opened the one way it may be opened: WAL, FULL, a busy timeout, mode 0600. Synchronous: whoever must not
// wait for a disk uses it through sqlite-thread.ts.
import { closeSync, constants, fchmodSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from 'node:sqlite';
import { primaryIn } from './fault.ts';

export interface SqliteOpening {
  readonly path: string;
  readonly readOnly: boolean;
}

export interface SqliteAnswer {
  readonly rows: readonly Readonly<Record<string, SQLOutputValue>>[];
  readonly changes: number;
}

export interface SqliteFile {
  execute(text: string, parameters: readonly SQLInputValue[]): SqliteAnswer;
  close(): void;
}

const BUSY_MS = 5000;
const STATEMENTS = 64;
const SWITCH_TRIES = 40;
const SQLITE_BUSY = 5;

export function openSqliteFile(opening: SqliteOpening): SqliteFile {
  return fileOver(openSqlite(opening));
}

/** For who prepares statements once and runs them often. */
export function openSqlite(opening: SqliteOpening): DatabaseSync {
  if (!opening.readOnly) makePrivate(opening.path);
  const database = new DatabaseSync(opening.path, { readOnly: opening.readOnly, timeout: BUSY_MS, enableForeignKeyConstraints: true });
  try {
    configure(database, opening.readOnly);
  } catch (thrown) {
    database.close();
    throw thrown;
  }
  return database;
}

/** SQLite gives the -wal and -shm files the mode of the main file, so the main file must exist with the right one first. */
function makePrivate(path: string): void {
  if (path === ':memory:') return;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // A link that somebody planted would have its target opened to us, and its mode changed.
  const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  fchmodSync(fd, 0o600);
  closeSync(fd);
}

function configure(database: DatabaseSync, readOnly: boolean): void {
  // Views and triggers of a tampered file must not call functions with side effects.
  database.exec('PRAGMA trusted_schema = OFF');
  if (readOnly) {
    database.exec('PRAGMA query_only = ON');
    return;
  }
  switchToWal(database);
  // NORMAL would lose the last commits on power loss: an intent must be on the disk before the effect.
  database.exec('PRAGMA synchronous = FULL');
  database.exec('PRAGMA journal_size_limit = 67108864');
}

/** Two processes that create one file meet here; the busy timeout does not cover this switch. */
function switchToWal(database: DatabaseSync): void {
  for (let tries = 1; ; tries += 1) {
    try {
      database.exec('PRAGMA journal_mode = WAL');
      return;
    } catch (thrown) {
      if (tries === SWITCH_TRIES || primaryIn(thrown) !== SQLITE_BUSY) throw thrown;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 25);
    }
  }
}

function fileOver(database: DatabaseSync): SqliteFile {
  const statements = new Map<string, StatementSync>();
  return {
    execute(text, parameters) {
      const statement = statements.get(text) ?? prepare(database, statements, text);
      if (statement.columns().length > 0) return { rows: statement.all(...parameters), changes: 0 };
      return { rows: [], changes: Number(statement.run(...parameters).changes) };
    },
    close() {
      statements.clear();
      if (database.isOpen) database.close();
    },
  };
}

function prepare(database: DatabaseSync, statements: Map<string, StatementSync>, text: string): StatementSync {
  const statement = database.prepare(text);
  const oldest = statements.keys().next();
  if (statements.size >= STATEMENTS && oldest.done === false) statements.delete(oldest.value);
  statements.set(text, statement);
  return statement;
}
