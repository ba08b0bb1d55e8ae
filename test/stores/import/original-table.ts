// The original gateway's table, as its migration made it.
import pg from 'pg';

export const DDL = `create table audit_log (
  id bigserial primary key, request_id uuid not null, timestamp timestamptz not null default now(), client_subject text not null, client_role text not null, tool_name text not null,
  backend_name text not null, request_args jsonb, response_status text not null, error_message text, latency_ms bigint not null, created_at timestamptz not null default now())`;

export interface LogRow {
  readonly subject?: string;
  readonly role?: string;
  readonly tool?: string;
  readonly backend?: string;
  /** JSON. */
  readonly args?: string | null;
  readonly status?: string;
  readonly error?: string | null;
  readonly latency?: string;
  readonly timestamp?: string;
}

export function requestId(n: number): string {
  return `11111111-2222-4333-8444-${String(n).padStart(12, '0')}`;
}

export async function inDatabase<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Numbered on from what is there. */
export async function insertLog(client: pg.Client, rows: readonly LogRow[], from = 1): Promise<void> {
  for (const [at, { subject = 'alice', role = 'developer', tool = 'fs__read', backend = 'fs', args = '{"name":"fs__read","arguments":{"path":"/a"}}', status = 'success', error = null, latency = '12', timestamp = '2025-01-02T03:04:05.678Z' }] of rows.entries()) {
    await client.query('insert into audit_log (request_id, timestamp, client_subject, client_role, tool_name, backend_name, request_args, response_status, error_message, latency_ms) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)',
      [requestId(from + at), timestamp, subject, role, tool, backend, args, status, error, latency]);
  }
}
