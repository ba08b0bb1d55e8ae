// What `explain` says beside a row that a role or a kill refuses. For people at the command line only: never for agents, and not for the record.
import type { Target } from '../core/call.ts';
import type { Evidence } from '../core/decision.ts';
import { matches } from '../core/policy/globs.ts';
import type { Policy } from '../core/snapshot.ts';

export function withWhy(row: Evidence, policy: Policy, roles: readonly string[], target: Target): Evidence {
  if (row.decision !== 'deny' || row.note !== undefined) return row;
  const note = row.stage === 'kill' ? whyKilled(row.rule) : row.stage === 'role' ? whyForbidden(row.rule, policy, roles, target) : undefined;
  return note === undefined ? row : { ...row, note };
}

/** By whom and why is not compiled into the policy: the command line asks for it. */
function whyKilled(rule: string): string {
  return rule.startsWith('kill:config:') ? 'stands in [kill_switch] of the configuration' : 'said by an operator: sentinel kills';
}

function whyForbidden(rule: string, policy: Policy, roles: readonly string[], target: Target): string | undefined {
  if (rule === 'role:unknown') return `the configuration has no role ${roles.join(', ')}`;
  const known = [...policy.roles.values()].filter(({ name }) => roles.includes(name));
  if (rule === 'role:none') return `no \`allow\` of ${known.map(({ name }) => name).join(', ')} names it`;
  const denying = known.find(({ name }) => rule === `role:${name}:deny`);
  const pattern = denying?.deny.find((one) => matches(one, target));
  return denying === undefined || pattern === undefined ? undefined : `role ${denying.name}: \`deny\` has ${pattern.text}`;
}
