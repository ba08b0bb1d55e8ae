// Advice on what the operator's policy refused: by a kill, by the roles, for want of a scope.
import { roleName, timestamp } from '../core/ids.ts';
import { describeKillScope } from '../core/override.ts';
import { decide, isOpen } from '../core/policy/decide.ts';
import { matches, type Pattern } from '../core/policy/globs.ts';
import type { Principal } from '../core/principal.ts';
import type { Policy } from '../core/snapshot.ts';
import { issue, moment, nameOf, RELOAD, type Advice, type Case, type Change } from './why-case.ts';
import type { KillTold } from './why-past.ts';

// ── kills ───────────────────────────────────────────────────────────────────

export function killed({ told, kill, overridesKnown, file, policy }: Case): Advice {
  if (kill === undefined) return { because: 'it was stopped by a kill', changes: [{ text: 'what is stopped now', run: ['sentinel', 'kills'] }] };
  const verb = told.decision === 'allow' ? 'cancelled' : 'refused';
  if (kill.origin === 'config') {
    const stands = standsInFile(kill.scope, policy);
    return {
      because: `[kill_switch] of the configuration stops ${kill.scope}`,
      changes: [stands ? { text: `remove it from [kill_switch] of ${file}, then`, run: RELOAD } : { text: `[kill_switch] of ${file} no longer stops it` }],
    };
  }
  const { said } = kill;
  const until = said?.until === undefined ? '' : `, until ${moment(said.until)}`;
  const because = said === undefined
    ? `an operator had stopped ${kill.scope}`
    : `${said.by} stopped ${kill.scope} at ${moment(said.at)}${until}: ${said.reason}; this call was ${verb} for it`;
  return { because, changes: [killChange(kill, overridesKnown)] };
}

function standsInFile(scope: string, { kills }: Policy): boolean {
  return kills.some((rule) => rule.origin === 'config' && scope === describeKillScope(rule.scope));
}

function killChange({ active, scope, undone, said }: KillTold, known: boolean): Change {
  if (!known) return { text: 'what operators said could not be read here; what is stopped now', run: ['sentinel', 'kills'] };
  if (active !== undefined) {
    const until = active.until === undefined ? 'until it is undone' : `until ${moment(active.until)}`;
    return { text: `${scope} is still stopped, ${until} (kill ${active.id} by ${active.by}: ${active.reason}); to undo it`, run: ['sentinel', 'unkill', active.id, '--reason', '…'] };
  }
  if (undone !== undefined) return { text: `${undone.by} undid the kill at ${moment(undone.at)}: ${undone.reason}` };
  return { text: said?.until === undefined ? `${scope} is not stopped any more` : `the kill was over at ${moment(said.until)}` };
}

// ── roles and scopes ────────────────────────────────────────────────────────

export function forbidden(one: Case): Advice {
  const { told, policy, principal, now } = one;
  const name = nameOf(one);
  const because = whyForbidden(one, name);
  const { target } = told;
  if (target === undefined) return { because, changes: [{ text: 'a role whose `allow` names it' }] };
  if (one.unjudged !== undefined) return { because, changes: [{ text: `a role whose \`allow\` names it; which ones do is not said here, for ${one.unjudged}` }] };
  const { role } = decide(policy, principal, target, timestamp(now));
  if (isOpen(role)) return { because, changes: [{ text: `the present configuration lets ${principal.roles.join(', ')} use it: ${role.rule}` }] };
  const allows = (roles: Principal['roles']): boolean => isOpen(decide(policy, { ...principal, roles }, target, timestamp(now)).role);
  const all = [...policy.roles.keys()].filter((other) => !principal.roles.includes(other));
  const besides = all.filter((other) => allows([...principal.roles, other]));
  const instead = all.filter((other) => !besides.includes(other) && allows([other]));
  const changes: Change[] = [];
  if (besides.length > 0) changes.push({ text: `no role of this subject allows ${name}; roles that do, by the present configuration: ${besides.join(', ')}. A token with one of them as well`, run: issue(one, [...principal.roles, besides[0] ?? '']) });
  if (instead.length > 0) changes.push({ text: `roles that allow ${name}, by the present configuration, in place of ${principal.roles.join(', ')}: ${instead.join(', ')}. A token with one of them`, run: issue(one, [instead[0] ?? '']) });
  if (besides.length + instead.length === 0) changes.push({ text: `no other role of the present configuration allows ${name}` });
  changes.push({ text: roleEdit(one, name), run: RELOAD });
  return { because, changes };
}

