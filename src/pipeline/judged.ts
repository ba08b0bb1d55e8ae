// What the configuration and the catalogue say of a call beside whether it may be made: who answers for the rule that decided, whether the
// call may change something (the audit's settings differ by that), and which keys of its arguments are names and not values.
import type { Call } from '../core/call.ts';
import type { Trail } from '../core/decision.ts';
import type { Judged } from '../core/outcome.ts';
import { rulingOf } from '../core/ruling.ts';
import type { Snapshot } from '../core/snapshot.ts';
import { declaredNames, NOTHING_DECLARED } from '../relay/declared.ts';

export function judge(call: Call, trail: Trail, snapshot: Snapshot): Judged {
  return { owner: ownerOf(rulingOf(trail)?.rule, snapshot), changes: mayChange(call, snapshot), declared: declaredBy(call, snapshot) };
}

function declaredBy({ target }: Call, { catalog }: Snapshot): ReadonlySet<string> {
  const view = catalog.byBackend.get(target.backend);
  switch (target.kind) {
    case 'tool': return declaredNames(view?.tools.get(target.name));
    case 'prompt': return declaredNames(view?.prompts.get(target.name));
    case 'resource': return NOTHING_DECLARED;
  }
}

/** `role:<name>:…` belongs to whoever answers for that role, all else to whoever answers for the file. */
function ownerOf(rule: string | undefined, { settings }: Snapshot): string | undefined {
  // Names may hold a colon: of `dev` and `dev:ops` both begin `role:dev:ops:allow`, and the longer is meant.
  const role = rule === undefined ? undefined : settings.roles.filter(({ name }) => rule.startsWith(`role:${name}:`)).toSorted((a, b) => b.name.length - a.name.length)[0];
  return role?.owner ?? settings.audit.owner;
}

/**
 * Of tools, all but those that say of themselves that they change nothing: a backend's word narrows what the operator allows for reading,
 * it never grants anything. What is not a tool only reads (MCP: resources, prompts, completion); a look at a task may refuse what it asks, or
 * carry a person's answer to it.
 */
function mayChange(call: Call, { catalog }: Snapshot): boolean {
  switch (call.kind) {
    case 'prompt':
    case 'resource':
    case 'completion':
    case 'listen': return false;
    case 'task':
    case 'model': return true;
    case 'tool': return catalog.byBackend.get(call.target.backend)?.tools.get(call.target.name)?.hints.readOnly !== true;
  }
}
