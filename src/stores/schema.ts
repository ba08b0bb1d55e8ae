// The tables as Kysely sees them. Migrations make them; the columns of a record are its members.
import type { Generated } from 'kysely';
import type { RecordPlace, RecordValues } from './journal/members.ts';

/** One record of the audit as columns. */
export interface AuditRow extends RecordPlace, RecordValues {}

export interface AuditRecordTable extends AuditRow {
  readonly row_id: Generated<number>;
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
  override: OverrideTable;
  sentinel_migration: MigrationTable;
}