function whyForbidden({ told: { deciding, last, target, roles }, policy }: Case, name: string): string {
  const rule = deciding?.rule ?? last.rule ?? '';
  const held = roles.length === 0 ? 'no role' : roles.length === 1 ? `role ${roles[0] ?? ''}` : `roles ${roles.join(', ')}`;
  if (rule === 'role:unknown') return `the caller had ${held}, which the configuration did not know`;
  if (rule === 'role:none') return `no \`allow\` of ${held} names ${name}`;
  const denying = /^role:(.+):deny$/s.exec(rule)?.[1];
  if (denying === undefined) return `the roles do not allow ${name} (${rule})`;
  const pattern = target === undefined ? undefined : policy.roles.get(roleName(denying))?.deny.find((one) => matches(one, target));
  return `role ${denying} denies ${name}${pattern === undefined ? '' : `: its \`deny\` has ${pattern.text}`}`;
}

/** What to write for the roles as they are: every `deny` that hits has to go, and one `allow` has to name it. */
function roleEdit({ told: { target }, principal, policy, file }: Case, name: string): string {
  const known = principal.roles.map((role) => policy.roles.get(role)).filter((role) => role !== undefined);
  const [role] = known;
  const [unknown] = principal.roles;
  if (role === undefined || target === undefined) return `or define ${unknown === undefined ? 'a role' : `[rbac.roles.${unknown}]`} with allow = ["${name}"] in ${file}, then`;
  const hit = (patterns: readonly Pattern[]): readonly string[] => patterns.filter((one) => matches(one, target)).map(({ text }) => text);
  const edits = known.flatMap((one) => (hit(one.deny).length === 0 ? [] : [`take ${hit(one.deny).join(', ')} out of \`deny\` of [rbac.roles.${one.name}]`]));
  if (!known.some((one) => hit(one.allow).length > 0)) edits.push(`add "${name}" to \`allow\` of [rbac.roles.${role.name}]`);
  return `or ${edits.join(', and ')} in ${file}, then`;
}

export function insufficientScope(one: Case): Advice {
  const { told, policy } = one;
  const needed = /^scope:(.+)$/s.exec(told.deciding?.rule ?? '')?.[1] ?? told.detail;
  const above = [...(policy.scopes.find(({ name }) => name === needed)?.by ?? [])].filter((name) => name !== needed);
  const had = told.scopes === undefined ? '' : `; the token has ${told.scopes.length === 0 ? 'none' : told.scopes.join(' ')}`;
  return {
    because: `${nameOf(one)} needs the scope ${needed}${had}`,
    changes: [{
      text: `a token with the scope ${needed}${above.length === 0 ? '' : ` or one that includes it (${above.join(', ')})`}, besides those it has`,
      // A token with some of its roles would be another one.
      run: told.rolesCut ? undefined : issue(one, one.principal.roles, [...(told.scopes ?? []), needed]),
    }],
  };
}

/** Which role let it in, and by what. */
export function whyAllowed({ told: { trail, target, roles }, policy }: Case): string {
  const role = trail.find(({ stage }) => stage === 'role');
  if (role === undefined) return 'the record does not say which rule allowed it';
  const name = /^role:(.+?):allow/s.exec(role.rule)?.[1];
  if (name === undefined) return `${role.rule} allowed it${roles.length === 0 ? '' : ` for ${roles.join(', ')}`}`;
  const pattern = target === undefined ? undefined : policy.roles.get(roleName(name))?.allow.find((one) => matches(one, target));
  return `role ${name} allows it${pattern === undefined ? '' : `: its \`allow\` has ${pattern.text}`}`;
}
