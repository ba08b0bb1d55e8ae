// The audit: an insert-only table of records, the runs that wrote them, and the view with the columns of the original's audit_log.
// A migration is never edited after a release; the next change is the next file. Works on SQLite and PostgreSQL 13 and later.
import { type CreateTableBuilder, type QueryExecutorProvider, type SchemaModule, sql } from 'kysely';

export type Engine = 'sqlite' | 'postgres';
export type Migrating = QueryExecutorProvider & { readonly schema: SchemaModule };

const TEXTS_BEFORE_REVISION = [
  'event', 'call_id', 'subject', 'issuer', 'roles', 'jti_hmac', 'kid', 'actor', 'client', 'session', 'surface', 'protocol', 'peer',
  'method', 'backend', 'object_type', 'object_name', 'exposed', 'decision', 'reason', 'rule', 'mode', 'severity', 'trail',
];

export async function up(db: Migrating, engine: Engine): Promise<void> {
  await createRecords(db, engine);
  await createIndexes(db);
  await (engine === 'sqlite' ? freezeOnSqlite(db) : freezeOnPostgres(db));
  await db.schema.createTable('audit_epoch')
    .addColumn('node', 'text', (c) => c.notNull())
    .addColumn('epoch', 'bigint', (c) => c.notNull())
    .addColumn('mark', 'text', (c) => c.notNull())
    .addColumn('started_at', 'bigint', (c) => c.notNull())
    .addColumn('ended_at', 'bigint')
    .addPrimaryKeyConstraint('audit_epoch_key', ['node', 'epoch'])
    .execute();
  await createView(db, engine);
}

async function createRecords(db: Migrating, engine: Engine): Promise<void> {
  const table: CreateTableBuilder<string, string> = engine === 'sqlite'
    ? db.schema.createTable('audit_record').addColumn('row_id', 'integer', (c) => c.primaryKey().autoIncrement())
    : db.schema.createTable('audit_record').addColumn('row_id', 'bigint', (c) => c.primaryKey().generatedAlwaysAsIdentity());
  const head: CreateTableBuilder<string, string> = table
    .addColumn('v', 'integer', (c) => c.notNull())
    .addColumn('node', 'text', (c) => c.notNull())
    .addColumn('epoch', 'bigint', (c) => c.notNull())
    .addColumn('seq', 'bigint', (c) => c.notNull())
    .addColumn('id', 'text', (c) => c.notNull().unique())
    .addColumn('ts', 'bigint', (c) => c.notNull())
    .addColumn('mono_ns', 'bigint', (c) => c.notNull())
    .addColumn('kind', 'text', (c) => c.notNull());
  await TEXTS_BEFORE_REVISION.reduce((made, name) => made.addColumn(name, 'text'), head)
    .addColumn('revision', 'bigint').addColumn('config_hash', 'text')
    .addColumn('args_hmac', 'text').addColumn('args_bytes', 'bigint').addColumn('args_shape', 'text').addColumn('args', 'text')
    .addColumn('status', 'text').addColumn('is_error', 'integer').addColumn('code', 'text')
    .addColumn('result_hmac', 'text').addColumn('result_bytes', 'bigint')
    .addColumn('admit_us', 'bigint').addColumn('queue_us', 'bigint').addColumn('dispatch_us', 'bigint').addColumn('screen_us', 'bigint')
    .addColumn('trace_id', 'text').addColumn('fault', 'text').addColumn('detail', 'text')
    .addUniqueConstraint('audit_record_place', ['node', 'epoch', 'seq'])
    .execute();
}

async function createIndexes(db: Migrating): Promise<void> {
  const index = (name: string, columns: readonly string[]) => db.schema.createIndex(name).on('audit_record').columns([...columns]);
  await index('audit_record_ts', ['ts']).execute();
  await index('audit_record_call', ['call_id']).execute();
  await index('audit_record_subject', ['subject', 'ts']).execute();
  await index('audit_record_target', ['backend', 'object_name', 'ts']).execute();
  // A call has one outcome, whoever else thinks to know better (J07).
  await sql`create unique index audit_record_one_outcome on audit_record (call_id) where kind = 'outcome'`.execute(db);
}

async function freezeOnSqlite(db: Migrating): Promise<void> {
  for (const change of ['update', 'delete']) {
    await sql`create trigger ${sql.id(`audit_record_no_${change}`)} before ${sql.raw(change)} on audit_record
      begin select raise(abort, 'audit_record is insert-only'); end`.execute(db);
  }
}

async function freezeOnPostgres(db: Migrating): Promise<void> {
  await sql`create function audit_record_frozen() returns trigger language plpgsql as $$
    begin raise exception 'audit_record is insert-only' using errcode = 'insufficient_privilege'; end $$`.execute(db);
  await sql`create trigger audit_record_no_change before update or delete on audit_record
    for each row execute function audit_record_frozen()`.execute(db);
  await sql`create trigger audit_record_no_truncate before truncate on audit_record
    for each statement execute function audit_record_frozen()`.execute(db);
}

/** One row per tool call: the first record of the call, joined with its outcome. */
async function createView(db: Migrating, engine: Engine): Promise<void> {
  const word = engine === 'sqlite' ? SQLITE_WORDS : POSTGRES_WORDS;
  await sql`create view audit_log as
    select
      r.row_id as id,
      r.call_id as request_id,
      ${word.time('r.ts')} as timestamp,
      coalesce(r.subject, 'anonymous') as client_subject,
      coalesce(${word.roles}, '') as client_role,
      coalesce(r.exposed, r.object_name, '') as tool_name,
      coalesce(r.backend, 'unknown') as backend_name,
      ${word.params} as request_args,
      case when r.kind = 'intent' then coalesce(o.status, 'error') else r.status end as response_status,
      case when r.kind = 'intent' and o.row_id is null then 'indeterminate' else coalesce(o.fault, r.fault) end as error_message,
      ${word.milliseconds} as latency_ms,
      ${word.time('coalesce(o.ts, r.ts)')} as created_at
    from audit_record r
    left join audit_record o on r.kind = 'intent' and o.kind = 'outcome' and o.call_id = r.call_id
    where (r.kind = 'intent' and r.object_type = 'tool')
      or (r.kind = 'refused' and r.method = 'tools/call')
      or (r.kind = 'outcome' and r.object_type = 'tool'
        and not exists (select 1 from audit_record i where i.kind = 'intent' and i.call_id = r.call_id))`.execute(db);
}

const LATENCY = `(coalesce(o.admit_us, 0) + coalesce(o.queue_us, 0) + coalesce(o.dispatch_us, 0) + coalesce(o.screen_us, 0)) / 1000`;

const SQLITE_WORDS = {
  time: (column: string) => sql.raw(`strftime('%Y-%m-%dT%H:%M:%fZ', ${column} / 1000.0, 'unixepoch')`),
  roles: sql.raw(`(select group_concat(value, ',') from json_each(r.roles))`),
  params: sql.raw(`json_object('name', coalesce(r.exposed, r.object_name), 'arguments', json(coalesce(r.args, '{}')))`),
  milliseconds: sql.raw(`cast(${LATENCY} as integer)`),
};

const POSTGRES_WORDS = {
  time: (column: string) => sql.raw(`to_timestamp((${column}) / 1000.0)`),
  roles: sql.raw(`(select string_agg(value, ',') from json_array_elements_text(r.roles::json))`),
  params: sql.raw(`jsonb_build_object('name', coalesce(r.exposed, r.object_name), 'arguments', coalesce(r.args, '{}')::jsonb)`),
  milliseconds: sql.raw(LATENCY),
};
