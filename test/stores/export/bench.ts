// One exporter over a journal of records in memory and a receiver with a temper.
import { ok, type Result } from '../../../src/core/result.ts';
import { cursorPath } from '../../../src/stores/export/cursor.ts';
import { createExporter, type Exporter, type ExporterDeps, type ExporterEvent, type ExporterOptions } from '../../../src/stores/export/exporter.ts';
import { formatOf } from '../../../src/stores/export/format.ts';
import { type AuditRecord, parseRecord } from '../../../src/stores/export/record.ts';
import { type Receipt, type SendFault, TAKEN, type Transport } from '../../../src/stores/export/transport.ts';
import type { RecordSource } from '../../../src/stores/journal/source.ts';
import { CLOCK, CONTEXT, EVERYTHING, NODE, RANDOM, TIMERS } from './sample.ts';

export type Answer = (parts: readonly string[], at: number) => Result<Receipt, SendFault> | Promise<Result<Receipt, SendFault>>;

export interface Bench {
  readonly exporter: Exporter;
  /** What was sent, whether it was taken or not. */
  readonly attempts: string[][];
  /** What was taken. */
  readonly taken: AuditRecord[];
  readonly events: ExporterEvent[];
  readonly path: string;
}

export const DOWN: SendFault = { code: 'unreachable', detail: 'ECONNREFUSED' };
export const REFUSED: SendFault = { code: 'refused', detail: 'HTTP 400' };

export function bench(folder: string, source: RecordSource, { answer = () => ok(TAKEN), options, deps }: { readonly answer?: Answer; readonly options?: Partial<ExporterOptions>; readonly deps?: Partial<ExporterDeps> } = {}): Bench {
  const attempts: string[][] = [];
  const taken: AuditRecord[] = [];
  const events: ExporterEvent[] = [];
  const transport: Transport = {
    async send(parts) {
      attempts.push([...parts]);
      const answered = await answer(parts, attempts.length);
      if (answered.ok) taken.push(...parts.flatMap((part) => parseRecord(part) ?? []));
      return answered;
    },
    close: async () => undefined,
  };
  const path = cursorPath(folder, 'siem');
  const exporter = createExporter({ name: 'siem', node: NODE, cursorPath: path, records: 10, bytes: 1_000_000, ...options },
    { source, accepts: EVERYTHING, format: formatOf('jsonl', CONTEXT), transport, clock: CLOCK, random: RANDOM, timers: TIMERS, onEvent: (event) => events.push(event), ...deps });
  return { exporter, attempts, taken, events, path };
}

/** Until nothing more is due at once. */
export async function drain({ exporter }: Bench, most = 200): Promise<number> {
  for (let at = 0; at < most; at += 1) {
    const next = await exporter.step();
    if (next > 0) return next;
  }
  throw new Error('it never ends');
}

export const seqs = (records: readonly AuditRecord[]): readonly number[] => records.map(({ seq }) => seq);
export const markers = (records: readonly AuditRecord[]): readonly AuditRecord[] => records.filter(({ event }) => event?.startsWith('export_') === true);
export const detail = (record: AuditRecord | undefined): unknown => record?.detail;
