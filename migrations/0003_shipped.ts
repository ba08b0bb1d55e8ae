// PostgreSQL: the audit as the journals of all nodes ship it: one partition a day, insert-only, retired by detaching. Records of the
// first form are carried over. The embedded store stays as it was: its records go into the journal from there.
import { type QueryExecutorProvider, type RawBuilder, type SchemaModule, sql } from 'kysely';

type Migrating = QueryExecutorProvider & { readonly schema: SchemaModule };

const FIRST_FORM = [
  'v', 'node', 'epoch', 'seq', 'id', 'ts', 'mono_ns', 'kind', 'event', 'call_id', 'subject', 'issuer', 'roles', 'jti_hmac', 'kid', 'actor', 'client',
  'session', 'surface', 'protocol', 'peer', 'method', 'backend', 'object_type', 'object_name', 'exposed', 'decision', 'reason', 'rule', 'mode',
  'severity', 'trail', 'revision', 'config_hash', 'args_hmac', 'args_bytes', 'args_shape', 'args', 'status', 'is_error', 'code', 'result_hmac',
  'result_bytes', 'admit_us', 'queue_us', 'dispatch_us', 'screen_us', 'trace_id', 'fault', 'detail',
];
/** Of the other numbers bigint holds more than JSON does. */
const NUMBERS = new Set([
  'epoch', 'seq', 'ts', 'mono_ns', 'revision', 'args_bytes', 'result_bytes', 'admit_us', 'queue_us', 'dispatch_us', 'screen_us', 'attempts',
]);
const SMALL = new Set(['v', 'is_error']);
const REQUIRED = new Set(['v', 'node', 'epoch', 'seq', 'id', 'ts', 'mono_ns', 'kind']);
const SECOND_FORM = [...FIRST_FORM.toSpliced(FIRST_FORM.indexOf('seq') + 1, 0, 'prev'), 'owner', 'ruling', 'class', 'attempts', 'captured'];

/** What the view and the filters read out of a row: one row of which they could not would hide all the others behind its error. */
const READABLE = `constraint audit_record_roles check (roles is null or jsonb_typeof(roles::jsonb) = 'array'),
    constraint audit_record_args check (args is null or args::jsonb is not null),
    constraint audit_record_times check (greatest(admit_us, queue_us, dispatch_us, screen_us) <= 9007199254740991 and least(admit_us, queue_us, dispatch_us, screen_us) >= -9007199254740991)`;

/** Rows of one statement of the carry-over: well below what a client waits for an answer. */
const CHUNK = 5000;
/** Any number that nobody else in this database locks. */
const LOCK = 7_365_110_118;

export async function up(db: Migrating, engine: 'sqlite' | 'postgres'): Promise<void> {
  if (engine === 'sqlite') return;
  const { rows: [place] } = await sql<{ schema: string }>`select current_schema() as schema`.execute(db);
  if (place === undefined) throw new Error('the search path of the database names no schema');
  await sql`set local statement_timeout = 0`.execute(db);
  await setAside(db);
  await createRecords(db);
  await createCompanions(db);
  await createDays(db, sql.id(place.schema));
  await createRetention(db, sql.id(place.schema));
  await createGrants(db, sql.id(place.schema));
  await createView(db);
  await carryOver(db);
  await sql`select sentinel_audit_partitions(14)`.execute(db);
  await sql`select sentinel_audit_grant('sentinel_app', 'sentinel_auditor')`.execute(db);
}

/** The names of its indexes are wanted for the new table; the rest of it stays, frozen as before. */
async function setAside(db: Migrating): Promise<void> {
  await sql`drop view audit_log`.execute(db);
  await sql`alter table audit_record rename to audit_record_v1`.execute(db);
  for (const index of ['ts', 'call', 'subject', 'target', 'one_outcome']) await sql`drop index ${sql.id(`audit_record_${index}`)}`.execute(db);
}

