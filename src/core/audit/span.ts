// Between which moments a filter can only be true: what lies elsewhere (a day's partition, a segment) need not be opened.
import type { AuditFilter } from './filter.ts';

export interface Span {
  /** Milliseconds since 1970, included. Undefined: no bound. */
  readonly from: number | undefined;
  /** Not included. */
  readonly before: number | undefined;
}

const UNBOUND: Span = { from: undefined, before: undefined };

/** Never narrower than the truth. */
export function spanOf(filter: AuditFilter): Span {
  switch (filter.is) {
    case 'all': return filter.of.map(spanOf).reduce((one, other) => ({ from: outer(one.from, other.from, Math.max), before: outer(one.before, other.before, Math.min) }), UNBOUND);
    case 'any': {
      const spans = filter.of.map(spanOf);
      return { from: bound(spans.map(({ from }) => from), Math.min), before: bound(spans.map(({ before }) => before), Math.max) };
    }
    case 'number': return filter.measure === 'ts' ? ofMoment(filter.comparison, filter.value) : UNBOUND;
    case 'not':
    case 'text':
    case 'held':
    case 'role': return UNBOUND;
  }
}

function ofMoment(comparison: Extract<AuditFilter, { is: 'number' }>['comparison'], at: number): Span {
  switch (comparison) {
    case '=': return { from: at, before: at + 1 };
    case '>=': return { from: at, before: undefined };
    case '>': return { from: at + 1, before: undefined };
    case '<': return { from: undefined, before: at };
    case '<=': return { from: undefined, before: at + 1 };
  }
}

function outer(one: number | undefined, other: number | undefined, pick: (...of: readonly number[]) => number): number | undefined {
  return one === undefined ? other : other === undefined ? one : pick(one, other);
}

/** One without a bound has none for all of them; none at all, neither. */
function bound(of: readonly (number | undefined)[], pick: (...of: readonly number[]) => number): number | undefined {
  const known = of.filter((one) => one !== undefined);
  return known.length === of.length && known.length > 0 ? pick(...known) : undefined;
}
