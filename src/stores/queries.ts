// Reads the audit back: by filters and pages, one call whole, counts, and what came since. Writes nothing.
import { type ExpressionBuilder, type ExpressionWrapper, sql, type SqlBool } from 'kysely';
import { ok, type Result } from '../core/result.ts';
import type { StoreFault } from '../core/ports.ts';
import { canonicalUriPattern } from '../core/policy/uris.ts';
import { storable } from '../core/text.ts';
import type { Database, Engine } from './database.ts';
import { guarded } from './fault.ts';
import { AUDIT_COLUMNS, type AuditRow, type RecordKind, type Schema } from './schema.ts';

export interface AuditEntry extends AuditRow {
  readonly row_id: number;
}

export interface AuditFilter {
  /** Milliseconds since the epoch; `since` included, `until` not. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  readonly subject?: string | undefined;
  readonly role?: string | undefined;
  /** `tool`, `backend/tool`, `prompt:backend/name`, `resource:backend/uri`, with `*` for any run of characters and `?` for one. */
  readonly tool?: string | undefined;
  readonly backend?: string | undefined;
  readonly decision?: string | undefined;
  /** Of the end or of the refusal. */
  readonly code?: string | undefined;
  readonly status?: string | undefined;
  readonly callId?: string | undefined;
  /** Default: all but intents, so that a call is one row. */
  readonly kinds?: readonly RecordKind[] | undefined;
}

export interface AuditPage {
  /** Newest first. */
  readonly entries: readonly AuditEntry[];
  /** Give it as `before` to read on; undefined at the end. */
  readonly next: number | undefined;
}

export interface CallStory {
  /** Each in the order written. */
  readonly records: readonly AuditEntry[];
  readonly intent: AuditEntry | undefined;
  readonly outcome: AuditEntry | undefined;
}

export interface AuditCount {
  readonly target: string;
  readonly status: string;
  readonly code: string;
  readonly calls: number;
  readonly averageMs: number | undefined;
}

export interface AuditReader {
  query(filter: AuditFilter, page: { readonly limit: number; readonly before?: number | undefined }): Promise<Result<AuditPage, StoreFault>>;
  /** Undefined: no such call. */
  show(callId: string): Promise<Result<CallStory | undefined, StoreFault>>;
  /** Most frequent first. */
  stats(filter: AuditFilter, limit: number): Promise<Result<readonly AuditCount[], StoreFault>>;
  /** Oldest first. A row committed late may have a lower number than one already seen: read some rows again and compare. */
  after(filter: AuditFilter, rowId: number, limit: number): Promise<Result<readonly AuditEntry[], StoreFault>>;
  /** The number of the newest row; 0 when there is none. */
  newest(): Promise<Result<number, StoreFault>>;
}

const MOST = 1000;
const CONCLUDING: readonly RecordKind[] = ['outcome', 'refused', 'lifecycle'];

type Where = ExpressionBuilder<Schema, 'audit_record'>;
type Condition = ExpressionWrapper<Schema, 'audit_record', SqlBool>;

export function createAuditReader({ db, engine }: Database): AuditReader {
  const select = () => db.selectFrom('audit_record').select(['row_id', ...AUDIT_COLUMNS]);
  const bound = (limit: number): number => Math.max(1, Math.min(limit, MOST));
  return {
    query: (filter, { limit, before }) => guarded(async () => {
      let query = select().where((e) => e.and(conditions(e, engine, filter)));
      if (before !== undefined) query = query.where('row_id', '<', before);
      const entries = await query.orderBy('row_id', 'desc').limit(bound(limit) + 1).execute();
      const page = entries.slice(0, bound(limit));
      return ok({ entries: page, next: entries.length > page.length ? page.at(-1)?.row_id : undefined });
    }),
    show: (callId) => guarded(async () => {
      const records = await select().where('call_id', '=', callId).orderBy('row_id').limit(MOST).execute();
      if (records.length === 0) return ok(undefined);
      const kind = (word: RecordKind): AuditEntry | undefined => records.find((one) => one.kind === word);
      return ok({ records, intent: kind('intent'), outcome: kind('outcome') ?? kind('refused') });
    }),
    stats: (filter, limit) => guarded(async () => {
      const target = sql<string>`coalesce(case when object_type = 'tool' then '' else object_type || ':' end || backend || '/' || object_name, exposed, method, '-')`;
      const rows = await db.selectFrom('audit_record')
        .select([target.as('target'), 'status', 'code'])
        .select((e) => [e.fn.countAll<number>().as('calls'), sql<number | string | null>`avg(dispatch_us / 1000.0)`.as('average_ms')])
        .where((e) => e.and(conditions(e, engine, { ...filter, kinds: ['outcome', 'refused'] })))
        .groupBy([target, 'status', 'code']).orderBy('calls', 'desc').orderBy('target').limit(bound(limit)).execute();
      return ok(rows.map((row) => ({
        target: row.target, status: row.status ?? '', code: row.code ?? '', calls: row.calls,
        averageMs: row.average_ms === null ? undefined : Number(row.average_ms),
      })));
    }),
    after: (filter, rowId, limit) => guarded(async () => ok(await select().where('row_id', '>', rowId)
      .where((e) => e.and(conditions(e, engine, filter))).orderBy('row_id').limit(bound(limit)).execute())),
    newest: () => guarded(async () => {
      const row = await db.selectFrom('audit_record').select((e) => e.fn.max('row_id').as('row_id')).executeTakeFirst();
      return ok(row?.row_id ?? 0);
    }),
  };
}