async function createRecords(db: Migrating): Promise<void> {
  const type = (name: string): string => (SMALL.has(name) ? 'integer' : NUMBERS.has(name) ? 'bigint' : 'text');
  const columns = SECOND_FORM.map((name) => `${name} ${type(name)}${REQUIRED.has(name) ? ' not null' : ''}`).join(', ');
  await sql`create sequence audit_record_arrival as bigint`.execute(db);
  // A gateway of the release before, still running, names no day. Runs of the first form were numbered apart, hence v in the key.
  await sql`create table audit_record (
    row_id bigint not null default nextval('audit_record_arrival'), ${sql.raw(columns)},
    day date not null default (now() at time zone 'UTC')::date,
    ${sql.raw(READABLE)},
    constraint audit_record_key primary key (day, node, epoch, seq, v)) partition by range (day)`.execute(db);
  await sql`create table audit_record_default partition of audit_record default`.execute(db);
  const index = (name: string, rest: string) => sql`create index ${sql.id(`audit_record_${name}`)} on audit_record ${sql.raw(rest)}`.execute(db);
  // Measured on ten million records: each question of `sentinel audit` that names one of these answers in a tenth of a second.
  await index('row', '(row_id)');
  await index('ts', '(ts)');
  await index('when', '(to_timestamp(ts / 1000.0))');
  await index('call', '(call_id)');
  await index('trace', 'using hash (trace_id)');
  await index('subject', '(subject, ts)');
  await index('backend', '(backend, ts)');
  await index('object', '(object_name text_pattern_ops, ts)');
  await index('exposed', '(exposed text_pattern_ops, ts)');
  await index('denied', `(ts) where decision = 'deny'`);
  await index('denied_subject', `(subject, ts) where decision = 'deny'`);
  await index('code', `(code, ts) where code <> 'ok'`);
  await index('event', '(event, ts) where event is not null');
  await freeze(db, 'audit_record');
  await sql`create trigger audit_record_no_truncate before truncate on audit_record_default for each statement execute function audit_record_frozen()`.execute(db);
}

async function freeze(db: Migrating, table: string): Promise<void> {
  await sql`create or replace function audit_record_frozen() returns trigger language plpgsql as $$
    begin raise exception '% is insert-only', tg_table_name using errcode = 'insufficient_privilege'; end $$`.execute(db);
  await sql`create trigger audit_record_no_change before update or delete on ${sql.id(table)} for each row execute function audit_record_frozen()`.execute(db);
  await sql`create trigger audit_record_no_truncate before truncate on ${sql.id(table)} for each statement execute function audit_record_frozen()`.execute(db);
}

async function createCompanions(db: Migrating): Promise<void> {
  await sql`create table checkpoint (node text not null, epoch bigint not null, size bigint not null, note text not null,
    primary key (node, epoch, size))`.execute(db);
  // The first record of each run: whoever runs with a copy of another's state directory meets it here, on whatever day.
  await sql`create table audit_start (node text not null, epoch bigint not null, id text not null, ts bigint not null, primary key (node, epoch))`.execute(db);
  await sql`create table audit_refused (node text not null, place bigint not null, record bytea not null, state text not null, detail text not null,
    at timestamptz not null default now(), primary key (node, place))`.execute(db);
  for (const table of ['checkpoint', 'audit_start', 'audit_refused']) await freeze(db, table);
  await sql`create table audit_policy (one boolean primary key default true check (one), min_age_days integer not null default 400 check (min_age_days > 0),
    hold boolean not null default false, detached_before date)`.execute(db);
  await sql`insert into audit_policy default values`.execute(db);
}

/** What runs with the owner's rights trusts no name that its caller could put in the way. */
async function definer(db: Migrating, schema: RawBuilder<unknown>, name: string): Promise<void> {
  await sql`alter function ${sql.raw(name)} security definer set search_path = ${schema}, pg_temp`.execute(db);
  // Dates become text and dates again on the way: in the caller's style the fifth of October would come back as the tenth of May.
  await sql`alter function ${sql.raw(name)} set datestyle = 'ISO, YMD'`.execute(db);
  await sql`revoke all on function ${sql.raw(name)} from public`.execute(db);
}

async function createDays(db: Migrating, schema: RawBuilder<unknown>): Promise<void> {
  // Attached, not created in place: so writers and readers of the other days go on.
  await sql`create function sentinel_audit_make(for_day date) returns text language plpgsql as $$
    declare made text := 'audit_record_' || pg_catalog.to_char(for_day::timestamp, 'YYYYMMDD');
    begin
      perform pg_advisory_xact_lock(${sql.raw(String(LOCK))});
      if to_regclass(made) is not null then
        return case when exists (select from pg_inherits where inhrelid = to_regclass(made)) then 'there' else 'detached' end;
      end if;
      if exists (select from audit_record_default where day = for_day) then return 'default'; end if;
      execute pg_catalog.format('create table %I (like audit_record including defaults including constraints)', made);
      begin
        execute pg_catalog.format('alter table audit_record attach partition %I for values from (%L) to (%L)', made, for_day, for_day + 1);
      exception when invalid_object_definition then
        -- A partition of more than one day has it.
        execute pg_catalog.format('drop table %I', made);
        return 'there';
      end;
      execute pg_catalog.format('create trigger audit_record_no_truncate before truncate on %I for each statement execute function audit_record_frozen()', made);
      return 'made';
    end $$`.execute(db);
  await sql`revoke all on function sentinel_audit_make(date) from public`.execute(db);
  await sql`create function sentinel_audit_partition(for_day date) returns text language plpgsql as $$
    declare today date := (now() at time zone 'UTC')::date;
    begin
      if for_day is null or for_day > today + 31 or for_day < today - (select min_age_days from audit_policy) then return 'refused'; end if;
      return sentinel_audit_make(for_day);
    end $$`.execute(db);
  await definer(db, schema, 'sentinel_audit_partition(date)');
  await sql`create function sentinel_audit_partitions(days_ahead int) returns table (for_day date, state text) language plpgsql as $$
    declare today date := (now() at time zone 'UTC')::date;
    begin
      for ahead in 0 .. least(greatest(days_ahead, 0), 31) loop
        for_day := today + ahead;
        state := sentinel_audit_partition(for_day);
        return next;
      end loop;
      return query select distinct r.day, 'default' from audit_record_default r where r.day < today or r.day > today + least(greatest(days_ahead, 0), 31);
    end $$`.execute(db);
  await definer(db, schema, 'sentinel_audit_partitions(int)');
}

