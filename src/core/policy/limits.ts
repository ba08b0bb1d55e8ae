// Which windows a call is charged to. Keys are stable names (never revisions), so a reload refills nobody's window.
import { targetKey, type Call, type Target } from '../call.ts';
import type { LimitScope } from '../decision.ts';
import { principalKey, type Principal } from '../principal.ts';
import type { Snapshot } from '../snapshot.ts';
import { matches, type Pattern } from './globs.ts';
import { WindowTable } from './window.ts';

export interface LimitClaim {
  readonly key: string;
  readonly limit: number;
  readonly scope: LimitScope;
}

export const WINDOW_MS = 60_000;
/** As many sub-windows as seconds: a call is counted for at most 61 s. */
const WINDOW_BUCKETS = 60;

/** Windows of a minute, as all limits have them. */
export function limitWindows(maxKeys: number): WindowTable {
  return new WindowTable({ windowMs: WINDOW_MS, buckets: WINDOW_BUCKETS, maxKeys });
}

/** Per (principal, target), role, backend and global: all must have room, then all are charged. */
export function limitClaims(snapshot: Snapshot, call: Call): readonly LimitClaim[] {
  const { limits } = snapshot.settings;
  const { principal, target } = call;
  const shared: readonly LimitClaim[] = limits.global === undefined ? [] : [{ key: 'global', limit: limits.global, scope: 'global' }];
  // An agent looks at its task every second or so: those are not calls of the tool, and must not use up its room.
  if (call.kind === 'task') return [{ key: `task\u0000${principalKey(principal)}`, limit: limits.tasks, scope: 'principal' }, ...shared];
  const rule = snapshot.policy.toolLimits.find((one) => matches(one.pattern, target));
  const claims: LimitClaim[] = [{ key: `tool\u0000${principalKey(principal)}\u0000${counterOf(target, rule?.pattern)}`, limit: rule?.limit ?? limits.perTool, scope: 'principal' }];
  for (const role of principal.roles) {
    const limit = ownNumber(limits.roles, role);
    if (limit !== undefined) claims.push({ key: `role\u0000${role}`, limit, scope: 'role' });
  }
  const backend = ownNumber(limits.backends, target.backend);
  if (backend !== undefined) claims.push({ key: `backend\u0000${target.backend}`, limit: backend, scope: 'backend' });
  return [...claims, ...shared];
}

/**
 * Tools and prompts are listed, so each has its own counter. URIs are the agent's to make up, without end: the resources of a backend
 * that one pattern limits count together, and so do all others of it.
 */
function counterOf(target: Target, pattern: Pattern | undefined): string {
  return target.kind === 'resource' ? `resource:${target.backend}/\u0000${pattern?.text ?? ''}` : targetKey(target);
}

/** Where refused calls of a principal are counted, apart from what it may use. */
export function probeClaim(snapshot: Snapshot, principal: Principal): LimitClaim {
  return { key: `probe\u0000${principalKey(principal)}`, limit: snapshot.settings.limits.probes, scope: 'probe' };
}

/** Role and backend names come from outside: `constructor` must not find Object's. */
function ownNumber(table: Readonly<Record<string, number>>, key: string): number | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}
