// What the configuration says of a call beside whether it may be made: who answers for the rule that decided, and whether the call may
// change something. The audit's settings differ by that.
import type { Call } from '../core/call.ts';
import type { Trail } from '../core/decision.ts';
import type { Judged } from '../core/outcome.ts';
import { rulingOf } from '../core/ruling.ts';
import type { Snapshot } from '../core/snapshot.ts';

export function judge(call: Call, trail: Trail, snapshot: Snapshot): Judged {
  const ruling = rulingOf(trail);
  // Of a call that nothing stood against, whoever answers for the role that allowed it.
  const rule = ruling?.decision === 'deny' ? ruling.rule : trail.find(({ stage }) => stage === 'role')?.rule;
  return { owner: ownerOf(rule, snapshot), changes: mayChange(call, snapshot) };
}

/** `role:<name>:…` belongs to whoever answers for that role, all else to whoever answers for the file. */
function ownerOf(rule: string | undefined, { settings }: Snapshot): string | undefined {
  const role = rule === undefined ? undefined : settings.roles.find(({ name }) => rule.startsWith(`role:${name}:`));
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