async function createRetention(db: Migrating, schema: RawBuilder<unknown>): Promise<void> {
  await sql`create function sentinel_audit_detach(before date) returns setof text language plpgsql as $$
    declare kept audit_policy; old text;
    begin
      select * into strict kept from audit_policy;
      if kept.hold then raise exception 'the audit is on hold: nothing is detached' using errcode = 'insufficient_privilege'; end if;
      if before is null or before > (now() at time zone 'UTC')::date - kept.min_age_days then
        raise exception 'the last % days stay: audit_policy says so', kept.min_age_days using errcode = 'insufficient_privilege';
      end if;
      perform pg_advisory_xact_lock(${sql.raw(String(LOCK))});
      for old in select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'audit_record'::regclass
        and substring(pg_get_expr(c.relpartbound, c.oid) from $re$TO \\('([^']+)'\\)$re$)::date <= before order by 1
      loop
        execute pg_catalog.format('alter table audit_record detach partition %I', old);
        -- Detaching takes the triggers of the parent away.
        execute pg_catalog.format('create trigger audit_record_no_change before update or delete on %I for each row execute function audit_record_frozen()', old);
        return next old;
      end loop;
      update audit_policy set detached_before = greatest(detached_before, before);
    end $$`.execute(db);
  await definer(db, schema, 'sentinel_audit_detach(date)');
  // Rows of the default partition into days of their own, so that those can be retired too. For the owner, in a quiet hour.
  await sql`create function sentinel_audit_settle() returns bigint language plpgsql as $$
    declare today date := (now() at time zone 'UTC')::date; stray date; moved bigint;
    begin
      perform pg_advisory_xact_lock(${sql.raw(String(LOCK))});
      alter table audit_record detach partition audit_record_default;
      alter table audit_record_default rename to audit_record_settling;
      create table audit_record_default partition of audit_record default;
      create trigger audit_record_no_truncate before truncate on audit_record_default for each statement execute function audit_record_frozen();
      for stray in select distinct day from audit_record_settling where day between today - 3650 and today + 31 loop perform sentinel_audit_make(stray); end loop;
      insert into audit_record select * from audit_record_settling;
      select count(*) into moved from audit_record_settling s where not exists (select from audit_record_default d where d.day = s.day and d.row_id = s.row_id);
      drop table audit_record_settling;
      return moved;
    end $$`.execute(db);
  await sql`revoke all on function sentinel_audit_settle() from public`.execute(db);
}

/** Also called by the shipped postgres-roles.sql; roles that are not there are passed over. */
async function createGrants(db: Migrating, schema: RawBuilder<unknown>): Promise<void> {
  await sql`create function sentinel_audit_grant(app text, auditor text) returns void language plpgsql as $$
    begin
      if exists (select from pg_roles where rolname = app) then
        execute pg_catalog.format('grant select, insert on checkpoint, audit_start, audit_refused to %I', app);
        -- Whoever chose the number of a row could put it behind all that are to come, where who follows the audit waits for ever.
        execute pg_catalog.format('revoke insert on audit_record from %I', app);
        execute pg_catalog.format('grant select, insert (${sql.raw(SECOND_FORM.join(', '))}, day) on audit_record to %I', app);
        execute pg_catalog.format('grant select on audit_log, audit_policy, audit_epoch, sentinel_migration to %I', app);
        execute pg_catalog.format('grant usage on sequence audit_record_arrival to %I', app);
        execute pg_catalog.format('grant select, insert, update on override to %I', app);
        execute pg_catalog.format('grant execute on function sentinel_audit_partition(date), sentinel_audit_partitions(int), sentinel_audit_detach(date) to %I', app);
      end if;
      if exists (select from pg_roles where rolname = auditor) then
        execute pg_catalog.format('grant select on audit_record, audit_log, checkpoint, audit_start, audit_refused, audit_policy, audit_epoch, override, sentinel_migration to %I', auditor);
        if to_regclass('audit_record_v1') is not null then execute pg_catalog.format('grant select on audit_record_v1 to %I', auditor); end if;
      end if;
    end $$`.execute(db);
  // A superuser calls it too: with no other names than ours.
  await sql`alter function sentinel_audit_grant(text, text) set search_path = ${schema}, pg_temp`.execute(db);
  await sql`revoke all on function sentinel_audit_grant(text, text) from public`.execute(db);
}

