// What `config/` and `doctor` ask of a command before it is run: the very file that would be started.
import { resolveProgram } from '../backends/stdio/program.ts';
import type { Env } from './deps.ts';

export function which(command: string, env: Env): string | undefined {
  const program = resolveProgram(command, env);
  return program.ok ? program.value : undefined;
}
