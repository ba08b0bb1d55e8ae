// Problems of a configuration file, told to people.
import { readFileSync } from 'node:fs';
import { renderDiagnostics } from '../config/render.ts';
import type { Diagnostic } from '../core/operations.ts';
import type { VerbContext } from './verb.ts';

/** On stderr, with the line each is about; nothing when there are none. */
export function tellProblems(cx: Pick<VerbContext, 'err'>, problems: readonly Diagnostic[], source?: string): void {
  const [first] = problems;
  if (first === undefined) return;
  cx.err(renderDiagnostics(problems, source ?? textOf(first.file)));
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
