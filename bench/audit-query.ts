// How long typical questions to the audit on PostgreSQL take, in milliseconds: `node bench/audit-query.ts [rows] [days]`. Makes that many records
// in a server of its own, over so many days (default 1,000,000 over 60), asks each question as `sentinel audit` does, and prints one JSON object
// for each: the first answer and the median of five more. `--keep` prints the URL and waits, to look at the plans.
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { parseFilter } from '../src/core/audit/parse.ts';
import { all, mentions, oneOf, type AuditFilter } from '../src/core/audit/filter.ts';
import { timestamp } from '../src/core/ids.ts';
import { Secret } from '../src/core/secret.ts';
import { openDatabase } from '../src/stores/database.ts';
import { createAuditReader } from '../src/stores/queries.ts';
import { migrate } from '../src/stores/migrate.ts';
import { createDatabase, startPostgres } from '../test/support/postgres.ts';

const [rowsText = '1000000', daysText = '60'] = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const [ROWS, DAYS] = [Number(rowsText), Number(daysText)];
const LIMIT = 50;
const REPEATS = 5;
const CHUNK = 100_000;

const ago = (days: number, minutes = 0): string => new Date(Date.now() - days * 86_400_000 + minutes * 60_000).toISOString();
const QUESTIONS: readonly string[] = [
  'since 1h', 'since 1h and decision = deny', `ts >= ${ago(DAYS / 2)} and ts < ${ago(DAYS / 2, 10)}`, `until ${ago(DAYS - 2)}`,
  'subject = subject-3 and since 7d', 'subject = subject-150 and since 7d', 'subject = subject-199', 'subject = nobody',
  'decision = deny', 'decision = deny and subject = subject-199', 'code = timeout', 'code = timeout and backend = backend5', 'code = none', 'status = error and since 1d',
  'tool = backend3/tool_2*', 'tool = backend3/tool_2* and since 7d', 'tool = tool_7', 'tool = tool_239', 'tool = tool_23*', 'tool = none/*', 'tool = none*',
  'role = role-3 and since 7d', 'took > 25ms', 'kind = intent and backend = backend11', 'event = started', 'trace_id = none',
];

/** Roughly: one subject in 200 makes a third of the calls; 12 backends, 240 tools of unequal use; 4 % denied; 2 % of failures of many codes. */
const MAKE = `insert into audit_record (v, node, epoch, seq, prev, id, ts, mono_ns, kind, call_id, subject, issuer, roles, jti_hmac, client, session, surface, protocol, peer, method,
    backend, object_type, object_name, exposed, decision, reason, rule, mode, severity, trail, revision, config_hash, args_hmac, args_bytes, args_shape, status, is_error, code,
    result_hmac, result_bytes, admit_us, queue_us, dispatch_us, screen_us, trace_id, ruling, class, attempts, day)
  select 2, '0198c0de-0000-4000-8000-00000000000' || n % 3, 1 + n / 1000000, n, encode(sha256(n::text::bytea), 'base64'), gen_random_uuid()::text, ts, n * 1000, kind, call_id,
    'subject-' || subject, 'https://issuer.example.com', '["role-' || subject % 7 || '","everyone"]', md5(subject::text) || md5(call_id), 'inspector 1.0.0', md5(call_id) || md5(subject::text), 'http',
    '2025-11-25', '192.0.2.0/24', 'tools/call', backend, 'tool', tool, backend || '__' || tool, case when denied then 'deny' else 'allow' end, case when denied then 'forbidden' end,
    'role:developer:allow:' || backend || '/*', 'enforce', 'info',
    '[{"stage":"kill","rule":"kill:none","decision":"pass","mode":"enforce","severity":"info"},{"stage":"role","rule":"role:developer:allow:' || backend || '/*","decision":"pass","mode":"enforce","severity":"info"}]',
    7, md5('config') || md5('file'), md5(n::text) || md5(tool), 120, '{"paths":[["path","string",24],["limit","number",2]]}',
    case when kind = 'intent' then null when denied then 'denied' when code = 'ok' then 'success' else 'error' end, case when kind = 'outcome' then 0 end,
    case when kind = 'intent' then null when denied then 'forbidden' else code end, md5(call_id) || md5('r'), 4200, 300, 20, 15000 + n % 9000, 90, md5(n::text), case when denied then 'deny' else 'allow' end, 'reading', 1,
    (to_timestamp(ts / 1000.0) at time zone 'UTC')::date
  from (select n, $3::bigint + ((n / $4::float8) * $5::float8)::bigint as ts, case when n % 25 = 0 then 'refused' when n % 2 = 0 then 'intent' else 'outcome' end as kind,
      '019' || lpad(to_hex(n / 2), 5, '0') || '-' || substr(md5((n / 2)::text), 1, 4) || '-7' || substr(md5((n / 2)::text), 5, 3) || '-8' || substr(md5((n / 2)::text), 9, 3) || '-' || substr(md5((n / 2)::text), 13, 12) as call_id,
      (200 * power((hashint8(n / 2) & 1048575) / 1048576.0, 3))::int as subject, 'backend' || (hashint8(n / 2 + 7) & 1048575) % 12 as backend,
      'tool_' || (240 * power((hashint8(n / 2 + 13) & 1048575) / 1048576.0, 2))::int as tool, hashint8(n) % 25 = 0 as denied,
      case when hashint8(n + 3) % 50 = 0 then (array['timeout', 'backend_error', 'tool_error', 'tool_error', 'tool_error', 'unreachable'])[1 + abs(hashint8(n)) % 6] else 'ok' end as code
    from generate_series($1::bigint, $2::bigint) n) as drawn`;

