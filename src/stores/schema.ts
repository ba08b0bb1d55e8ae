// The tables as Kysely sees them. Migrations make them; the columns of a record are its members.
import type { Generated } from 'kysely';
import { type Member, MEMBER_NAMES, type RecordPlace, type RecordValues } from './journal/members.ts';

export type { RecordKind } from './journal/members.ts';

/** One record of the audit as columns. */
export interface AuditRow extends RecordPlace, RecordValues {}

export type AuditColumn = Member;

/** In the order of a record. */
export const AUDIT_COLUMNS: readonly AuditColumn[] = MEMBER_NAMES;

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
