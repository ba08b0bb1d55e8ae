// What is asked of the audit: one condition on records, as data. The predicate beside this file and the SQL of the stores read the same tree.
// There are two answers and no third: a comparison with what a record does not have is false, and its `not` is true.
import { storable } from '../text.ts';

/** `run`: any characters or none; `one`: one character, as people count them. */
export interface Wild {
  readonly wild: 'run' | 'one';
}

/** Text with wildcards in it. What is plain is fit to be compared with what is stored. */
export type TextPattern = readonly (string | Wild)[];

export type TextMember =
  | 'node' | 'id' | 'kind' | 'event' | 'call_id' | 'subject' | 'issuer' | 'jti_hmac' | 'kid' | 'actor' | 'client' | 'session' | 'surface' | 'protocol'
  | 'peer' | 'method' | 'backend' | 'object_type' | 'object_name' | 'exposed' | 'decision' | 'reason' | 'rule' | 'mode' | 'severity' | 'config_hash'
  | 'args_hmac' | 'status' | 'code' | 'result_hmac' | 'trace_id' | 'fault' | 'owner' | 'ruling' | 'class';

export type NumberMember =
  | 'epoch' | 'seq' | 'ts' | 'revision' | 'args_bytes' | 'is_error' | 'result_bytes' | 'admit_us' | 'queue_us' | 'dispatch_us' | 'screen_us' | 'attempts';

/** Of these it can only be asked whether a record has them: what they hold is for nobody to look through. */
export type HeldMember = 'captured';

/** A member, or a sum of those of some members that a record has: absent where it has none of them. */
export type Measure = NumberMember | 'took_us' | 'bytes';

const SUMS: Readonly<Record<'took_us' | 'bytes', readonly NumberMember[]>> = {
  took_us: ['admit_us', 'queue_us', 'dispatch_us', 'screen_us'],
  bytes: ['args_bytes', 'result_bytes'],
};

export function summands(measure: Measure): readonly NumberMember[] {
  return measure === 'took_us' || measure === 'bytes' ? SUMS[measure] : [measure];
}

export type Comparison = '=' | '<' | '<=' | '>' | '>=';

export type AuditFilter =
  /** All of nothing is every record, any of nothing is none. */
  | { readonly is: 'all' | 'any'; readonly of: readonly AuditFilter[] }
  | { readonly is: 'not'; readonly of: AuditFilter }
  /** The whole text is like one of the patterns. */
  | { readonly is: 'text'; readonly member: TextMember; readonly patterns: readonly TextPattern[] }
  /** One of the roles is like one of the patterns. */
  | { readonly is: 'role'; readonly patterns: readonly TextPattern[] }
  | { readonly is: 'held'; readonly member: HeldMember }
  | { readonly is: 'number'; readonly measure: Measure; readonly comparison: Comparison; readonly value: number };

export const EVERYTHING: AuditFilter = Object.freeze({ is: 'all', of: [] });

/** Both; what asks for nothing is left out. */
export function all(of: readonly AuditFilter[]): AuditFilter {
  const parts = of.flatMap((one) => (one.is === 'all' ? one.of : [one]));
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : { is: 'all', of: parts };
}

export function any(of: readonly AuditFilter[]): AuditFilter {
  const [only] = of;
  return of.length === 1 && only !== undefined ? only : { is: 'any', of };
}

export function not(of: AuditFilter): AuditFilter {
  return of.is === 'not' ? of.of : { is: 'not', of };
}

/** The member is exactly one of these. */
export function oneOf(member: TextMember, texts: readonly string[]): AuditFilter {
  return { is: 'text', member, patterns: texts.map(plainText) };
}

export function like(member: TextMember, pattern: TextPattern): AuditFilter {
  return { is: 'text', member, patterns: [pattern] };
}

export function compare(measure: Measure, comparison: Comparison, value: number): AuditFilter {
  return { is: 'number', measure, comparison, value };
}

export function plainText(text: string): TextPattern {
  return [storable(text)];
}

/** Every `*` and `?` is a wildcard. */
export function globText(text: string): TextPattern {
  return joined((text.match(/\*+|\?|[^*?]+/g) ?? []).map((part) => (part.startsWith('*') ? { wild: 'run' } : part === '?' ? { wild: 'one' } : part)));
}

/** Neighbouring texts as one, several runs as one run. */
export function joined(parts: TextPattern): TextPattern {
  const made: (string | Wild)[] = [];
  for (const part of parts) {
    const last = made.at(-1);
    if (typeof part === 'string') {
      if (typeof last === 'string') made[made.length - 1] = last + part;
      else made.push(part);
    } else if (part.wild === 'one' || typeof last !== 'object' || last.wild !== 'run') made.push(part);
  }
  return made.map((part) => (typeof part === 'string' ? storable(part) : part));
}

/** The text that alone is like it; undefined when there are wildcards. */
export function exactOf(pattern: TextPattern): string | undefined {
  return pattern.every((part) => typeof part === 'string') ? pattern.join('') : undefined;
}

/** As it would be written; a plain `*` or `?` cannot be told from a wildcard. */
export function written(pattern: TextPattern): string {
  return pattern.map((part) => (typeof part === 'string' ? part : part.wild === 'run' ? '*' : '?')).join('');
}

/** Whether a member is asked about anywhere in it. */
export function mentions(filter: AuditFilter, member: TextMember | HeldMember): boolean {
  switch (filter.is) {
    case 'all':
    case 'any': return filter.of.some((one) => mentions(one, member));
    case 'not': return mentions(filter.of, member);
    case 'text':
    case 'held': return filter.member === member;
    case 'role':
    case 'number': return false;
  }
}
