// A filter as a condition of SQL, the same for both databases and wherever the rows are: a table or view with a record's members as columns.
// SQL has a third truth value and filters have none. `not` is pushed down to the terms, where what is unknown (null) is made false first; and
// and or of terms that are true or not true need no more, so that indexes still serve what is not negated.
import { type ExpressionBuilder, type ExpressionWrapper, sql, type RawBuilder, type SqlBool } from 'kysely';
import { exactOf, summands, type AuditFilter, type Comparison, type Measure, type TextPattern } from '../core/audit/filter.ts';
import type { Engine } from './database.ts';
import type { Schema } from './schema.ts';

export type RecordWhere = ExpressionBuilder<Schema, 'audit_record'>;
export type RecordCondition = ExpressionWrapper<Schema, 'audit_record', SqlBool>;

export function conditionOf(e: RecordWhere, engine: Engine, filter: AuditFilter): RecordCondition {
  return conditionThat(true, { e, engine }, filter);
}

interface Writing {
  readonly e: RecordWhere;
  readonly engine: Engine;
}

function conditionThat(holds: boolean, writing: Writing, filter: AuditFilter): RecordCondition {
  const { e } = writing;
  switch (filter.is) {
    case 'all':
    case 'any': {
      const parts = filter.of.map((one) => conditionThat(holds, writing, one));
      return (filter.is === 'all') === holds ? e.and(parts) : e.or(parts);
    }
    case 'not': return conditionThat(!holds, writing, filter.of);
    case 'text':
    case 'role':
    case 'held':
    case 'number': {
      const term = termOf(writing, filter);
      return holds ? term : e.not(e.fn.coalesce(term, sql<SqlBool>`false`));
    }
  }
}

type Term = Extract<AuditFilter, { is: 'text' | 'role' | 'held' | 'number' }>;

function termOf(writing: Writing, filter: Term): RecordCondition {
  switch (filter.is) {
    case 'text': return likeAny(writing, sql.ref<string | null>(filter.member), filter.patterns);
    case 'role': return writing.e.or(filter.patterns.map((pattern) => holdsRole(writing, pattern)));
    case 'held': return writing.e(sql.ref<string | null>(filter.member), 'is not', null);
    case 'number': return compared(writing, filter.measure, filter.comparison, filter.value);
  }
}

type Text = RawBuilder<string | null>;

/** Plain texts are looked up together, by an index where there is one. */
function likeAny(writing: Writing, text: Text, patterns: readonly TextPattern[]): RecordCondition {
  const { e } = writing;
  const plain = patterns.map(exactOf).filter((one) => one !== undefined);
  const wild = patterns.filter((pattern) => exactOf(pattern) === undefined);
  const conditions = wild.map((pattern) => likeOne(writing, text, pattern));
  const [only] = plain;
  if (plain.length === 1 && only !== undefined) conditions.push(e(text, '=', only));
  if (plain.length > 1) conditions.push(e(text, 'in', plain));
  return e.or(conditions);
}

function likeOne({ e, engine }: Writing, text: Text, pattern: TextPattern): RecordCondition {
  if (pattern.length === 1) return typeof pattern[0] === 'object' && pattern[0].wild === 'one' ? e(sql<number>`length(${text})`, '=', 1) : e(text, 'is not', null);
  if (engine === 'postgres') return e(text, 'like', likeText(pattern));
  return e(sql<number>`(${text} glob ${globText(pattern)})`, '=', 1);
}

/** `*`, `?` and `[` mean something to GLOB; alone in brackets each is itself. */
function globText(pattern: TextPattern): string {
  return pattern.map((part) => (typeof part === 'string' ? part.replaceAll(/[*?[]/g, '[$&]') : part.wild === 'run' ? '*' : '?')).join('');
}

/** `%`, `_` and the backslash mean something to LIKE; behind a backslash each is itself. */
function likeText(pattern: TextPattern): string {
  return pattern.map((part) => (typeof part === 'string' ? part.replaceAll(/[\\%_]/g, '\\$&') : part.wild === 'run' ? '%' : '_')).join('');
}

/** Roles are a JSON array of strings. Its text is looked through first, which costs much less than to read it. */
function holdsRole(writing: Writing, pattern: TextPattern): RecordCondition {
  const { e, engine } = writing;
  const like = likeAny(writing, sql.ref<string | null>('held.value'), [pattern]);
  const each = engine === 'sqlite' ? sql`json_each(roles) as held` : sql`json_array_elements_text(roles::json) as held(value)`;
  const held = e(sql<number>`case when exists (select 1 from ${each} where ${like}) then 1 else 0 end`, '=', 1);
  const exact = exactOf(pattern);
  if (exact === undefined) return held;
  const quoted = JSON.stringify(exact);
  return e.and([e(engine === 'sqlite' ? sql<number>`instr(roles, ${quoted})` : sql<number>`strpos(roles, ${quoted})`, '>', 0), held]);
}

/** The cast is for PostgreSQL, which would take a large number for one of the column's own, smaller kind. */
function compared({ e }: Writing, measure: Measure, comparison: Comparison, value: number): RecordCondition {
  const number = sql<number>`cast(${value} as bigint)`;
  const columns = summands(measure).map((member) => sql.ref<number | null>(member));
  const [only] = columns;
  if (columns.length === 1 && only !== undefined) return e(only, comparison, number);
  const sum = sql<number>`(${sql.join(columns.map((column) => sql`coalesce(${column}, 0)`), sql` + `)})`;
  return e.and([e(sum, comparison, number), e.or(columns.map((column) => e(column, 'is not', null)))]);
}
