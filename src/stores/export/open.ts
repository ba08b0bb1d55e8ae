// From settings to exporters: which format, which way out, and the cursor that belongs to them.
import type { ExportSettings } from '../../core/audit/exports.ts';
import type { Clock, Random, Timers } from '../../core/ports.ts';
import type { RecordSource } from '../journal/source.ts';
import { type CheckpointSource, createCheckpointExporter } from './checkpoints.ts';
import { cursorPath } from './cursor.ts';
import { createExporter, type Exporter, type ExporterEvent } from './exporter.ts';
import { fileTransport } from './file.ts';
import { type ExportContext, formatOf, inArray, inSyslog, type RecordFormat } from './format.ts';
import { openPoster } from './http.ts';
import { otlpTransport } from './otlp-http.ts';
import { MOST_AT_ONCE, replicaMeaning, replicaTransport } from './replica.ts';
import type { AuditRecord } from './record.ts';
import { streamTransport } from './stream.ts';
import { identityFrom } from './tls-files.ts';
import type { Egress, Transport } from './transport.ts';
import { webhookTransport } from './webhook.ts';

export interface ExportDeps {
  readonly stateDir: string;
  /** One for each exporter: readers keep a segment open. */
  readonly source: RecordSource & CheckpointSource;
  /** Made from `settings.filter`. */
  readonly accepts: (record: AuditRecord) => boolean;
  readonly context: ExportContext;
  readonly clock: Clock;
  readonly random: Random;
  readonly timers: Timers;
  readonly egress: Egress;
  readonly behind?: (rowId: number) => number;
  /** Records so far that only say that checkpoints of others were kept here. */
  readonly echoes?: () => number;
  readonly onEvent?: (event: ExporterEvent) => void;
}

export function openExporter(settings: ExportSettings, { stateDir, context, egress, echoes, ...deps }: ExportDeps): Exporter {
  const format = wrapped(settings, context);
  const transport = transportOf(settings, format, { ...deps, egress });
  const most = settings.kind === 'replica' ? MOST_AT_ONCE : { records: Infinity, bytes: Infinity };
  const [records, bytes] = [Math.min(settings.batchRecords, most.records), Math.min(settings.batchBytes, most.bytes)];
  const options = { name: settings.name, node: context.node, cursorPath: cursorPath(stateDir, settings.name, settings.format === 'checkpoints' ? 'checkpoints' : 'records'), records, bytes };
  if (settings.format === 'checkpoints') return createCheckpointExporter(options, { ...deps, format, transport, ...(settings.kind === 'replica' && echoes !== undefined ? { echoes } : {}) });
  return createExporter(options, { ...deps, format, transport });
}

function wrapped(settings: ExportSettings, context: ExportContext): RecordFormat {
  const format = formatOf(settings.format === 'checkpoints' ? 'jsonl' : settings.format, context);
  if (settings.kind === 'syslog') return inSyslog(format, context);
  return settings.kind === 'webhook' && settings.body === 'array' ? inArray(format) : format;
}

function transportOf(settings: ExportSettings, format: RecordFormat, { clock, timers, egress }: Pick<ExportDeps, 'clock' | 'timers' | 'egress'>): Transport {
  const wall = (): ReturnType<Clock['wall']> => clock.wall();
  switch (settings.kind) {
    case 'file': return fileTransport(settings, (parts) => format.join(parts));
    case 'syslog': return streamTransport(settings.target, { timers, egress, identity: () => identityFrom(settings.tls) });
    case 'otlp': return otlpTransport(format, openPoster(settings, { wall, egress, identity: () => identityFrom(settings.tls) }));
    case 'replica': return replicaTransport(format, openPoster(settings, { wall, egress, identity: () => identityFrom(settings.tls), meaning: replicaMeaning }));
    case 'webhook': return webhookTransport(format, openPoster(settings, { wall, egress, identity: () => identityFrom(settings.tls) }), settings.secret, wall);
  }
}
