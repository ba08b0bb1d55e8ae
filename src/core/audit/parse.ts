// The language of filters: terms joined by and, or, not and brackets. `and` binds closer than `or`. Bounded in length, depth and terms.
import { ok, type Result } from '../result.ts';
import { FIELDS, fieldNamed, operatorsOf, valuesOf, type Field } from './fields.ts';
import { all, any, compare, EVERYTHING, exactOf, not, type AuditFilter, type TextPattern } from './filter.ts';
import { tokensOf, type FilterFault, type Token } from './lex.ts';
import { termOf, type Operator } from './terms.ts';
import { parseSpan, parseMoment } from './units.ts';

export interface ParseOptions {
  /** What spans such as `since 2h` count back from, in milliseconds since 1970. Undefined: they are refused, for what stands in a file is read at no moment. */
  readonly now: number | undefined;
  /** The nearest word, for whoever mistyped. */
  readonly suggest: (word: string, candidates: Iterable<string>) => string | undefined;
}

const DEPTH = 16;
/** Values, all together. */
const TERMS = 128;

const KEYWORDS: ReadonlySet<string> = new Set(['and', 'or', 'not', 'in', 'since', 'until']);
const OPERATORS: ReadonlySet<string> = new Set<Operator>(['=', '!=', '<', '<=', '>', '>=', 'in']);

type Parsed = Result<AuditFilter, FilterFault>;

/** An empty text asks for everything. */
export function parseFilter(text: string, options: ParseOptions): Parsed {
  const tokens = tokensOf(text);
  if (!tokens.ok) return tokens;
  const reader = new Reader(tokens.value, options);
  if (reader.peek().is === 'end') return ok(EVERYTHING);
  const filter = reader.either(0);
  if (!filter.ok) return filter;
  const rest = reader.peek();
  return rest.is === 'end' ? filter : reader.fault(rest, rest.is === 'close' ? 'this bracket closes nothing' : 'expected "and", "or" or the end');
}

class Reader {
  readonly #tokens: readonly Token[];
  readonly #options: ParseOptions;
  #at = 0;
  #terms = 0;

  constructor(tokens: readonly Token[], options: ParseOptions) {
    this.#tokens = tokens;
    this.#options = options;
  }

  peek(): Token {
    const token = this.#tokens[this.#at] ?? this.#tokens.at(-1);
    if (token === undefined) throw new Error('a text has an end');
    return token;
  }

  fault({ at, length }: Token, message: string, help?: string): { readonly ok: false; readonly error: FilterFault } {
    return { ok: false, error: { at, length, message, help } };
  }

  either(depth: number): Parsed {
    return this.#joined(depth, 'or', (inner) => this.#both(inner), any);
  }

