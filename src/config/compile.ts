// Settings and what operators said since, to the Policy that decisions read. A rule that cannot be compiled is an error: dropping a kill or a deny would open a door.
import { roleName, backendId, type RoleName } from '../core/ids.ts';
import type { Catalog } from '../core/catalog.ts';
import { describeKillScope, type KillScope, type Override } from '../core/override.ts';
import type { BackendNames } from '../core/policy/catalog.ts';
import { compileOwnPattern, compilePattern, matches, reaches, type Pattern } from '../core/policy/globs.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { KillSettings, RoleSettings, ScopeGrant, Settings } from '../core/settings.ts';
import type { KillRule, Policy, RoleRules } from '../core/snapshot.ts';
import { reachOf } from './scopes.ts';

export interface CompileFault {
  /** Which rule, in words. */
  readonly rule: string;
  readonly code: string;
}

/**
 * The permissions of the original. It had tools only: `*` is everything, so it lets a role have prompts and resources too, and
 * `tools.execute` is every tool and nothing else. `tools.read` lets it call none, so it sees none.
 */
const BROAD: Readonly<Record<string, string>> = { '*': '*', 'tools.execute': 'tool:*' };

export function compilePolicy(settings: Pick<Settings, 'roles' | 'kills' | 'limits' | 'scopes'>, overrides: readonly Override[]): Result<Policy, readonly CompileFault[]> {
  const faults: CompileFault[] = [];
  const pattern = (text: string, rule: string): Pattern | undefined => {
    const compiled = compilePattern(text);
    if (compiled.ok) return compiled.value;
    faults.push({ rule, code: compiled.error.code });
    return undefined;
  };
  const patterns = (texts: readonly string[], rule: string): readonly Pattern[] => texts.map((text) => pattern(text, rule)).filter((one) => one !== undefined);
  const killRule = (scope: KillScope, origin: KillRule['origin'], until: KillRule['until']): KillRule =>
    ({ scope, pattern: scope.kind === 'tool' ? pattern(scope.pattern, `kill ${describeKillScope(scope)}`) : undefined, origin, until });
  const roles = new Map<RoleName, RoleRules>();
  for (const role of settings.roles) roles.set(role.name, { name: role.name, mode: role.mode, allow: patterns(allowed(role), `role ${role.name}`), deny: patterns(role.deny, `role ${role.name}`) });
  const policy: Policy = {
    roles,
    kills: [
      ...scopesOf(settings.kills).map((scope) => killRule(scope, 'config', undefined)),
      ...overrides.filter((one) => one.kind === 'kill').map((one) => killRule(one.scope, 'operator', one.until)),
    ],
    toolLimits: settings.limits.tools.flatMap((rule) => {
      const compiled = pattern(rule.pattern, `limit ${rule.pattern}`);
      return compiled === undefined ? [] : [{ pattern: compiled, limit: rule.limit }];
    }),
    scopes: settings.scopes.grants.map(({ name, allow }) => ({ name, allow: patterns(allow, `scope ${name}`), by: givenBy(name, settings.scopes.grants) })),
  };
  return faults.length > 0 ? err(faults) : ok(policy);
}

/** Itself, and whatever includes it by any number of steps: never what it includes (SEC39). */
function givenBy(name: string, grants: readonly ScopeGrant[]): ReadonlySet<string> {
  return new Set([name, ...grants.filter((other) => reachOf(other.name, grants).has(name)).map((other) => other.name)]);
}

/** Patterns of `hide` may name the backend or leave it out, and either meaning hides. One that cannot be compiled was refused when the file was read. */
export function compileNames(settings: Pick<Settings, 'backends'>): readonly BackendNames[] {
  return settings.backends.map(({ id, aliases, hide }) => ({
    id,
    aliases,
    hide: hide.flatMap((text) => [compilePattern(text), compileOwnPattern(text)].flatMap((compiled) => (compiled.ok ? [compiled.value] : []))),
  }));
}

function allowed(role: RoleSettings): readonly string[] {
  return [...role.permissions.flatMap((word) => (Object.hasOwn(BROAD, word) ? (BROAD[word] ?? []) : [])), ...role.allow];
}

function scopesOf(kills: KillSettings): readonly KillScope[] {
  const scopes: KillScope[] = kills.all ? [{ kind: 'all' }] : [];
  for (const pattern of kills.tools) scopes.push({ kind: 'tool', pattern });
  for (const backend of kills.backends) scopes.push({ kind: 'backend', backend: backendId(backend) });
  for (const role of kills.roles) scopes.push({ kind: 'role', role: roleName(role) });
  for (const subject of kills.subjects) scopes.push({ kind: 'subject', subject });
  return scopes;
}

export interface Unmatched {
  /** `deny of role developer`, `kill`, `limit`. */
  readonly rule: string;
  readonly pattern: string;
}

/**
 * Patterns that hit no known tool or prompt: perhaps typos, and a kill with a typo kills nothing. Only told when it can be known:
 * as long as a backend of the configuration has not listed its tools, its patterns and those without a backend are not judged.
 */
export function unmatchedPatterns(policy: Policy, catalog: Catalog, backends: readonly string[]): readonly Unmatched[] {
  const waiting = backends.filter((name) => !catalog.byBackend.has(backendId(name)));
  const judged = (pattern: Pattern): boolean => waiting.every((name) => pattern.backend !== undefined && !reaches(pattern, name));
  // Resources are not judged: a template has more of them than are listed.
  const known = [...catalog.tools, ...catalog.prompts];
  const dead = (pattern: Pattern): boolean => pattern.kind !== 'resource' && judged(pattern) && !known.some(({ target }) => matches(pattern, target));
  const named: (readonly [rule: string, pattern: Pattern])[] = [];
  for (const role of policy.roles.values()) {
    for (const pattern of role.allow) if (pattern.tool.kind !== 'any' || pattern.backend !== undefined) named.push([`allow of role ${role.name}`, pattern]);
    for (const pattern of role.deny) named.push([`deny of role ${role.name}`, pattern]);
  }
  for (const scope of policy.scopes) for (const pattern of scope.allow) named.push([`scope ${scope.name}`, pattern]);
  for (const kill of policy.kills) if (kill.pattern !== undefined) named.push(['kill', kill.pattern]);
  for (const limit of policy.toolLimits) named.push(['limit', limit.pattern]);
  return named.filter(([, pattern]) => dead(pattern)).map(([rule, pattern]) => ({ rule, pattern: pattern.text }));
}
