// Tool patterns as the file writes them: checked where they stand, so that a faulty rule is an error and never a rule that matches nothing.
import { compilePattern, type PatternFault } from '../core/policy/globs.ts';
import type { Path } from './locate.ts';
import { quoted } from './problems.ts';
import type { Context } from './section.ts';

const FAULTS: Readonly<Record<PatternFault['code'], string>> = {
  empty: 'is empty',
  empty_backend: 'has no backend before the `/`',
  empty_tool: 'has no tool after the `/`',
  too_long: 'is too long',
  character: 'holds a control character',
};

export function checkPattern(text: string, path: Path, context: Pick<Context, 'problem'>): boolean {
  const compiled = compilePattern(text);
  if (!compiled.ok) context.problem('pattern', path, `the pattern ${quoted(text)} ${FAULTS[compiled.error.code]}`);
  return compiled.ok;
}
