// Reads the audit back: by filters and pages, one call whole, counts, and what came since. Writes nothing.
import { type RawBuilder, sql, type SqlBool } from 'kysely';
import { all, compare, oneOf, type AuditFilter } from '../core/audit/filter.ts';
import { ok, type Result } from '../core/result.ts';
import type { StoreFault } from '../core/ports.ts';
import type { Database } from './database.ts';
import { guarded } from './fault.ts';
import { conditionOf } from './filter-sql.ts';
import { MEMBER_NAMES, type RecordKind } from './journal/members.ts';
import type { AuditRow } from './schema.ts';
import { daysOf, daysOfCall, looksOf } from './ship/pruning.ts';

export interface AuditEntry extends AuditRow {
  readonly row_id: number;
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
/** A call is counted where it ended. */
export const CALLS_ENDED: readonly string[] = ['outcome', 'refused'];
const ENDED = oneOf('kind', CALLS_ENDED);

/** Rows of one page. */
export function bounded(limit: number): number {
  return Math.max(1, Math.min(limit, MOST));
}

/** What a record is about, in one word. */
export const TARGET: RawBuilder<string> = sql<string>`coalesce(case when object_type = 'tool' then '' else object_type || ':' end || backend || '/' || object_name, exposed, method, '-')`;

/** The records of one call, in the order written; undefined when there are none. */
export function storyOf(records: readonly AuditEntry[]): CallStory | undefined {
  if (records.length === 0) return undefined;
  const kind = (word: RecordKind): AuditEntry | undefined => records.find((one) => one.kind === word);
  return { records, intent: kind('intent'), outcome: kind('outcome') ?? kind('refused') };
}

/** Of PostgreSQL: newest first is by time, and a journal reads itself. `now` only chooses which days are looked into first. */
export function createAuditReader({ db, engine }: Database, now: () => number = Date.now): AuditReader {
  const select = () => db.selectFrom('audit_record').select(['row_id', ...MEMBER_NAMES]);
  return {
    query: (filter, { limit, before }) => guarded(async () => {
      const wanted = bounded(limit);
      const from = before === undefined ? undefined : await db.selectFrom('audit_record').select('ts').where('row_id', '=', before).executeTakeFirst();
      const older = from === undefined ? filter : all([filter, compare('ts', '<=', from.ts)]);
      const found: AuditEntry[] = [];
      for (const days of looksOf(older, now())) {
        let query = select().where((e) => conditionOf(e, engine, older)).where(days);
        if (before !== undefined) query = query.where(from === undefined ? sql<SqlBool>`row_id < ${before}` : sql<SqlBool>`(ts, row_id) < (${from.ts}, ${before})`);
        found.push(...await query.orderBy('ts', 'desc').orderBy('row_id', 'desc').limit(wanted + 1 - found.length).execute());
        if (found.length > wanted) break;
      }
      const page = found.slice(0, wanted);
      return ok({ entries: page, next: found.length > page.length ? page.at(-1)?.row_id : undefined });
    }),
    show: (callId) => guarded(async () => {
      return ok(storyOf(await select().where('call_id', '=', callId).where(daysOfCall(callId)).orderBy('row_id').limit(MOST).execute()));
    }),
    stats: (filter, limit) => guarded(async () => {
      const rows = await db.selectFrom('audit_record')
        .select([TARGET.as('target'), 'status', 'code'])
        .select((e) => [e.fn.countAll<number>().as('calls'), sql<number | string | null>`avg(dispatch_us / 1000.0)`.as('average_ms')])
        .where((e) => conditionOf(e, engine, all([filter, ENDED]))).where(daysOf(filter))
        .groupBy([TARGET, 'status', 'code']).orderBy('calls', 'desc').orderBy('target').limit(bounded(limit)).execute();
      return ok(rows.map((row) => ({
        target: row.target, status: row.status ?? '', code: row.code ?? '', calls: row.calls,
        averageMs: row.average_ms === null ? undefined : Number(row.average_ms),
      })));
    }),
    after: (filter, rowId, limit) => guarded(async () => ok(await select().where('row_id', '>', rowId)
      .where((e) => conditionOf(e, engine, filter)).orderBy('row_id').limit(bounded(limit)).execute())),
    newest: () => guarded(async () => {
      const row = await db.selectFrom('audit_record').select((e) => e.fn.max('row_id').as('row_id')).executeTakeFirst();
      return ok(row?.row_id ?? 0);
    }),
  };
}
