// The tables as Kysely sees them. Migrations make them; the columns of a record are listed once, here.
import type { Generated } from 'kysely';

/** One row of the audit, in the order of the columns. Times: `ts` ms since the epoch, `*_us` microseconds. 0/1 for yes/no. */
export interface AuditRow {
  readonly v: number;
  readonly node: string;
  readonly epoch: number;
  readonly seq: number;
  readonly id: string;
  readonly ts: number;
  readonly mono_ns: number;
  readonly kind: RecordKind;
  readonly event: string | null;
  readonly call_id: string | null;
  readonly subject: string | null;
  readonly issuer: string | null;
  /** JSON array of role names. */
  readonly roles: string | null;
  readonly jti_hmac: string | null;
  readonly kid: string | null;
  readonly actor: string | null;
  readonly client: string | null;
  readonly session: string | null;
  readonly surface: string | null;
  readonly protocol: string | null;
  readonly peer: string | null;
  readonly method: string | null;
  readonly backend: string | null;
  readonly object_type: string | null;
  readonly object_name: string | null;
  readonly exposed: string | null;
  readonly decision: string | null;
  readonly reason: string | null;
  readonly rule: string | null;
  readonly mode: string | null;
  readonly severity: string | null;
  readonly trail: string | null;
  readonly revision: number | null;
  readonly config_hash: string | null;
  readonly args_hmac: string | null;
  readonly args_bytes: number | null;
  readonly args_shape: string | null;
  readonly args: string | null;
  readonly status: string | null;
  readonly is_error: number | null;
  readonly code: string | null;
  readonly result_hmac: string | null;
  readonly result_bytes: number | null;
  readonly admit_us: number | null;
  readonly queue_us: number | null;
  readonly dispatch_us: number | null;
  readonly screen_us: number | null;
  readonly trace_id: string | null;
  readonly fault: string | null;
  readonly detail: string | null;
}

export type RecordKind = 'intent' | 'outcome' | 'refused' | 'lifecycle';
export type AuditColumn = keyof AuditRow;

const ORDER: Readonly<Record<AuditColumn, true>> = {
  v: true, node: true, epoch: true, seq: true, id: true, ts: true, mono_ns: true, kind: true, event: true, call_id: true,
  subject: true, issuer: true, roles: true, jti_hmac: true, kid: true, actor: true, client: true, session: true, surface: true,
  protocol: true, peer: true, method: true, backend: true, object_type: true, object_name: true, exposed: true, decision: true,
  reason: true, rule: true, mode: true, severity: true, trail: true, revision: true, config_hash: true, args_hmac: true,
  args_bytes: true, args_shape: true, args: true, status: true, is_error: true, code: true, result_hmac: true,
  result_bytes: true, admit_us: true, queue_us: true, dispatch_us: true, screen_us: true, trace_id: true, fault: true,
  detail: true,
};

function isAuditColumn(name: string): name is AuditColumn {
  return Object.hasOwn(ORDER, name);
}

/** Every column that a writer fills, in order. */
export const AUDIT_COLUMNS: readonly AuditColumn[] = Object.keys(ORDER).filter(isAuditColumn);

/** What the encoder leaves to the writer: who writes, and in what order. */
export type Unplaced = Omit<AuditRow, 'node' | 'epoch' | 'seq'>;

export interface AuditRecordTable extends AuditRow {
  readonly row_id: Generated<number>;
}

/** One run of one process of a node. `mark` tells whether that process still lives. */
export interface AuditEpochTable {
  node: string;
  epoch: number;
  mark: string;
  started_at: number;
  ended_at: number | null;
}

export interface OverrideTable {
  id: string;
  kind: string;
  /** JSON: the scope of a kill, or what is revoked. */
  subject: string;
  actor: string;
  reason: string;
  at: number;
  until_at: number | null;
  undone_at: number | null;
  undone_by: string | null;
  undone_reason: string | null;
}

export interface MigrationTable {
  name: string;
  applied_at: number;
}

export interface Schema {
  audit_record: AuditRecordTable;
  audit_epoch: AuditEpochTable;
  override: OverrideTable;
  sentinel_migration: MigrationTable;
}
