// What else the audit knows of the moment of a call: the kill that stood in its way, and how its backend was.
import { all, compare, oneOf, type AuditFilter } from '../core/audit/filter.ts';
import { backendId, roleName, timestamp } from '../core/ids.ts';
import { describeKillScope, type KillOverride, type KillScope, type Override } from '../core/override.ts';
import { hits } from '../core/policy/decide.ts';
import { compilePattern } from '../core/policy/globs.ts';
import type { Principal } from '../core/principal.ts';
import type { StoreFault } from '../core/ports.ts';
import { ok, type Result } from '../core/result.ts';
import type { Target } from '../core/call.ts';
import type { Audit, AuditEntry } from './audit.ts';
import { members, type Told } from './why-told.ts';

export interface KillTold {
  readonly scope: string;
  readonly origin: 'config' | 'operator';
  /** When an operator said it, as the audit has it. */
  readonly said: { readonly by: string; readonly at: number; readonly reason: string; readonly until: number | undefined } | undefined;
  readonly undone: { readonly by: string; readonly at: number; readonly reason: string } | undefined;
  /** It, or another of the same scope, is in force now. */
  readonly active: KillOverride | undefined;
}

export interface BackendTold {
  readonly state: string;
  readonly note: string;
  readonly at: number;
}

type Reading = Pick<Audit, 'query' | 'after'>;

/** Looked through at most, newest first: who kills more often has `audit query`. */
const EVENTS = 1000;
/** A kill that waits for its record: longer than any store is waited for. */
const LATE_MS = 60_000;

export async function killTold(audit: Reading, told: Told, { overrides, principal }: { readonly overrides: readonly Override[]; readonly principal: Principal }): Promise<Result<KillTold | undefined, StoreFault>> {
  const { last, first } = told;
  const rule = /^kill:(config|operator):(.+)$/s.exec(told.trail.find(({ stage, decision }) => stage === 'kill' && decision === 'deny')?.rule ?? '');
  const events = await audit.query(lifecycle(last.node, ['killed', 'unkilled'], last.ts + LATE_MS), { limit: EVENTS });
  if (!events.ok) return events;
  const cancelling = last.code === 'cancelled_kill' ? events.value.entries.findLast((event) => event.event === 'killed' && event.ts >= first.ts && isHit(event, told.target, principal)) : undefined;
  const scope = rule?.[2] ?? textOf(cancelling, 'scope');
  if (scope === undefined) return ok(undefined);
  const origin = rule?.[1] === 'config' ? 'config' : 'operator';
  const event = origin === 'config' ? undefined : (cancelling ?? standing(events.value.entries.filter((one) => textOf(one, 'scope') === scope), last.ts));
  const undone = event === undefined ? undefined : await undoing(audit, event, scope);
  if (undone?.ok === false) return undone;
  const active = overrides.find((one): one is KillOverride => one.kind === 'kill' && describeKillScope(one.scope) === scope);
  return ok({ scope, origin, said: event === undefined ? undefined : { ...saidIn(event), until: numberOf(event, 'until') }, undone: undone?.value, active });
}

/** The kill that held at that time. It is in force before it is on record: where none holds, it is the next one. */
function standing(newestFirst: readonly AuditEntry[], at: number): AuditEntry | undefined {
  const before = newestFirst.find(({ ts }) => ts <= at);
  return before?.event === 'killed' ? before : newestFirst.findLast(({ ts, event }) => ts > at && event === 'killed');
}

async function undoing(audit: Reading, event: AuditEntry, scope: string): Promise<Result<KillTold['undone'], StoreFault>> {
  const later = await audit.after(all([oneOf('node', [event.node]), oneOf('kind', ['lifecycle']), oneOf('event', ['unkilled'])]), event.row_id, EVENTS);
  if (!later.ok) return later;
  const found = later.value.find((one) => textOf(one, 'scope') === scope);
  return ok(found === undefined ? undefined : saidIn(found));
}

/** The last that was said of the backend before the call ended. */
export async function backendTold(audit: Reading, { last }: Told): Promise<Result<BackendTold | undefined, StoreFault>> {
  const events = await audit.query(lifecycle(last.node, ['backend'], last.ts), { limit: EVENTS });
  if (!events.ok) return events;
  const event = events.value.entries.find((one) => textOf(one, 'backend') === last.backend);
  return ok(event === undefined ? undefined : { state: textOf(event, 'state') ?? '', note: textOf(event, 'note') ?? '', at: event.ts });
}

/** Of the node that made the call: in PostgreSQL there are others, with kills and backends of their own. */
function lifecycle(node: string, events: readonly string[], until: number): AuditFilter {
  return all([oneOf('node', [node]), oneOf('kind', ['lifecycle']), oneOf('event', events), compare('ts', '<=', until)]);
}

function saidIn(event: AuditEntry): { readonly by: string; readonly at: number; readonly reason: string } {
  return { by: event.actor ?? '', at: event.ts, reason: textOf(event, 'reason') ?? '' };
}

function textOf(event: AuditEntry | undefined, member: string): string | undefined {
  const value = event === undefined ? undefined : members(event.detail)[member];
  return typeof value === 'string' ? value : undefined;
}

function numberOf(event: AuditEntry, member: string): number | undefined {
  const value = members(event.detail)[member];
  return typeof value === 'number' ? value : undefined;
}

function isHit(event: AuditEntry, target: Target | undefined, principal: Principal): boolean {
  const scope = scopeOf(textOf(event, 'scope') ?? '');
  if (scope === undefined || target === undefined) return false;
  const pattern = scope.kind === 'tool' ? compilePattern(scope.pattern) : undefined;
  return hits({ scope, pattern: pattern?.ok === true ? pattern.value : undefined, origin: 'operator', until: undefined }, principal, target, timestamp(event.ts));
}

/** The reverse of `describeKillScope`. */
export function scopeOf(text: string): KillScope | undefined {
  if (text === 'all') return { kind: 'all' };
  const [kind = '', name = ''] = [text.slice(0, Math.max(0, text.indexOf(' '))), text.slice(text.indexOf(' ') + 1)];
  switch (kind) {
    case 'tool': return { kind, pattern: name };
    case 'backend': return { kind, backend: backendId(name) };
    case 'role': return { kind, role: roleName(name) };
    case 'subject': return { kind, subject: name };
    default: return undefined;
  }
}
