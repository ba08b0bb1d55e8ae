// Reads the configuration from disk for verbs that look at it without running it.
import { accessSync, closeSync, constants, existsSync, fstatSync, openSync, readFileSync, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { exitFor } from '../config/codes.ts';
import { locateConfig } from '../config/find.ts';
import { load } from '../config/load.ts';
import type { Loaded } from '../config/load.ts';
import type { FileContent } from '../config/secrets.ts';
import type { Diagnostic } from '../core/operations.ts';
import { err, ok } from '../core/result.ts';
import type { Result } from '../core/result.ts';
import type { VerbContext } from './verb.ts';
import { homeOf } from './whereabouts.ts';

export interface ConfigFile {
  readonly file: string;
  readonly text: string;
  readonly loaded: Result<Loaded, readonly Diagnostic[]>;
}

/** The error: no file, or one that cannot be read. */
export function readConfig(cx: Pick<VerbContext, 'configFile' | 'env' | 'cwd'>): Result<ConfigFile, Diagnostic> {
  const home = homeOf(cx.env);
  const found = locateConfig(cx.configFile, cx.env, home, (path) => existsSync(resolve(cx.cwd, path)));
  if (!found.ok) return found;
  const file = resolve(cx.cwd, found.value);
  const bytes = read(file);
  if (!bytes.ok) return err({ code: 'SEN-0100', severity: 'error', message: `the configuration file cannot be read (${bytes.error})`, file, line: undefined, column: undefined, help: `look at its owner and mode: ls -l ${file}` });
  const { text } = bytes.value;
  const loaded = load({ text, file, env: cx.env, home, readFile: read, which: (command) => which(command, cx.env['PATH'] ?? '') });
  return ok({ file, text, loaded });
}

export function exitOf(problems: readonly Diagnostic[]): number {
  return exitFor(problems.filter((problem) => problem.severity === 'error').map((problem) => problem.code));
}

function read(path: string): Result<FileContent, string> {
  let fd: number;
  try {
    // O_NONBLOCK: a FIFO in place of a file must not hang the start.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    return err(codeOf(error));
  }
  try {
    const stat = fstatSync(fd);
    return stat.isFile() ? ok({ text: readFileSync(fd, 'utf8'), mode: stat.mode & 0o777 }) : err('not a file');
  } catch (error) {
    return err(codeOf(error));
  } finally {
    closeSync(fd);
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unreadable';
}

/** As execvp(3) would look; a name with a slash is taken as it stands. */
export function which(command: string, path: string): string | undefined {
  if (command.includes('/')) return isProgram(command) ? command : undefined;
  return path.split(delimiter).filter((folder) => folder !== '').map((folder) => join(folder, command)).find(isProgram);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
