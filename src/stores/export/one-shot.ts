// One export by hand: `sentinel audit export`. From a cursor to the end of what is committed, then the next cursor.
import { err, ok, type Result } from '../../core/result.ts';
import { codeIn, messageIn } from '../../core/thrown.ts';
import type { RecordSource } from '../journal/source.ts';
import type { RecordFormat } from './format.ts';
import { type AuditRecord, parseRecord } from './record.ts';
import { said } from './transport.ts';

export interface ExportRun {
  readonly source: RecordSource;
  readonly accepts: (record: AuditRecord) => boolean;
  readonly format: RecordFormat;
  /** Behind this row; 0: from the oldest that is kept. */
  readonly after: number;
  /** Resolves when there is room for more. Rejects when nobody reads any more. */
  readonly write: (text: string) => Promise<void>;
  /** Most records that are written. */
  readonly limit?: number;
}

export interface ExportSummary {
  readonly written: number;
  /** Lines of the journal that are no records: left out, and to be told. */
  readonly unreadable: number;
  /** For `--after` of the next run. */
  readonly next: number;
}

const PAGE = 500;
const PAGE_UNITS = 4 * 1024 * 1024;

/** The error is for the operator. What was written before it is whole. */
export async function exportRecords({ source, accepts, format, after, write, limit = Infinity }: ExportRun): Promise<Result<ExportSummary, { readonly detail: string; readonly next: number }>> {
  let [written, unreadable, next] = [0, 0, after];
  try {
    while (written < limit) {
      const page = source.after(next, PAGE, PAGE_UNITS);
      if (page.length === 0) break;
      const parts: string[] = [];
      let last = next;
      for (const { rowId, record: line } of page) {
        if (written + parts.length >= limit) break;
        const record = parseRecord(line);
        if (record === undefined) unreadable += 1;
        else if (accepts(record)) parts.push(format.one(record, line));
        last = rowId;
      }
      if (parts.length > 0) await write(format.join(parts));
      written += parts.length;
      next = last;
    }
    return ok({ written, unreadable, next });
  } catch (thrown) {
    return err({ detail: said(codeIn(thrown) ?? messageIn(thrown)), next });
  }
}
