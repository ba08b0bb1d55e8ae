// Which token the command line speaks with: an environment variable or a file that only its owner can read. Never an argument: argv is visible to everybody.
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { whyUnread } from '../app/fault.ts';
import { openToOthers, showMode } from '../core/file-mode.ts';
import { err, ok } from '../core/result.ts';
import type { Result } from '../core/result.ts';
import { Secret } from '../core/secret.ts';
import { tokenFault } from './faults.ts';
import type { Fault } from './verb.ts';

/** Longer than any token the gateway would accept. */
export const TOKEN_BYTES: number = 64 * 1024;

export interface TokenSource {
  readonly file: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

/** --token-file, then SENTINEL_TOKEN, then SENTINEL_TOKEN_FILE. */
export function readToken(source: TokenSource): Result<Secret, Fault> {
  if (source.file !== undefined) return tokenFromFile(resolve(source.cwd, source.file));
  const direct = source.env['SENTINEL_TOKEN']?.trim();
  if (direct !== undefined && direct !== '') return ok(new Secret(direct));
  const named = source.env['SENTINEL_TOKEN_FILE'];
  if (named !== undefined && named !== '') return tokenFromFile(resolve(source.cwd, named));
  return err(tokenFault('no token: SENTINEL_TOKEN and SENTINEL_TOKEN_FILE are not set, and there is no --token-file', 'make one: sentinel token issue'));
}

/** Opened once and asked by descriptor: between a stat and a read of a path, the file could change. */
export function tokenFromFile(path: string): Result<Secret, Fault> {
  let fd: number;
  try {
    // O_NONBLOCK: a FIFO in place of the file must not hang the start.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    return err(tokenFault(`the token file ${path} cannot be read: ${whyUnread(error)}`, 'make one: sentinel token issue'));
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) return err(tokenFault(`${path} is no file`, 'name the file that holds the token'));
    if (process.platform !== 'win32' && openToOthers(stat.mode)) return err(tokenFault(`the token file ${path} can be read by others (mode ${showMode(stat.mode)})`, `chmod 600 ${path}`));
    if (stat.size > TOKEN_BYTES) return err(tokenFault(`the token file ${path} is too large to hold a token`));
    const text = readFileSync(fd, 'utf8').trim();
    return text === '' ? err(tokenFault(`the token file ${path} is empty`)) : ok(new Secret(text));
  } finally {
    closeSync(fd);
  }
}
