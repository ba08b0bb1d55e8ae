// The audit read back where the journal is the store: the same questions as to PostgreSQL, put to one segment after the other.
import { type ExpressionBuilder, type ExpressionWrapper, Kysely, type SelectQueryBuilder, sql, type SqlBool } from 'kysely';
import { all, oneOf, type AuditFilter } from '../../core/audit/filter.ts';
import { ok } from '../../core/result.ts';
import { conditionOf } from '../filter-sql.ts';
import { guarded } from '../fault.ts';
import { type AuditCount, type AuditEntry, type AuditReader, bounded, CALLS_ENDED, storyOf, TARGET } from '../queries.ts';
import type { Schema } from '../schema.ts';
import { sqliteDialect } from '../sqlite-dialect.ts';
import { inlineSession } from '../sqlite-session.ts';
import { listSegments, type SegmentFile } from './folder.ts';
import { MEMBER_NAMES } from './members.ts';
import { voidPlaces } from './reading.ts';
import { placeOf, rowIdOf } from './segment.ts';

/** Nothing is kept open between two questions. */
export function journalReader(directories: readonly string[]): AuditReader {
  return {
    query: (filter, { limit, before }) => guarded(async () => {
      const wanted = bounded(limit);
      const found: AuditEntry[] = [];
      const from = before === undefined ? undefined : placeOf(before);
      const voids = voidPlaces(directories);
      for (const file of listSegments(directories).toReversed()) {
        if (from !== undefined && file.number > from.number) continue;
        const rows = await ask(file, voids, (select) => {
          const older = from?.number === file.number ? select.where(sql<number>`row`, '<', from.row) : select;
          return older.where((e) => conditionOf(e, 'sqlite', filter)).orderBy(sql`row`, 'desc').limit(wanted + 1 - found.length).execute();
        });
        found.push(...rows);
        if (found.length > wanted) break;
      }
      const entries = found.slice(0, wanted);
      return ok({ entries, next: found.length > wanted ? entries.at(-1)?.row_id : undefined });
    }),
    show: (callId) => guarded(async () => {
      const found: AuditEntry[] = [];
      const voids = voidPlaces(directories);
      for (const file of listSegments(directories)) found.push(...await ask(file, voids, (select) => select.where('call_id', '=', callId).orderBy(sql`row`).limit(bounded(Infinity)).execute()));
      return ok(storyOf(found));
    }),
    stats: (filter, limit) => guarded(async () => ok(await counts(filter, bounded(limit), directories))),
    after: (filter, rowId, limit) => guarded(async () => {
      const found: AuditEntry[] = [];
      const from = placeOf(rowId);
      const voids = voidPlaces(directories);
      for (const file of listSegments(directories)) {
        if (file.number < from.number || found.length >= bounded(limit)) continue;
        found.push(...await ask(file, voids, (select) => select.where(sql<number>`row`, '>', file.number === from.number ? from.row : 0)
          .where((e) => conditionOf(e, 'sqlite', filter)).orderBy(sql`row`).limit(bounded(limit) - found.length).execute()));
      }
      return ok(found);
    }),
    newest: () => guarded(async () => {
      const file = listSegments(directories).at(-1);
      if (file === undefined) return ok(0);
      return withSegment(file, async (db) => {
        const row = await db.selectFrom('audit_record').select(sql<number | null>`max(row)`.as('row')).executeTakeFirst();
        return ok(rowIdOf(file.number, row?.row ?? 0));
      });
    }),
  };
}

async function withSegment<T>({ path }: SegmentFile, look: (db: Kysely<Schema>) => Promise<T>): Promise<T> {
  const db = new Kysely<Schema>({ dialect: sqliteDialect(inlineSession({ path, readOnly: true })) });
  try {
    return await look(db);
  } finally {
    await db.destroy();
  }
}

type Select = SelectQueryBuilder<Schema, 'audit_record', AuditEntry>;

/** Made once for a question: it looks into each segment. */
type Voids = ReturnType<typeof voidPlaces>;

function ask(file: SegmentFile, voids: Voids, question: (select: Select) => Promise<AuditEntry[]>): Promise<AuditEntry[]> {
  return withSegment(file, (db) => question(db.selectFrom('audit_record').select(['row_id', ...MEMBER_NAMES]).where((e) => valid(e, file, voids))));
}

/** Not those that stand in a later segment, because this one was left after an error. */
function valid(e: ExpressionBuilder<Schema, 'audit_record'>, file: SegmentFile, voids: Voids): ExpressionWrapper<Schema, 'audit_record', SqlBool> {
  const places = [...voids.get(file.number) ?? []];
  return e.and(places.map(([epoch, seq]) => sql<SqlBool>`not (epoch = ${epoch} and seq >= ${seq})`));
}

async function counts(filter: AuditFilter, limit: number, directories: readonly string[]): Promise<readonly AuditCount[]> {
  const found = new Map<string, { target: string; status: string; code: string; calls: number; us: number; timed: number }>();
  const voids = voidPlaces(directories);
  for (const file of listSegments(directories)) {
    const rows = await withSegment(file, (db) => db.selectFrom('audit_record')
      .select([TARGET.as('target'), 'status', 'code'])
      .select((e) => [e.fn.countAll<number>().as('calls'), sql<number>`coalesce(sum(dispatch_us), 0)`.as('us'), sql<number>`count(dispatch_us)`.as('timed')])
      .where((e) => e.and([conditionOf(e, 'sqlite', all([filter, oneOf('kind', CALLS_ENDED)])), valid(e, file, voids)]))
      .groupBy([TARGET, 'status', 'code']).execute());
    for (const { target, calls, us, timed, ...row } of rows) {
      const [status, code] = [row.status ?? '', row.code ?? ''];
      const known = found.get(JSON.stringify([target, status, code])) ?? { target, status, code, calls: 0, us: 0, timed: 0 };
      found.set(JSON.stringify([target, status, code]), { ...known, calls: known.calls + calls, us: known.us + us, timed: known.timed + timed });
    }
  }
  return [...found.values()].toSorted((a, b) => b.calls - a.calls || (a.target < b.target ? -1 : 1)).slice(0, limit)
    .map(({ target, status, code, calls, us, timed }) => ({ target, status, code, calls, averageMs: timed === 0 ? undefined : us / timed / 1000 }));
}