function conditions(e: Where, engine: Engine, filter: AuditFilter): Condition[] {
  const found: (Condition | undefined)[] = [
    e('kind', 'in', filter.kinds ?? CONCLUDING),
    given(filter.since, (since) => e('ts', '>=', since)),
    given(filter.until, (until) => e('ts', '<', until)),
    given(filter.subject, (subject) => e('subject', '=', storable(subject))),
    given(filter.role, (role) => hasRole(e, engine, role)),
    given(filter.tool, (tool) => hasTool(e, engine, tool)),
    given(filter.backend, (backend) => matches(e, engine, 'backend', backend)),
    given(filter.decision, (decision) => e('decision', '=', decision)),
    given(filter.code, (code) => e('code', '=', code)),
    given(filter.status, (status) => e('status', '=', status)),
    given(filter.callId, (callId) => e('call_id', '=', callId)),
  ];
  return found.filter((one) => one !== undefined);
}

function given<T>(value: T | undefined, make: (value: T) => Condition): Condition | undefined {
  return value === undefined ? undefined : make(value);
}

/** Roles are a JSON array of strings; its quotes are the edges of a name. */
function hasRole(e: Where, engine: Engine, role: string): Condition {
  const quoted = JSON.stringify(storable(role));
  return e(engine === 'sqlite' ? sql<number>`instr(roles, ${quoted})` : sql<number>`strpos(roles, ${quoted})`, '>', 0);
}

/** Kinds of calls by the kind that patterns write: whoever follows a resource reads it. */
const CALL_KINDS: ReadonlyMap<string, readonly string[]> = new Map([
  ['tool', ['tool']], ['prompt', ['prompt']], ['resource', ['resource', 'listen']], ['completion', ['completion']], ['listen', ['listen']],
]);

/** A bare name is that tool on any backend, or the name the agent used. Without a kind, everything of that name. */
function hasTool(e: Where, engine: Engine, pattern: string): Condition {
  const kinds = CALL_KINDS.get(/^[a-z]+(?=:)/.exec(pattern)?.[0] ?? '');
  const written = kinds === undefined ? pattern : pattern.slice(pattern.indexOf(':') + 1);
  const slash = written.indexOf('/');
  const backend = written.slice(0, Math.max(0, slash));
  // No backend has a colon in its name: that is a URI, and its slash parts nothing.
  const bare = slash < 0 || backend.includes(':');
  const name = nameOf(bare ? written : written.slice(slash + 1), kinds);
  const named = bare ? e.or([matches(e, engine, 'object_name', name), matches(e, engine, 'exposed', written)]) : e.and([matches(e, engine, 'backend', backend), matches(e, engine, 'object_name', name)]);
  return kinds === undefined ? named : e.and([e('object_type', 'in', kinds), named]);
}

/** URIs are on record in their canonical form. */
function nameOf(written: string, kinds: readonly string[] | undefined): string {
  return kinds?.includes('listen') === true ? canonicalUriPattern(written) : written;
}

function matches(e: Where, engine: Engine, column: 'backend' | 'object_name' | 'exposed', pattern: string): Condition {
  const text = storable(pattern);
  if (!/[*?]/.test(text)) return e(column, '=', text);
  if (engine === 'sqlite') return e(sql<number>`(${sql.ref(column)} glob ${text.replaceAll('[', '[[]')})`, '=', 1);
  const like = text.replaceAll(/[\\%_]/g, '\\$&').replaceAll('*', '%').replaceAll('?', '_');
  return e(column, 'like', like);
}
