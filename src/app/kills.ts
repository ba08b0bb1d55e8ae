// Overrides to kill rules and back: what an operator said, as decisions read it and as people read it.
import type { KillOverride, Override } from '../core/override.ts';
import { describeKillScope } from '../core/override.ts';
import type { KillView } from '../core/operations.ts';
import { compilePattern } from '../core/policy/globs.ts';
import type { KillRule, Policy, Snapshot } from '../core/snapshot.ts';

/** The file's own policy with the operator's kills in front: both hold, and neither can undo the other. */
export function withOverrides(policy: Policy, overrides: readonly Override[]): Policy {
  return { ...policy, kills: [...overrides.flatMap(killRules), ...policy.kills] };
}

function killRules(override: Override): readonly KillRule[] {
  if (override.kind !== 'kill') return [];
  const { scope, until } = override;
  if (scope.kind !== 'tool') return [{ scope, pattern: undefined, origin: 'operator', until }];
  const pattern = compilePattern(scope.pattern);
  // Patterns are checked when a kill is asked for. One that cannot be read any more must not open what it closed.
  return [pattern.ok ? { scope, pattern: pattern.value, origin: 'operator', until } : { scope: { kind: 'all' }, pattern: undefined, origin: 'operator', until }];
}

export function killViews(snapshot: Snapshot, overrides: readonly Override[], now: number): readonly KillView[] {
  const said = overrides.filter((one): one is KillOverride => one.kind === 'kill' && (one.until === undefined || one.until > now));
  const operator = said.map((one): KillView => ({ id: one.id, scope: describeKillScope(one.scope), origin: 'operator', by: one.by, reason: one.reason, at: one.at, until: one.until }));
  const config = snapshot.policy.kills.filter((rule) => rule.origin === 'config');
  return [...operator, ...config.map((rule): KillView => ({ id: undefined, scope: describeKillScope(rule.scope), origin: 'config', by: undefined, reason: undefined, at: undefined, until: undefined }))];
}
