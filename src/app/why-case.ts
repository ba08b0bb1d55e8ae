// What advice on a call is made from, and what it is. See why-advice.ts.
import type { DenyCode } from '../core/decision.ts';
import { targetKey } from '../core/call.ts';
import { roleName, timestamp } from '../core/ids.ts';
import type { RefusalReason } from '../core/outcome.ts';
import type { Principal } from '../core/principal.ts';
import { rfc3339 } from '../core/rfc3339.ts';
import type { Settings } from '../core/settings.ts';
import type { Policy } from '../core/snapshot.ts';
import type { BackendTold, KillTold } from './why-past.ts';
import type { Told } from './why-told.ts';

export interface Change {
  readonly text: string;
  /** A command line, word by word. */
  readonly run?: readonly string[] | undefined;
}

export interface Advice {
  readonly because: string;
  readonly changes: readonly Change[];
}

/** All that advice is made from. */
export interface Case {
  readonly told: Told;
  readonly principal: Principal;
  readonly settings: Settings;
  readonly policy: Policy;
  readonly file: string;
  readonly now: number;
  /** False: what operators said could not be read. */
  readonly overridesKnown: boolean;
  /** Why the record does not tell enough of it to judge it again; undefined: it does. */
  readonly unjudged: string | undefined;
  readonly kill: KillTold | undefined;
  readonly backend: BackendTold | undefined;
}

export type Reason = DenyCode | RefusalReason['code'];
export type Advise = (one: Case) => Advice;

export const RELOAD: readonly string[] = ['sentinel', 'reload'];
export const STATUS: readonly string[] = ['sentinel', 'status'];
export const DOCTOR: readonly string[] = ['sentinel', 'doctor'];

export function moment(at: number): string {
  return rfc3339(timestamp(at));
}

/** As policies write it; else as the agent did. */
export function nameOf({ told: { target, last } }: Case): string {
  return target === undefined ? (last.exposed ?? last.object_name ?? last.method ?? 'it') : targetKey(target);
}

/** In quotes, with every sign as itself. */
export function quoted(text: string): string {
  return `"${text.replaceAll(/[\\"*?]/g, '\\$&')}"`;
}

/** The command that makes a token with these roles, where this gateway makes tokens. Roles that no configuration knows would do nothing. */
export function issue({ principal, policy, settings: { auth } }: Case, roles: readonly string[], scopes: readonly string[] = []): readonly string[] | undefined {
  if (auth.ownKeys === undefined && auth.hmac === undefined) return undefined;
  const given = roles.filter((role) => policy.roles.has(roleName(role))).flatMap((role) => ['--role', role]);
  return ['sentinel', 'token', 'issue', '--subject', principal.subject, ...given, ...scopes.flatMap((scope) => ['--scope', scope]), ...(auth.ownKeys === undefined ? ['--hs256'] : [])];
}
