// OAuth scopes of agents' tokens (RFC 6749 §3.3): which one a target needs, and whether a token has it. A scope never allows what roles
// forbid: it is asked after them (R13). Pure.
import type { Era, Target } from '../call.ts';
import type { Decision } from '../decision.ts';
import type { Principal } from '../principal.ts';
import type { Policy, ScopeRules } from '../snapshot.ts';
import { matches } from './globs.ts';

/** Longer names have no use, and records repeat them. */
const NAME_MAX = 128;
/** A token's scopes beyond this are not read (see `identity/scopes.ts`). */
export const SCOPES_MAX = 100;

/** `scope-token` of RFC 6749 §3.3, of a bounded length. */
export function isScopeName(text: string): boolean {
  return text.length <= NAME_MAX && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(text);
}

/** Names that would stand for everything: no configuration may define one, and no challenge may name one (SEC40, T150). */
export function isOmnibus(name: string): boolean {
  return name.includes('*') || OMNIBUS.has(name.toLowerCase());
}

/** `offline_access` is a matter between a client and its authorization server, not of a resource (OpenID Connect Core §11). */
const OMNIBUS: ReadonlySet<string> = new Set(['all', 'full-access', 'full_access', 'offline_access']);

/** A target that no scope names needs none. One that several name needs any of them. Without a token there is no grant to look at (R17). */
export function decideScope({ scopes }: Policy, principal: Principal, target: Target): Decision {
  if (scopes.length === 0 || principal.via === 'local') return { kind: 'pass', rule: 'scope:none' };
  const naming = scopes.filter(({ allow }) => allow.some((pattern) => matches(pattern, target)));
  if (naming.length === 0) return { kind: 'pass', rule: 'scope:none' };
  const has = naming.find(({ by }) => principal.scopes.some((one) => by.has(one)));
  const token = `the token has ${listed(principal.scopes)}`;
  if (has !== undefined) return { kind: 'pass', rule: `scope:${has.name}`, note: `scope ${has.name}: ${token}` };
  const needed = leastOf(naming);
  return { kind: 'deny', rule: `scope:${needed}`, reason: { code: 'insufficient_scope', scopes: [needed] }, severity: 'low', note: `needs scope ${needed}: ${token}` };
}

/** The one that gives the least: a scope above another that would do is not asked for (SEC38). Of several, the first in the file. */
function leastOf(naming: readonly ScopeRules[]): string {
  const least = naming.find((one) => !naming.some((other) => other !== one && other.by.has(one.name)));
  return least?.name ?? naming[0]?.name ?? '';
}

/**
 * What the challenge of a 403 names. 2026-07-28 (SEP-2350) asks for the scopes of the operation alone, and agents add what they had; those
 * of 2025 ask for exactly what they are told, and would lose the rest: they are told theirs again, as far as this gateway knows it.
 */
export function challengedScopes({ scopes }: Policy, principal: Principal, needed: readonly string[], era: Era): readonly string[] {
  if (era === 'modern') return needed;
  const kept = principal.scopes.filter((own) => {
    const rules = scopes.find(({ name }) => name === own);
    return rules !== undefined && !needed.some((name) => rules.by.has(name));
  });
  return [...kept, ...needed];
}

const NOTED = 20;

/** For the record: what a token was granted is no secret, and shows an elevation for what it is (R12). */
function listed(scopes: readonly string[]): string {
  if (scopes.length === 0) return 'none';
  const shown = scopes.slice(0, NOTED).join(' ');
  return scopes.length > NOTED ? `${shown} and ${scopes.length - NOTED} more` : shown;
}
