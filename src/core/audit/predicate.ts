// A filter asked of one record that was parsed: for exports and live views. Says what the SQL of the stores says (a property test holds them together).
import { summands, type AuditFilter, type Comparison, type Measure, type TextPattern, type Wild } from './filter.ts';

/** A record as JSON gives it: absent members are missing or null, `roles` is a list. */
export type RecordView = Readonly<Record<string, unknown>>;
export type Predicate = (record: RecordView) => boolean;

/** Made once, asked often. */
export function predicateOf(filter: AuditFilter): Predicate {
  switch (filter.is) {
    case 'all': {
      const parts = filter.of.map(predicateOf);
      return (record) => parts.every((part) => part(record));
    }
    case 'any': {
      const parts = filter.of.map(predicateOf);
      return (record) => parts.some((part) => part(record));
    }
    case 'not': {
      const part = predicateOf(filter.of);
      return (record) => !part(record);
    }
    case 'text': {
      const isLike = matcher(filter.patterns);
      return (record) => {
        const text = record[filter.member];
        return typeof text === 'string' && isLike(text);
      };
    }
    case 'role': {
      const isLike = matcher(filter.patterns);
      return ({ roles }) => Array.isArray(roles) && roles.some((role) => typeof role === 'string' && isLike(role));
    }
    case 'held': return (record) => record[filter.member] !== undefined && record[filter.member] !== null;
    case 'number': return (record) => {
      const value = measureOf(record, filter.measure);
      return value !== undefined && compares(value, filter.comparison, filter.value);
    };
  }
}

function measureOf(record: RecordView, measure: Measure): number | undefined {
  let sum: number | undefined;
  for (const member of summands(measure)) {
    const value = record[member];
    if (typeof value === 'number') sum = (sum ?? 0) + value;
  }
  return sum;
}

function compares(left: number, comparison: Comparison, right: number): boolean {
  switch (comparison) {
    case '=': return left === right;
    case '<': return left < right;
    case '<=': return left <= right;
    case '>': return left > right;
    case '>=': return left >= right;
  }
}

export function matcher(patterns: readonly TextPattern[]): (text: string) => boolean {
  const exact = new Set(patterns.filter((pattern) => pattern.every((part) => typeof part === 'string')).map((pattern) => pattern.join('')));
  const wild = patterns.filter((pattern) => pattern.some((part) => typeof part !== 'string')).map(tokensOf);
  return (text) => {
    if (exact.has(text)) return true;
    if (wild.length === 0) return false;
    const characters = [...text];
    return wild.some((tokens) => tokensMatch(tokens, characters));
  };
}

/** Characters and wildcards, one each: databases count characters, and so does this. */
function tokensOf(pattern: TextPattern): readonly (string | Wild)[] {
  return pattern.flatMap((part): readonly (string | Wild)[] => (typeof part === 'string' ? [...part] : [part]));
}

/** Greedy, going back to the last run only: what comes before it has matched as early as it can. At most tokens × characters steps. */
function tokensMatch(tokens: readonly (string | Wild)[], characters: readonly string[]): boolean {
  let at = 0;
  let from = 0;
  let run = -1;
  let resume = 0;
  while (from < characters.length) {
    const token = tokens[at];
    if (typeof token === 'object' && token.wild === 'run') {
      run = at;
      resume = from;
      at += 1;
    } else if (token !== undefined && (typeof token === 'object' || token === characters[from])) {
      at += 1;
      from += 1;
    } else {
      if (run < 0) return false;
      resume += 1;
      at = run + 1;
      from = resume;
    }
  }
  return tokens.slice(at).every((token) => typeof token === 'object' && token.wild === 'run');
}
