// One term of a filter: a field, an operator and values, as a condition. Says what was expected where it cannot be one.
import { err, ok, type Result } from '../result.ts';
import { fieldNamed, operatorsOf, valuesOf, type Field } from './fields.ts';
import { any, compare, exactOf, not, oneOf, written, type AuditFilter, type Comparison, type HeldMember, type NumberMember, type Measure, type TextMember, type TextPattern } from './filter.ts';
import { matcher } from './predicate.ts';
import { targetLike } from './target.ts';
import { parseBytes, parseCount, parseMoment, parseTook } from './units.ts';

export interface TermFault {
  /** Which value is wrong; undefined: the operator. */
  readonly value: number | undefined;
  readonly message: string;
  /** One of these was perhaps meant. */
  readonly near: readonly string[];
  readonly help: string | undefined;
}

export type Operator = Comparison | '!=' | 'in';

/** `in` is one that is equal, `!=` none that is. */
export function termOf(field: Field, operator: Operator, values: readonly TextPattern[]): Result<AuditFilter, TermFault> {
  if (!operatorsOf(field).includes(operator)) {
    return err({ value: undefined, near: [], message: `${field.name} cannot be compared by ${operator}: it takes ${operatorsOf(field).join(' ')}`, help: undefined });
  }
  const comparison = operator === '!=' || operator === 'in' ? '=' : operator;
  const parts: AuditFilter[] = [];
  for (const [index, value] of values.entries()) {
    const part = valueOf(field, comparison, value);
    if (!part.ok) return err({ ...part.error, value: index });
    parts.push(part.value);
  }
  const one = any(merged(parts));
  return ok(operator === '!=' ? not(one) : one);
}

/** Texts of one member are looked up together. */
function merged(parts: readonly AuditFilter[]): readonly AuditFilter[] {
  const [first] = parts;
  if (first?.is === 'text' && parts.every((part) => part.is === 'text' && part.member === first.member)) {
    return [{ ...first, patterns: parts.flatMap((part) => (part.is === 'text' ? part.patterns : [])) }];
  }
  if (first?.is === 'role') return [{ is: 'role', patterns: parts.flatMap((part) => (part.is === 'role' ? part.patterns : [])) }];
  return parts;
}

type Part = Result<AuditFilter, Omit<TermFault, 'value'>>;

function valueOf(field: Field, comparison: Comparison, value: TextPattern): Part {
  const { type } = field;
  switch (type.is) {
    case 'text': return ok({ is: 'text', member: type.member, patterns: [value] });
    case 'role': return ok({ is: 'role', patterns: [value] });
    case 'tool': return ok(targetLike(value));
    case 'word': return wordOf(field, { member: type.member, words: type.words }, comparison, value);
    case 'yes': return yesOf(field, type.member, value);
    case 'held': return heldOf(field, type.member, value);
    case 'moment': return numberOf(field, 'ts', comparison, { value, read: parseMoment });
    case 'count': return numberOf(field, type.member, comparison, { value, read: parseCount });
    case 'took': return numberOf(field, type.measure, comparison, { value, read: parseTook });
    case 'size': return numberOf(field, type.measure, comparison, { value, read: parseBytes });
  }
}

interface Words {
  readonly member: TextMember;
  readonly words: readonly string[];
}

/** A word that no record can have is a typo, and would find nothing for ever. */
function wordOf(field: Field, { member, words }: Words, comparison: Comparison, value: TextPattern): Part {
  const meant = words.filter(matcher([value]));
  if (meant.length === 0 || (comparison !== '=' && exactOf(value) === undefined)) return notThat(field, value, words);
  const at = words.indexOf(meant[0] ?? '');
  switch (comparison) {
    case '=': return ok(oneOf(member, meant));
    case '<': return ok(oneOf(member, words.slice(0, at)));
    case '<=': return ok(oneOf(member, words.slice(0, at + 1)));
    case '>': return ok(oneOf(member, words.slice(at + 1)));
    case '>=': return ok(oneOf(member, words.slice(at)));
  }
}

function yesOf(field: Field, member: NumberMember, value: TextPattern): Part {
  const said = truthOf(value);
  return said === undefined ? notThat(field, value, ['true', 'false']) : ok(compare(member, '=', said ? 1 : 0));
}

/** `= *` asks whether there is one, as of every field. */
function heldOf(field: Field, member: HeldMember, value: TextPattern): Part {
  const said = isAnything(value) ? true : truthOf(value);
  if (said === undefined) return notThat(field, value, ['true', 'false']);
  return ok(said ? { is: 'held', member } : not({ is: 'held', member }));
}

function isAnything(value: TextPattern): boolean {
  const [only] = value;
  return value.length === 1 && typeof only === 'object' && only.wild === 'run';
}

function truthOf(value: TextPattern): boolean | undefined {
  const said = exactOf(value)?.toLowerCase() ?? '';
  if (said === 'true' || said === 'yes' || said === '1') return true;
  return said === 'false' || said === 'no' || said === '0' ? false : undefined;
}

function numberOf(field: Field, measure: Measure, comparison: Comparison, { value, read }: { readonly value: TextPattern; readonly read: (text: string) => number | undefined }): Part {
  const number = read(exactOf(value) ?? '*');
  return number === undefined ? notThat(field, value, []) : ok(compare(measure, comparison, number));
}

function notThat(field: Field, value: TextPattern, near: readonly string[]): Part {
  const span = field.type.is === 'moment' && /^\d+(?:s|min|m|h|d|w)/.test(written(value));
  return err({ message: `${field.name} is ${valuesOf(field)}, not "${written(value)}"`, near, help: span ? `since ${written(value)}` : undefined });
}

/** For who has the values already: what cannot be is a mistake of the program. */
export function term(name: string, operator: Operator, ...values: readonly TextPattern[]): AuditFilter {
  const field = fieldNamed(name);
  const made = field === undefined ? undefined : termOf(field, operator, values);
  if (made?.ok !== true) throw new Error(`no term: ${name} ${operator} ${values.map(written).join(', ')}`);
  return made.value;
}
