// Which file a command means. Never one of the working directory: that is the agent's project, and whoever writes there would choose what runs (H03).
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { err, ok, type Result } from '../../core/result.ts';
import type { Env } from './environment.ts';

/** An absolute file that may be executed. PATH is searched once, and only its absolute entries. */
export function resolveProgram(command: string, env: Env): Result<string, string> {
  if (command.includes('\u0000')) return err('the command holds a NUL');
  if (isAbsolute(command)) return isProgram(command) ? ok(command) : err(`${command} is not an executable file`);
  if (command.includes('/')) return err(`${command} is relative: write the absolute path`);
  for (const directory of (env['PATH'] ?? '').split(delimiter)) {
    const candidate = join(directory, command);
    if (isAbsolute(directory) && isProgram(candidate)) return ok(candidate);
  }
  return err(`${command} was not found on PATH`);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
