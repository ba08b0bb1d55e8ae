// What the records of one call tell about it, read back: who asked for what, what each stage said, how it ended. No values of arguments.
import { MODES, SEVERITIES } from '../core/audit/fields.ts';
import type { Evidence } from '../core/decision.ts';
import { backendId } from '../core/ids.ts';
import type { Target, TargetKind } from '../core/call.ts';
import { MASK } from '../core/masking.ts';
import { rulingOf, type Verdict } from '../core/ruling.ts';
import type { AuditEntry, CallStory } from './audit.ts';

export interface Told {
  readonly call: string;
  readonly first: AuditEntry;
  /** Where it ended, or all there is. */
  readonly last: AuditEntry;
  readonly concluded: boolean;
  readonly roles: readonly string[];
  /** The record does not name all of them, or not by their whole names. */
  readonly rolesCut: boolean;
  /** As far as a stage noted them. */
  readonly scopes: readonly string[] | undefined;
  readonly trail: readonly Evidence[];
  /** What decided, of all that the stages said. */
  readonly deciding: Evidence | undefined;
  /** Undefined: the record does not say, as those of another gateway's audit may not. */
  readonly decision: Verdict | undefined;
  /** What the rules said. */
  readonly ruling: Verdict | undefined;
  /** Why the rules said deny: also where nothing was refused for it. */
  readonly reason: string | undefined;
  /** Undefined where the record does not tell its whole name. */
  readonly target: Target | undefined;
  /** The record does not tell this one from `target`. */
  readonly orElse: Target | undefined;
  /** `fault` without the code it begins with. */
  readonly detail: string;
}

export function toldBy(call: string, { records, intent, outcome }: CallStory): Told | undefined {
  const first = intent ?? records[0];
  const last = outcome ?? first;
  if (first === undefined || last === undefined) return undefined;
  const trail = trailOf(last.trail);
  const deciding = rulingOf(trail);
  const decision = verdictOf(last.decision);
  // Records of version 1 do not say it.
  const ruling = verdictOf(last.ruling) ?? (deciding?.decision === 'deny' ? 'deny' : decision);
  const roles = textsOf(last.roles ?? first.roles);
  const [target, orElse] = targetsOf(last);
  const fault = last.fault ?? '';
  const prefix = `${last.code ?? ''}: `;
  return {
    call, first, last, concluded: outcome !== undefined, trail, deciding, decision, ruling,
    roles, rolesCut: roles.length >= MOST_ROLES || roles.some(isCut), scopes: scopesOf(trail), target, orElse,
    reason: last.reason ?? (ruling === 'deny' && deciding !== undefined ? reasonOf(deciding) : undefined),
    detail: fault.startsWith(prefix) ? fault.slice(prefix.length) : fault,
  };
}

function verdictOf(word: string | null): Verdict | undefined {
  return word === 'allow' || word === 'deny' ? word : undefined;
}

const REASONS: Readonly<Record<string, string>> = { kill: 'killed', role: 'forbidden', limit: 'limited', arguments: 'invalid_arguments', guards: 'guarded' };

/** Under monitor and shadow nothing is refused, so that no reason is recorded: the stage says which it would have been. */
function reasonOf({ stage, rule }: Evidence): string | undefined {
  if (rule.startsWith('scope:')) return 'insufficient_scope';
  if (rule === 'arguments:headers') return 'header_mismatch';
  return Object.hasOwn(REASONS, stage) ? REASONS[stage] : undefined;
}

const KINDS: Readonly<Record<string, TargetKind>> = { tool: 'tool', task: 'tool', prompt: 'prompt', resource: 'resource', listen: 'resource' };

/** Cut names end in a count and a piece of their digest. */
const CUT = /…\[\+\d+\](?:#[0-9a-f]+)?$/;
/** A record names so many roles at most: where it names as many, there may have been more. */
const MOST_ROLES = 32;

export function isCut(text: string): boolean {
  return CUT.test(text) || text.includes(MASK);
}

/** The likeliest first; more than one where the record does not tell them apart. */
function targetsOf({ object_type: type, object_name: name, exposed, backend }: AuditEntry): readonly Target[] {
  if (type === null || name === null || backend === null || isCut(name)) return [];
  const kinds = type === 'completion' ? completed(name, exposed) : Object.hasOwn(KINDS, type) ? [KINDS[type]] : [];
  return kinds.flatMap((kind) => (kind === undefined ? [] : [{ kind, backend: backendId(backend), name }]));
}

/**
 * A completion is judged as what it completes: a prompt by its name, a template by its URI. A prompt's name may have a colon too; the name it is
 * exposed under has none, unless it is exposed under its own.
 */
function completed(name: string, exposed: string | null): readonly TargetKind[] {
  if (!name.includes(':')) return ['prompt'];
  if (exposed === null || exposed === name) return ['resource', 'prompt'];
  return [exposed.includes(':') ? 'resource' : 'prompt'];
}

/** `the token has a b`, `the token has none`. A list that was cut is none that could be judged by. */
function scopesOf(trail: readonly Evidence[]): readonly string[] | undefined {
  const note = trail.find(({ stage }) => stage === 'role')?.note ?? '';
  const listed = /the token has (.+)$/.exec(note)?.[1];
  if (listed === undefined || / and \d+ more$/.test(listed)) return undefined;
  return listed === 'none' ? [] : listed.split(' ');
}

export function members(json: string | null): Readonly<Record<string, unknown>> {
  const value = parsed(json);
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function textsOf(json: string | null): readonly string[] {
  const value = parsed(json);
  return Array.isArray(value) ? value.map(String) : [];
}

function parsed(json: string | null): unknown {
  try {
    return json === null ? undefined : JSON.parse(json);
  } catch {
    return undefined;
  }
}

const DECISIONS: readonly Evidence['decision'][] = ['pass', 'deny', 'rewrite', 'hold'];

function trailOf(json: string | null): readonly Evidence[] {
  const value = parsed(json);
  // What goes without saying is not on record.
  const steps: readonly object[] = Array.isArray(value) ? value.map((step: unknown) => ({ mode: 'enforce', severity: 'info', note: undefined, ...(typeof step === 'object' ? step : {}) })) : [];
  return steps.filter(isEvidence);
}

function isEvidence(step: object): step is Evidence {
  const of = (name: string): unknown => Reflect.get(step, name);
  const isIn = (name: string, words: readonly string[]): boolean => words.includes(String(of(name)));
  const note = of('note');
  return typeof of('stage') === 'string' && typeof of('rule') === 'string' && isIn('decision', DECISIONS) && isIn('mode', MODES) && isIn('severity', SEVERITIES) && (note === undefined || typeof note === 'string');
}
