-- Three roles for the audit on PostgreSQL 13 or later, so that the gateway can add to it and nothing more.
--
--   sentinel_owner    owns the tables and brings them up to date; not used while the gateway runs
--   sentinel_app      the gateway: reads and adds records, and has partitions made and old ones detached
--   sentinel_auditor  reads
--
-- Run it in the gateway's database, before the first start or at any later time, as often as you like: as a superuser, or, where there is none to
-- be had, as the role that owns the database and all that the gateway has made in it, with CREATEROLE:
--
--   psql "$ADMIN_URL" -v ON_ERROR_STOP=1 -f roles.sql
--
-- then give each role that logs in a password (\password sentinel_app), and its URL to who needs it.

do $$
declare
  one text;
  here text := current_schema();
begin
  -- Whoever could make functions or operators here may have left some that fit better than those of PostgreSQL, and would run as you.
  perform pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  foreach one in array array['sentinel_owner', 'sentinel_app', 'sentinel_auditor'] loop
    if not exists (select from pg_roles where rolname = one) then execute format('create role %I login', one); end if;
    execute format('grant connect on database %I to %I', current_database(), one);
    execute format('grant usage on schema %I to %I', here, one);
  end loop;
  -- Who is no superuser can give tables only to a role that is also its own.
  if not (select rolsuper from pg_roles where rolname = current_user) then execute format('grant sentinel_owner to %I', current_user); end if;
  -- Before PostgreSQL 15 everybody may create in public, and so put a function of their own before one of the owner's.
  execute format('revoke create on schema %I from public, sentinel_app, sentinel_auditor', here);
  foreach one in array array['sentinel_app', 'sentinel_auditor'] loop
    if pg_has_role(one, (select nspowner from pg_namespace where nspname = here), 'member') then
      raise exception '% owns the schema % or its database, and could change everything in it: give them to another role first', one, here;
    end if;
  end loop;
  execute format('grant create on schema %I to sentinel_owner', here);

  -- What a gateway of one role has made before.
  for one in
    select format('%I.%I', here, c.relname) from pg_class c
    where c.relnamespace = here::regnamespace and c.relkind in ('r', 'p', 'v')
      and (c.relname ~ '^audit_(record|log|start|refused|policy|epoch)' or c.relname in ('checkpoint', 'override', 'sentinel_migration'))
  loop
    execute format('alter table %s owner to sentinel_owner', one);
  end loop;
  if to_regclass(format('%I.audit_record_arrival', here)) is not null then execute format('alter sequence %I.audit_record_arrival owner to sentinel_owner', here); end if;
  for one in
    select p.proname || '(' || oidvectortypes(p.proargtypes) || ')' from pg_proc p
    where p.pronamespace = here::regnamespace and (p.proname like 'sentinel\_audit\_%' or p.proname = 'audit_record_frozen')
  loop
    -- Whoever could make functions here may have left one that would run with the owner's rights.
    if one not in ('audit_record_frozen()', 'sentinel_audit_make(date)', 'sentinel_audit_partition(date)', 'sentinel_audit_partitions(integer)', 'sentinel_audit_detach(date)',
      'sentinel_audit_settle()', 'sentinel_audit_grant(text, text)') then raise exception 'the function % is none of the gateway''s: drop it first', one; end if;
    execute format('alter function %I.%s owner to sentinel_owner', here, one);
  end loop;

  -- Migrations do the same for roles that are there before them.
  if to_regprocedure(format('%I.sentinel_audit_grant(text, text)', here)) is not null then
    execute format('select %I.sentinel_audit_grant(%L, %L)', here, 'sentinel_app', 'sentinel_auditor');
  end if;
end $$;