  #both(depth: number): Parsed {
    return this.#joined(depth, 'and', (inner) => this.#factor(inner), all);
  }

  #joined(depth: number, word: 'and' | 'or', read: (depth: number) => Parsed, join: (of: readonly AuditFilter[]) => AuditFilter): Parsed {
    const parts: AuditFilter[] = [];
    do {
      const part = read(depth);
      if (!part.ok) return part;
      parts.push(part.value);
    } while (this.#took(word));
    return ok(join(parts));
  }

  #factor(depth: number): Parsed {
    const token = this.#next();
    if (depth > DEPTH) return this.fault(token, `brackets and "not" may stand in each other at most ${DEPTH} deep`);
    if (isKeyword(token, 'not')) {
      const inner = this.#factor(depth + 1);
      return inner.ok ? ok(not(inner.value)) : inner;
    }
    if (token.is !== 'open') return this.#term(token);
    const inner = this.either(depth + 1);
    if (!inner.ok) return inner;
    return this.#next().is === 'close' ? inner : this.fault(token, 'this bracket is never closed');
  }

  #term(token: Token): Parsed {
    if (token.is !== 'word') return this.fault(token, 'expected a field such as decision, tool or subject', LISTED);
    if (isKeyword(token, 'since') || isKeyword(token, 'until')) return this.#moment(token.text.toLowerCase() === 'since' ? '>=' : '<');
    const field = fieldNamed(token.text);
    if (field === undefined) return this.#unknown(token);
    const negated = this.#took('not');
    const operator = this.#next();
    const word = operator.is === 'word' ? operator.text.toLowerCase() : operator.text;
    if (!isOperator(word) || (operator.is !== 'operator' && word !== 'in') || (negated && word !== 'in')) {
      const written = operator.is === 'operator' ? `there is no operator ${word}: ` : '';
      return this.fault(operator, `${written}expected ${operatorsOf(field).join(' ')} after "${field.name}"`, word === '==' ? `${field.name} = …` : undefined);
    }
    const made = this.#comparison(field, operator, word);
    return made.ok && negated ? ok(not(made.value)) : made;
  }

  #comparison(field: Field, operator: Token, word: Operator): Parsed {
    const values = word === 'in' ? this.#list(field) : this.#values(field);
    if (!values.ok) return values;
    const made = termOf(field, word, values.value.map(({ value }) => value));
    if (made.ok) return made;
    const { value: index, message, near, help } = made.error;
    const wrong = index === undefined ? operator : values.value[index] ?? operator;
    const guess = this.#options.suggest(wrong.text, near);
    return this.fault(wrong, message, guess === undefined ? help : `did you mean "${guess}"?`);
  }

  #values(field: Field): Result<readonly Token[], FilterFault> {
    const token = this.#next();
    if (token.is !== 'word' && token.is !== 'quoted') return this.fault(token, `expected ${valuesOf(field)}`);
    this.#terms += 1;
    return this.#terms > TERMS ? this.fault(token, `a filter has at most ${TERMS} values`) : ok([token]);
  }

  #list(field: Field): Result<readonly Token[], FilterFault> {
    const open = this.#next();
    if (open.is !== 'open') return this.fault(open, 'expected ( and a list of values', `${field.name} in (…, …)`);
    const values: Token[] = [];
    do {
      const value = this.#values(field);
      if (!value.ok) return value;
      values.push(...value.value);
    } while (this.#takes('comma'));
    const close = this.#next();
    if (close.is === 'end') return this.fault(open, 'this bracket is never closed');
    return close.is === 'close' ? ok(values) : this.fault(close, 'expected , or )');
  }

  #moment(comparison: '>=' | '<'): Parsed {
    const token = this.#next();
    const at = token.is === 'word' || token.is === 'quoted' ? this.#momentOf(token.value) : undefined;
    if (at === 'no moment') return this.fault(token, 'what stands in a file is read at no moment to count back from: expected a time such as 2026-11-21T00:00Z');
    if (at === undefined) return this.fault(token, 'expected a span back from now such as 2h or 7d, or a time such as 2026-11-21T00:00Z');
    return ok(compare('ts', comparison, at));
  }

  #momentOf(value: TextPattern): number | 'no moment' | undefined {
    const text = exactOf(value) ?? '';
    const back = parseSpan(text);
    if (back === undefined) return parseMoment(text);
    return this.#options.now === undefined ? 'no moment' : this.#options.now - back;
  }

  #unknown(token: Token): Parsed {
    if (KEYWORDS.has(token.text.toLowerCase())) return this.fault(token, `expected a field before "${token.text}"`, LISTED);
    const near = this.#options.suggest(token.text, FIELDS.map(({ name }) => name));
    return this.fault(token, `there is no field "${token.text}"`, near === undefined ? LISTED : `did you mean "${near}"?`);
  }

  #next(): Token {
    const token = this.peek();
    this.#at += 1;
    return token;
  }

  #took(word: string): boolean {
    return isKeyword(this.peek(), word) && this.#next().is === 'word';
  }

  #takes(is: Token['is']): boolean {
    return this.peek().is === is && this.#next().is === is;
  }
}

const LISTED = 'sentinel audit filter lists the fields';

function isKeyword(token: Token, word: string): boolean {
  return token.is === 'word' && token.text.toLowerCase() === word;
}

function isOperator(word: string): word is Operator {
  return OPERATORS.has(word);
}
