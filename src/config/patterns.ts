// Patterns as the file writes them: checked where they stand, so that a faulty rule is an error and never a rule that matches nothing.
import { compileOwnPattern, compilePattern, reaches, type Pattern, type PatternFault } from '../core/policy/globs.ts';
import type { Result } from '../core/result.ts';
import type { Path } from './locate.ts';
import { quoted } from './problems.ts';
import type { Context } from './section.ts';
import { suggest } from './suggest.ts';

const FAULTS: Readonly<Record<PatternFault['code'], string>> = {
  empty: 'is empty',
  empty_backend: 'has no backend before the `/`',
  empty_tool: 'ends where a name must stand',
  too_long: 'is too long',
  character: 'holds a control character',
  climb: 'holds a segment `.` or `..`, which no URI that is read may have',
};

export function checkPattern(text: string, path: Path, context: Pick<Context, 'problem'>): boolean {
  return told(compilePattern(text), text, path, context);
}

/** Where the backend is known, as in `hide`. */
export function checkOwnPattern(text: string, path: Path, context: Pick<Context, 'problem'>): boolean {
  return told(compileOwnPattern(text), text, path, context);
}

function told(compiled: Result<Pattern, PatternFault>, text: string, path: Path, context: Pick<Context, 'problem'>): boolean {
  if (!compiled.ok) context.problem('pattern', path, `the pattern ${quoted(text)} ${FAULTS[compiled.error.code]}`);
  return compiled.ok;
}

const KIND = /^(?:tool|prompt|resource):/;

/**
 * A pattern whose backend is none of the file's can hit nothing. In a deny or a scope that is an open door, so it is an error; elsewhere, and where
 * a wildcard may be meant for backends to come, it is told. Not judged without any backend: then nothing can be called.
 */
export function tellStray(text: string, rule: 'allow' | 'deny' | 'limit' | 'kill' | 'scope', path: Path, backends: readonly string[] | undefined, context: Pick<Context, 'problem'>): void {
  const compiled = compilePattern(text);
  if (!compiled.ok || compiled.value.backend === undefined || backends === undefined || backends.length === 0) return;
  const pattern = compiled.value;
  if (backends.some((name) => reaches(pattern, name))) return;
  const kind = KIND.exec(text)?.[0] ?? '';
  const rest = text.slice(kind.length);
  const written = rest.slice(0, rest.indexOf('/'));
  const fatal = (rule === 'deny' || rule === 'scope') && pattern.backend?.kind === 'literal';
  context.problem(fatal ? 'unknown_name' : 'dead_entry', path, `${quoted(written)} is no backend of this file, so this ${rule} hits nothing`, cureOf(written, kind, rest, backends));
}

/**
 * Backends that a role has whole, prompts and resources with them, though it denies tools there and says nothing of the other kinds: perhaps
 * they were not thought of. An empty answer where the role names a kind for them, or denies nothing.
 */
export function leftOpen(allow: readonly string[], deny: readonly string[], backends: readonly string[]): readonly string[] {
  const compiled = (texts: readonly string[]): readonly Pattern[] => texts.flatMap((text) => {
    const pattern = compilePattern(text);
    return pattern.ok ? [pattern.value] : [];
  });
  const [allowed, denied] = [compiled(allow), compiled(deny)];
  return backends.filter((name) => {
    const speaks = (pattern: Pattern): boolean => OTHER_KINDS.some((kind) => reaches(pattern, name, kind));
    const whole = allowed.filter(speaks);
    return whole.length > 0 && whole.every(({ kind }) => kind === undefined) && denied.some((pattern) => reaches(pattern, name)) && !denied.some(speaks);
  });
}

const OTHER_KINDS = ['prompt', 'resource'] as const;

/** A backend name holds no colon: what was meant is a kind that does not exist, or a URI without its backend. */
function cureOf(written: string, kind: string, rest: string, backends: readonly string[]): string | undefined {
  if (kind !== '' && written.endsWith(':')) return `name the backend before the URI: ${quoted(`${kind}${backends[0] ?? ''}/${rest}`)}`;
  if (kind === '' && written.includes(':')) return 'a pattern says `tool:`, `prompt:` or `resource:` before the backend, or no kind';
  const near = suggest(written, backends);
  return near === undefined ? undefined : `did you mean ${quoted(`${kind}${near}${rest.slice(written.length)}`)}?`;
}
