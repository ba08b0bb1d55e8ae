// What is killed now, as people read it: by whom, why, until when, and what the file itself says.
import { describeKillScope, type KillOverride, type Override } from '../core/override.ts';
import type { KillView } from '../core/operations.ts';
import type { Snapshot } from '../core/snapshot.ts';

export function killViews(snapshot: Snapshot, overrides: readonly Override[], now: number): readonly KillView[] {
  const said = overrides.filter((one): one is KillOverride => one.kind === 'kill' && (one.until === undefined || one.until > now));
  const operator = said.map((one): KillView => ({ id: one.id, scope: describeKillScope(one.scope), origin: 'operator', by: one.by, reason: one.reason, at: one.at, until: one.until }));
  const config = snapshot.policy.kills.filter((rule) => rule.origin === 'config');
  return [...operator, ...config.map((rule): KillView => ({ id: undefined, scope: describeKillScope(rule.scope), origin: 'config', by: undefined, reason: undefined, at: undefined, until: undefined }))];
}
