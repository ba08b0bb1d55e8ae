// Tool patterns as the file writes them: checked where they stand, so that a faulty rule is an error and never a rule that matches nothing.
import { compilePattern, reaches, type PatternFault } from '../core/policy/globs.ts';
import type { Path } from './locate.ts';
import { quoted } from './problems.ts';
import type { Context } from './section.ts';
import { suggest } from './suggest.ts';

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

/**
 * A pattern whose backend is none of the file's can hit nothing. In a deny that is an open door, so it is an error; elsewhere, and where
 * a wildcard may be meant for backends to come, it is told. Not judged without any backend: then nothing can be called.
 */
export function tellStray(text: string, rule: 'allow' | 'deny' | 'limit' | 'kill', path: Path, backends: readonly string[] | undefined, context: Pick<Context, 'problem'>): void {
  const compiled = compilePattern(text);
  if (!compiled.ok || compiled.value.backend === undefined || backends === undefined || backends.length === 0) return;
  const pattern = compiled.value;
  if (backends.some((name) => reaches(pattern, name))) return;
  const written = text.slice(0, text.indexOf('/'));
  const near = suggest(written, backends);
  const fatal = rule === 'deny' && pattern.backend?.kind === 'literal';
  context.problem(fatal ? 'unknown_name' : 'dead_entry', path, `${quoted(written)} is no backend of this file, so this ${rule} hits nothing`, near === undefined ? undefined : `did you mean ${quoted(near + text.slice(written.length))}?`);
}
