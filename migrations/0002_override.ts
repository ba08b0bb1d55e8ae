// What operators said at run time: kills and revocations. Undone ones stay, with who undid them and why.
import { type QueryExecutorProvider, type SchemaModule, sql } from 'kysely';

export async function up(db: QueryExecutorProvider & { readonly schema: SchemaModule }): Promise<void> {
  await db.schema.createTable('override')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('subject', 'text', (c) => c.notNull())
    .addColumn('actor', 'text', (c) => c.notNull())
    .addColumn('reason', 'text', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addColumn('until_at', 'bigint')
    .addColumn('undone_at', 'bigint')
    .addColumn('undone_by', 'text')
    .addColumn('undone_reason', 'text')
    .execute();
  await sql`create index override_active on override (at) where undone_at is null`.execute(db);
}
