// What is recorded, how safely, and for how long.
import type { CaptureSettings } from '../capture.ts';
import type { ExportSettings } from './exports.ts';

export interface AuditSettings {
  readonly enabled: boolean;
  /** Of calls that only read, while nothing can be recorded; those that may change something are always blocked then. */
  readonly onFailure: 'block' | 'continue';
  /** Whose intent is on the disk before the call is made: of all, of those that may change something, of none. */
  readonly durability: 'before_effect' | 'reads_batched' | 'batched';
  /** Who answers for rules that name nobody. */
  readonly owner: string | undefined;
  readonly redactKeys: readonly string[];
  /** Takes the journal when its own directory cannot be written. */
  readonly secondDirectory: string | undefined;
  /** Bytes of the journal. */
  readonly quota: number;
  /** Bytes that stay free on its disk. */
  readonly reserve: number;
  /** A record older than this may go. */
  readonly retentionDays: number;
  /** Whose checkpoints are kept here: lines as `audit-sign.pub` of another gateway has them. Empty: nobody's. */
  readonly witness: readonly string[];
  /** Where else it goes. */
  readonly exports: readonly ExportSettings[];
  /** What is kept of calls' own words. */
  readonly capture: CaptureSettings;
}
