// One export by hand: records of the journal, from a cursor on, in the form that somebody else reads.
import { hostname } from 'node:os';
import type { FormatName } from '../core/audit/exports.ts';
import type { AuditFilter } from '../core/audit/filter.ts';
import { predicateOf } from '../core/audit/predicate.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { Settings } from '../core/settings.ts';
import { formatOf } from '../stores/export/format.ts';
import { exportRecords, type ExportSummary } from '../stores/export/one-shot.ts';
import { journalDirectories, listSegments } from '../stores/journal/folder.ts';
import { openSource } from '../stores/journal/source.ts';
import { loadNode } from '../stores/node.ts';
import { startFault, type StartFault } from './fault.ts';
import { systemClock, systemRandom } from './system.ts';

export interface ExportRequest {
  readonly format: FormatName;
  readonly filter: AuditFilter;
  /** Behind this number; 0: from the oldest record that is kept. */
  readonly after: number;
  readonly limit: number | undefined;
  readonly version: string;
  /** Resolves when there is room for more. */
  readonly write: (text: string) => Promise<void>;
}

export async function exportAudit(settings: Settings, { format, filter, after, limit, version, write }: ExportRequest): Promise<Result<ExportSummary, StartFault>> {
  const directories = journalDirectories(settings);
  if (listSegments(directories).length === 0) return err(noJournal(directories[0]));
  const node = loadNode(settings.gateway.stateDir, systemRandom);
  if (!node.ok) return err(startFault(1, 'SEN-0601', node.error.detail, 'sentinel doctor'));
  const source = openSource(directories, systemClock.wall);
  try {
    const done = await exportRecords({ source, accepts: predicateOf(filter), format: formatOf(format, { version, host: hostname(), node: node.value.id }), after, write, ...(limit === undefined ? {} : { limit }) });
    return done.ok ? ok(done.value) : err(startFault(1, 'SEN-0601', `the export broke off: ${done.error.detail}`, `sentinel audit export --after ${done.error.next}`));
  } finally {
    source.close();
  }
}

/** The newest checkpoint of each epoch that is kept, as an anchor is written. How many. */
export async function exportCheckpoints(settings: Settings, write: (text: string) => Promise<void>): Promise<Result<number, StartFault>> {
  const directories = journalDirectories(settings);
  if (listSegments(directories).length === 0) return err(noJournal(directories[0]));
  const source = openSource(directories, systemClock.wall);
  try {
    const newest = new Map(source.checkpointsFrom(0, new Map()).map(({ epoch, note }) => [epoch, note]));
    for (const checkpoint of newest.values()) await write(`${JSON.stringify({ checkpoint })}\n`);
    return ok(newest.size);
  } finally {
    source.close();
  }
}

function noJournal(directory: string): StartFault {
  return startFault(1, 'SEN-0601', `there is no journal in ${directory}`, 'is this the configuration the gateway runs with? sentinel status');
}
