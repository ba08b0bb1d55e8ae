// What a principal might do at one moment, as text to compare: what was answered under other rights is not told again. It decides nothing:
// whatever differs, in whichever direction, differs.
import type { Principal } from '../../core/principal.ts';
import type { Policy, Snapshot } from '../../core/snapshot.ts';
import type { Pattern } from '../../core/policy/globs.ts';

/** Under what a stream of answers was opened, or is asked for again. */
export function rightsOf(principal: Principal, snapshot: Snapshot): string {
  const { issuer, subject, roles, via, scopes } = principal;
  const { settings, policy } = snapshot;
  return JSON.stringify([issuer, subject, roles, via, scopes, settings.backends.map(({ id, hide }) => [id, hide]), ...rulesOf(roles, policy)]);
}

/** Kills of others are in it too: a change more costs a rest of an answer, and a change less would tell what may not be told. */
function rulesOf(roles: Principal['roles'], { kills, roles: known, scopes }: Policy): readonly unknown[] {
  return [
    kills.map(({ scope }) => scope),
    roles.map((name) => known.get(name)).map((rules) => (rules === undefined ? undefined : [rules.name, rules.mode, texts(rules.allow), texts(rules.deny)])),
    scopes.map(({ name, allow, by }) => [name, texts(allow), [...by].toSorted()]),
  ];
}

function texts(patterns: readonly Pattern[]): readonly string[] {
  return patterns.map(({ text }) => text);
}