const server = await startPostgres();
process.once('SIGINT', () => void server.stop().finally(() => process.exit(130)));
try {
  const url = await createDatabase(server.url);
  const database = openDatabase({ postgresUrl: new Secret(url), maxConnections: 2, sqlitePath: '' }, { readOnly: false, thread: false });
  const made = await migrate(database, { now: () => timestamp(Date.now()) });
  if (!made.ok) throw new Error(made.error.detail);
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  await fill(client);
  if (process.argv.includes('--keep')) {
    process.stderr.write(`${url}\n`);
    await new Promise(() => setInterval(() => undefined, 1e6));
  }
  await questions(client, database);
  await client.end();
  await database.close();
} finally {
  await server.stop();
}

async function fill(client: pg.Client): Promise<void> {
  const now = Date.now();
  const since = now - DAYS * 86_400_000;
  await client.query(`select sentinel_audit_partition(((now() at time zone 'UTC')::date - d)::date) from generate_series(0, ${DAYS}) d`);
  const start = performance.now();
  for (let from = 0; from < ROWS; from += CHUNK) await client.query(MAKE, [from, Math.min(from + CHUNK, ROWS) - 1, since, ROWS, now - since]);
  const seconds = (performance.now() - start) / 1000;
  await client.query('vacuum (analyze) audit_record');
  const { rows: [size] } = await client.query<{ heap: string; all: string }>(`select pg_size_pretty(sum(pg_relation_size(inhrelid))) as heap, pg_size_pretty(sum(pg_total_relation_size(inhrelid))) as all
    from pg_inherits where inhparent = 'audit_record'::regclass`);
  process.stdout.write(`${JSON.stringify({ rows: ROWS, days: DAYS, made_in_s: Math.round(seconds), rows_per_s: Math.round(ROWS / seconds), ...size })}\n`);
}

async function questions(client: pg.Client, database: ReturnType<typeof openDatabase>): Promise<void> {
  const reader = createAuditReader(database);
  const { rows: [some] } = await client.query<{ call_id: string }>(`select call_id from audit_record where day = (now() at time zone 'UTC')::date - ${Math.floor(DAYS / 2)} and kind = 'outcome' limit 1`);
  const ask = (text: string) => async (): Promise<number> => {
    const page = await reader.query(filterOf(text), { limit: LIMIT });
    if (!page.ok) throw new Error(page.error.detail);
    return page.value.entries.length;
  };
  const table: Readonly<Record<string, () => Promise<number>>> = {
    ...Object.fromEntries(QUESTIONS.map((text) => [text, ask(text)])),
    'show, a call of a month ago': async () => {
      const story = await reader.show(some?.call_id ?? '');
      return story.ok ? (story.value?.records.length ?? 0) : -1;
    },
    'show, a call that is not there': async () => Number((await reader.show(randomUUID())).ok),
    'stats since 1d': async () => {
      const stats = await reader.stats(filterOf('since 1d'), 100);
      return stats.ok ? stats.value.length : -1;
    },
    'tail, what is new': async () => {
      const newest = await reader.newest();
      const rows = await reader.after(filterOf('kind = outcome'), newest.ok ? newest.value - 256 : 0, 500);
      return rows.ok ? rows.value.length : -1;
    },
    'audit_log, the newest that failed': async () => (await client.query(`select * from audit_log where response_status <> 'success' order by timestamp desc limit ${LIMIT}`)).rowCount ?? 0,
    'audit_log, one subject, 7 days': async () => (await client.query(`select * from audit_log where client_subject = 'subject-150' and timestamp > now() - interval '7 days' order by timestamp desc limit ${LIMIT}`)).rowCount ?? 0,
  };
  for (const [question, run] of Object.entries(table)) {
    const took: number[] = [];
    let rows = 0;
    for (let time = 0; time <= REPEATS; time += 1) {
      const start = performance.now();
      rows = await run().catch((thrown: unknown) => {
        process.stderr.write(`${question}: ${String(thrown)}\n`);
        return -1;
      });
      took.push(performance.now() - start);
    }
    const [first = 0, ...rest] = took.map((ms) => Math.round(ms * 10) / 10);
    process.stdout.write(`${JSON.stringify({ question, rows, first_ms: first, median_ms: rest.toSorted((a, b) => a - b)[Math.floor(rest.length / 2)] })}\n`);
  }
}

function filterOf(text: string): AuditFilter {
  const parsed = parseFilter(text, { now: timestamp(Date.now()), suggest: () => undefined });
  if (!parsed.ok) throw new Error(`${text}: ${parsed.error.message}`);
  return mentions(parsed.value, 'kind') ? parsed.value : all([parsed.value, oneOf('kind', ['outcome', 'refused', 'lifecycle'])]);
}