/** As before, one row for each tool call. The days keep a look at one call from a look into each partition. */
async function createView(db: Migrating): Promise<void> {
  await sql`create view audit_log as
    select
      r.row_id as id, r.call_id as request_id, to_timestamp(r.ts / 1000.0) as timestamp, coalesce(r.subject, 'anonymous') as client_subject,
      coalesce((select string_agg(value, ',') from json_array_elements_text(r.roles::json)), '') as client_role,
      coalesce(r.exposed, r.object_name, '') as tool_name, coalesce(r.backend, 'unknown') as backend_name,
      jsonb_build_object('name', coalesce(r.exposed, r.object_name), 'arguments', coalesce(r.args, '{}')::jsonb) as request_args,
      case when r.kind = 'intent' then coalesce(o.status, 'error') else r.status end as response_status,
      case when r.kind = 'intent' and o.row_id is null then 'indeterminate' else coalesce(o.fault, r.fault) end as error_message,
      (coalesce(o.admit_us, 0) + coalesce(o.queue_us, 0) + coalesce(o.dispatch_us, 0) + coalesce(o.screen_us, 0)) / 1000 as latency_ms,
      to_timestamp(coalesce(o.ts, r.ts) / 1000.0) as created_at
    from audit_record r
    left join audit_record o on r.kind = 'intent' and o.kind = 'outcome' and o.call_id = r.call_id and o.day >= r.day - 1
    where (r.kind = 'intent' and r.object_type = 'tool')
      or (r.kind = 'refused' and r.method = 'tools/call')
      or (r.kind = 'outcome' and r.object_type = 'tool' and r.code is distinct from 'indeterminate' and not exists (
        select from audit_record i where i.kind = 'intent' and i.call_id = r.call_id and i.day between r.day - 31 and r.day + 1))`.execute(db);
}

async function carryOver(db: Migrating): Promise<void> {
  const { rows: [old] } = await sql<{ last: number | null; until: string }>`select max(row_id) as last,
    (least(${day(sql.raw('max(ts)'))}, current_date + 31) + 1)::text as until from audit_record_v1`.execute(db);
  if (old === undefined || old.last === null) {
    await sql`drop table audit_record_v1`.execute(db);
    return;
  }
  // One partition for all of them: a partition for each of hundreds of days would hold more locks than one transaction may.
  await sql`create table audit_record_first partition of audit_record for values from (minvalue) to (${sql.lit(old.until)})`.execute(db);
  await sql`create trigger audit_record_no_truncate before truncate on audit_record_first for each statement execute function audit_record_frozen()`.execute(db);
  await createCarry(db);
  for (let from = 0; from < old.last; from += CHUNK) await sql`select sentinel_audit_carry(${from}, ${from + CHUNK})`.execute(db);
  await sql`drop function sentinel_audit_carry(bigint, bigint)`.execute(db);
  await sql`select setval('audit_record_arrival', ${old.last})`.execute(db);
  // Without knowing how many there are, the planner compares each with each.
  await sql`analyze audit_record`.execute(db);
}

/** A row that nobody could read stays in its old table, and is named in audit_refused: it must not keep the others from being carried over. */
async function createCarry(db: Migrating): Promise<void> {
  const columns = sql.raw(['row_id', ...FIRST_FORM].join(', '));
  const insert = (rows: RawBuilder<unknown>): RawBuilder<unknown> => sql`insert into audit_record (${columns}, day) select ${columns}, ${day(sql.raw('ts'))} from audit_record_v1 where ${rows}`;
  await sql`create function sentinel_audit_carry(first bigint, last bigint) returns void language plpgsql as $$
    declare one audit_record_v1;
    begin
      ${insert(sql.raw('row_id > first and row_id <= last'))};
    exception when data_exception or integrity_constraint_violation or program_limit_exceeded then
      for one in select * from audit_record_v1 where row_id > first and row_id <= last order by row_id loop
        begin
          ${insert(sql.raw('row_id = one.row_id'))};
        exception when data_exception or integrity_constraint_violation or program_limit_exceeded then
          insert into audit_refused (node, place, record, state, detail) values ('v1 ' || one.node, one.row_id, convert_to(to_jsonb(one)::text, 'UTF8'), sqlstate, sqlerrm);
        end;
      end loop;
    end $$`.execute(db);
}

function day(ms: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`(to_timestamp(${ms} / 1000.0) at time zone 'UTC')::date`;
}
