// Records that an exporter writes into its own export where something is not there: nobody has to notice a silence. They are not in the journal, have
// `seq` 0 and no hash, and pass by the filter. The same hole is told with the same id.
import { derivedId } from '../derived-id.ts';
import type { AuditRecord } from './record.ts';

export type MarkerEvent =
  /** The journal does not hold them any more, or never did: `missing` of them, or at least so many. */
  | { readonly event: 'export_gap'; readonly why: 'removed' | 'absent' | 'replaced'; readonly missing: number; readonly exact: boolean }
  /** One record that is no record, or that the receiver never takes. */
  | { readonly event: 'export_skipped'; readonly why: 'unreadable' | 'refused' }
  /** The receiver took a batch and threw some of it away. */
  | { readonly event: 'export_rejected'; readonly missing: number };

export interface MarkerPlace {
  readonly exporter: string;
  /** Of the record that follows, or that is left out. */
  readonly rowId: number;
  readonly node: string;
  readonly epoch: number;
  readonly ts: number;
}

export interface Marked {
  readonly record: AuditRecord;
  readonly line: string;
}

export function markerOf(told: MarkerEvent, place: MarkerPlace): Marked {
  const { event, ...what } = told;
  const { exporter, rowId, node, epoch, ts } = place;
  const record: AuditRecord = {
    v: 2, node, epoch, seq: 0, id: derivedId(JSON.stringify([event, what, exporter, node, rowId])), ts, kind: 'lifecycle', event, actor: 'system', severity: 'high',
    fault: sentence(told), detail: { exporter, row: rowId, ...what },
  };
  return { record, line: JSON.stringify(record) };
}

function sentence(told: MarkerEvent): string {
  switch (told.event) {
    case 'export_gap': return gap(told);
    case 'export_skipped': return told.why === 'refused' ? 'the receiver refuses this record, whatever is sent with it' : 'what the journal holds here is no record';
    case 'export_rejected': return `the receiver threw away ${told.missing} records that it had taken`;
  }
}

function gap({ why, missing, exact }: Extract<MarkerEvent, { event: 'export_gap' }>): string {
  if (why === 'replaced') return 'the journal is not the one that was exported before: it is exported from its beginning';
  const cause = why === 'removed' ? 'they were removed before they could be sent' : 'the journal does not hold them';
  if (missing === 0) return 'records before this point may be missing: what followed the last one that was sent has been removed';
  return `${exact ? '' : 'at least '}${missing} records before this point are missing: ${cause}`;
}
