// Reads the audit of the configured store for people and programs: by filters, one call whole, counts, and what comes while one
// watches. Never writes, and needs no running gateway.
import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditFilter } from '../core/audit/filter.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { StoreFault } from '../core/ports.ts';
import type { Settings } from '../core/settings.ts';
import { openDatabase } from '../stores/database.ts';
import { journalDirectories, listSegments } from '../stores/journal/folder.ts';
import { isMember, typeOf } from '../stores/journal/members.ts';
import { journalReader } from '../stores/journal/reader.ts';
import { checkSchema } from '../stores/migrate.ts';
import { createAuditReader, type AuditEntry, type AuditReader } from '../stores/queries.ts';
import { startFault, type StartFault } from './fault.ts';

export type { AuditCount, AuditEntry, CallStory } from '../stores/queries.ts';

export interface Audit {
  readonly query: AuditReader['query'];
  readonly show: AuditReader['show'];
  readonly stats: AuditReader['stats'];
  readonly after: AuditReader['after'];
  /** The last `lines` entries, then each new one, until `signal` fires. Ends with the fault when the store goes away. */
  follow(filter: AuditFilter, lines: number, signal: AbortSignal, onEntry: (entry: AuditEntry) => void): Promise<Result<void, StoreFault>>;
  close(): Promise<void>;
}

const POLL_MS = 250;
const PAGE = 500;
/** Rows read again at each look: with several writers, a row may become visible after one with a higher number. */
const OVERLAP = 256;

/** PostgreSQL where there is one, else the journal. */
export async function openAudit(settings: Pick<Settings, 'gateway' | 'store' | 'audit'>): Promise<Result<Audit, StartFault>> {
  const { store } = settings;
  if (store.postgresUrl === undefined) {
    const directories = journalDirectories(settings);
    if (listSegments(directories).length === 0) return err(auditFault(directories[0], { code: 'unavailable', detail: 'there is no journal yet' }));
    return ok(auditOver(journalReader(directories), () => Promise.resolve()));
  }
  const database = openDatabase(store, { readOnly: true, thread: false });
  const known = await checkSchema(database);
  if (!known.ok) {
    await database.close();
    return err(auditFault('PostgreSQL', known.error));
  }
  return ok(auditOver(createAuditReader(database), () => database.close()));
}

function auditOver(reader: AuditReader, close: () => Promise<void>): Audit {
  return {
    query: reader.query,
    show: reader.show,
    stats: reader.stats,
    after: reader.after,
    follow: (filter, lines, signal, onEntry) => follow(reader, { filter, lines, signal, onEntry }),
    close,
  };
}

function auditFault(where: string, fault: StoreFault): StartFault {
  if (fault.code === 'schema') return startFault(15, 'SEN-0602', `the store (${where}) has another schema: ${fault.detail}`, 'start the gateway once, or run the version that wrote the store');
  return startFault(1, 'SEN-0601', `the store (${where}) cannot be read: ${fault.detail}`, 'is this the configuration the gateway runs with? sentinel status');
}

interface Following {
  readonly filter: AuditFilter;
  readonly lines: number;
  readonly signal: AbortSignal;
  readonly onEntry: (entry: AuditEntry) => void;
}

async function follow(reader: AuditReader, { filter, lines, signal, onEntry }: Following): Promise<Result<void, StoreFault>> {
  const head = await reader.newest();
  const recent = await reader.query(filter, { limit: Math.max(lines, OVERLAP) });
  if (!head.ok || !recent.ok) return head.ok ? asVoid(recent) : head;
  const known = recent.value.entries.toReversed();
  for (const entry of known.slice(known.length - Math.min(lines, known.length))) onEntry(entry);
  let seen = new Set(known.map((entry) => entry.row_id));
  let last = head.value;
  while (!signal.aborted) {
    // Asked before the page, so that what comes in between is looked at again.
    const now = await reader.newest();
    const page = await reader.after(filter, Math.max(0, last - OVERLAP), PAGE);
    if (!now.ok || !page.ok) return now.ok ? asVoid(page) : now;
    for (const entry of page.value) {
      if (!seen.has(entry.row_id)) onEntry(entry);
      seen.add(entry.row_id);
    }
    const whole = page.value.length < PAGE;
    last = whole ? Math.max(last, now.value) : (page.value.at(-1)?.row_id ?? last);
    seen = new Set([...seen].filter((id) => id > last - OVERLAP));
    if (whole) await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
  return ok(undefined);
}

function asVoid(result: Result<unknown, StoreFault>): Result<void, StoreFault> {
  return result.ok ? ok(undefined) : result;
}

/** One record as `--json` prints it: only what is there, JSON as JSON, yes/no as booleans, RFC 3339 times. */
export function auditJson(entry: AuditEntry): Readonly<Record<string, unknown>> {
  const view: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(entry)) {
    if (value === null) continue;
    if (name === 'ts') view['time'] = new Date(Number(value)).toISOString();
    else if (name === 'is_error') view[name] = value === 1;
    else view[name] = isMember(name) && typeOf(name) === 'json' ? parsed(String(value)) : value;
  }
  return view;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
