// What a kill is aimed at, in the words of the command line. Pure.
import { backendId, roleName } from '../core/ids.ts';
import type { KillScope } from '../core/override.ts';
import { err, ok } from '../core/result.ts';
import type { Result } from '../core/result.ts';
import { suggest } from '../config/suggest.ts';

const KINDS = ['tool', 'backend', 'role', 'subject', 'all'] as const;

export const SCOPE_USAGE = '<tool|backend|role|subject> <name> | all';

export function parseScope(words: readonly string[]): Result<KillScope, string> {
  const [kind, name, extra] = words;
  if (extra !== undefined) return err(`"${extra}" is too much: ${SCOPE_USAGE}`);
  if (kind === 'all') return name === undefined ? ok({ kind: 'all' }) : err(`"all" takes no name`);
  if (kind === undefined || !KINDS.some((known) => known === kind)) return err(unknownKind(kind));
  if (name === undefined || name === '') return err(`${kind} needs a name: sentinel kill ${kind} <name>`);
  if (kind === 'tool') return ok({ kind, pattern: name });
  if (kind === 'backend') return ok({ kind, backend: backendId(name) });
  if (kind === 'role') return ok({ kind, role: roleName(name) });
  return ok({ kind: 'subject', subject: name });
}

function unknownKind(kind: string | undefined): string {
  if (kind === undefined) return `say what to stop: ${SCOPE_USAGE}`;
  const near = suggest(kind, KINDS);
  if (kind.includes('/')) return `unknown scope "${kind}"; for one tool: sentinel kill tool ${kind}`;
  return `unknown scope "${kind}": ${near === undefined ? `one of ${KINDS.join(', ')}` : `did you mean "${near}"?`}`;
}
