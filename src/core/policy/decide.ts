// The one decision about who may see and call what. The same function filters every list and guards every call,
// so listed and callable cannot come apart.
import type { Target, TargetKind } from '../call.ts';
import type { BackendId } from '../ids.ts';
import type { Decision, Mode } from '../decision.ts';
import type { Timestamp } from '../ids.ts';
import { describeKillScope } from '../override.ts';
import type { Principal } from '../principal.ts';
import type { KillRule, Policy, RoleRules } from '../snapshot.ts';
import { covers, matches, reaches } from './globs.ts';
import { decideScope } from './scopes.ts';

export interface Standing {
  readonly kill: Decision;
  readonly role: Decision;
}

export function decide(policy: Policy, principal: Principal, target: Target, now: Timestamp): Standing {
  const role = decideRole(policy, principal, target);
  return { kill: decideKill(policy, principal, target, now, isOpen(role)), role };
}

/** May this principal see, and therefore call, this target now? */
export function isVisible(policy: Policy, principal: Principal, target: Target, now: Timestamp): boolean {
  const { kill, role } = decide(policy, principal, target, now);
  return isOpen(kill) && isOpen(role);
}

const KINDS: readonly TargetKind[] = ['tool', 'prompt', 'resource'];

/**
 * May this principal learn that there is such a backend? Only when its roles could show it a tool, prompt or resource of it: to all
 * others it is as unknown as one that does not exist. `kinds`: only by these. Kills, and what the backend lists at the moment, do not count: both pass.
 */
export function mayKnow(policy: Policy, principal: Principal, backend: BackendId, kinds: readonly TargetKind[] = KINDS): boolean {
  const roles = principal.roles.map((name) => policy.roles.get(name)).filter((role): role is RoleRules => role !== undefined);
  if (roles.some((role) => role.mode !== 'enforce')) return true;
  const open = kinds.filter((kind) => !roles.some((role) => role.deny.some((pattern) => covers(pattern, backend, kind))));
  return roles.some((role) => role.allow.some((pattern) => open.some((kind) => reaches(pattern, backend, kind))));
}

/** The same, and with this token: what is listed may still need a wider one, what is delivered may not. */
export function mayUse(policy: Policy, principal: Principal, target: Target, now: Timestamp): boolean {
  return isVisible(policy, principal, target, now) && decideScope(policy, principal, target).kind === 'pass';
}

/**
 * What the roles say, and then what the token was granted: both are needed. The roles come first, so that a challenge never names what is
 * hidden; a role that is only watched does not switch scopes off.
 */
export function decideAccess(policy: Policy, principal: Principal, target: Target): Decision {
  const role = decideRole(policy, principal, target);
  if (!isOpen(role)) return role;
  const scope = decideScope(policy, principal, target);
  if (scope.kind !== 'pass') return scope;
  return role.kind === 'pass' && scope.note !== undefined ? { ...role, note: scope.note } : role;
}

/** A deny that is only monitored does not close anything. */
export function isOpen(decision: Decision): boolean {
  return decision.kind === 'pass' || (decision.kind === 'deny' && decision.mode !== undefined && decision.mode !== 'enforce');
}

function decideKill(policy: Policy, principal: Principal, target: Target, now: Timestamp, seen: boolean): Decision {
  for (const rule of policy.kills) {
    if (!hits(rule, principal, target, now)) continue;
    const scope = describeKillScope(rule.scope);
    return { kind: 'deny', rule: `kill:${rule.origin}:${scope}`, reason: { code: 'killed', scope, seen }, severity: 'high' };
  }
  return { kind: 'pass', rule: 'kill:none' };
}

/** An elapsed kill is over by itself, even before the next snapshot is compiled. */
export function hits(rule: KillRule, principal: Principal, target: Target, now: Timestamp): boolean {
  if (rule.until !== undefined && rule.until <= now) return false;
  const { scope } = rule;
  switch (scope.kind) {
    case 'all': return true;
    case 'backend': return scope.backend === target.backend;
    case 'role': return principal.roles.includes(scope.role);
    case 'subject': return scope.subject === principal.subject;
    case 'tool': return rule.pattern !== undefined && matches(rule.pattern, target);
  }
}

function decideRole(policy: Policy, principal: Principal, target: Target): Decision {
  const known = principal.roles.map((name) => policy.roles.get(name)).filter((role): role is RoleRules => role !== undefined);
  if (known.length === 0) return forbid('role:unknown', 'enforce');
  const against = known.filter((role) => role.deny.some((pattern) => matches(pattern, target)));
  // A role that is only watched, named first in the token, must not speak for one that is enforced.
  const denying = against.find((role) => role.mode === 'enforce') ?? against[0];
  if (denying !== undefined) return forbid(`role:${denying.name}:deny`, denying.mode);
  const allowing = known.find((role) => role.allow.some((pattern) => matches(pattern, target)));
  if (allowing !== undefined) return { kind: 'pass', rule: `role:${allowing.name}:allow` };
  const watched = known.find((role) => role.mode !== 'enforce');
  return forbid('role:none', watched?.mode ?? 'enforce');
}

function forbid(rule: string, mode: Mode): Decision {
  return { kind: 'deny', rule, reason: { code: 'forbidden', rule }, mode, severity: 'medium' };
}
