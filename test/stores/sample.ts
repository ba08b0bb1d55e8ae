// Calls, outcomes and stores for the tests of this folder: small, complete, and each part replaceable.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { NO_CAPABILITIES } from '../../src/core/capabilities.ts';
import type { Call, CompletionCall, ListenCall, PromptCall, ResourceCall, ToolCall } from '../../src/core/call.ts';
import { NO_CAPTURE } from '../../src/core/capture.ts';
import type { Trail } from '../../src/core/decision.ts';
import { backendId, callId, instant, roleName, timestamp } from '../../src/core/ids.ts';
import { toRaw } from '../../src/core/json/compose.ts';
import type { RawJson } from '../../src/core/json/scan.ts';
import type { CallOutcome, End, Judged, Refusal } from '../../src/core/outcome.ts';
import type { Clock, Intent, Random, Timers } from '../../src/core/ports.ts';
import type { Principal } from '../../src/core/principal.ts';
import { Secret } from '../../src/core/secret.ts';
import type { AuditSettings } from '../../src/core/audit/settings.ts';
import { openDatabase, type Database } from '../../src/stores/database.ts';
import { journalReader } from '../../src/stores/journal/reader.ts';
import { migrate } from '../../src/stores/migrate.ts';
import { type AuditReader, createAuditReader } from '../../src/stores/queries.ts';
import { connect, TIMEOUTS } from '../../src/stores/ship/connection.ts';
import { sendRecords, sortOut } from '../../src/stores/ship/sender.ts';
import { createJournal, type Journal, type JournalDeps } from '../../src/stores/journal/journal.ts';
import type { RecordValues } from '../../src/stores/journal/members.ts';
import { valuesIn } from '../../src/stores/journal/recovery.ts';
import { inlineJournal, type JournalSession } from '../../src/stores/journal/session.ts';
import { openSource, type StoredRecord } from '../../src/stores/journal/source.ts';
import type { Life } from '../../src/stores/life.ts';
import { loadNode, type Node } from '../../src/stores/node.ts';
import { createDatabase, testServer } from '../support/postgres.ts';

export const AUDIT: AuditSettings = {
  enabled: true, onFailure: 'block', durability: 'before_effect', owner: undefined, redactKeys: ['password', 'token', 'secret', 'api_key', 'authorization'],
  secondDirectory: undefined, quota: 2 ** 30, reserve: 2 ** 20, retentionDays: 400, exports: [], witness: [], capture: NO_CAPTURE,
};

let ids = 0;
/** UUIDs in order, so that a failure can be read. */
export const RANDOM: Random = {
  uuid: () => `0198c0de-0000-7000-8000-${String(ids += 1).padStart(12, '0')}`,
  token: (bytes) => 'x'.repeat(bytes),
  float: () => 0.5,
};

export const CLOCK: Clock = { mono: () => instant(performance.now()), wall: () => timestamp(Date.now()) };

export const ALICE: Principal = {
  subject: 'alice', roles: [roleName('developer')], scopes: [], issuer: 'sentinel-gateway', tokenId: 'jti-1', keyId: 'k1', via: 'jwt',
  expiresAt: timestamp(Date.now() + 3_600_000), credential: 'c'.repeat(64),
};

export const TRAIL: Trail = [
  { stage: 'kill', rule: 'kill:none', decision: 'pass', mode: 'enforce', severity: 'info', note: undefined },
  { stage: 'role', rule: 'role:developer:allow:fs/*', decision: 'pass', mode: 'enforce', severity: 'info', note: undefined },
];

export interface CallParts {
  readonly principal?: Principal;
  readonly backend?: string;
  readonly tool?: string;
  readonly args?: RawJson | undefined;
  readonly peer?: string;
  readonly session?: string;
  readonly client?: { readonly name: string; readonly version: string };
  readonly wall?: number;
  readonly traceparent?: string;
}

export function sampleCall(parts: CallParts = {}): ToolCall {
  const name = parts.tool ?? 'read_file';
  const backend = parts.backend ?? 'fs';
  return {
    kind: 'tool', id: callId(RANDOM.uuid()), principal: parts.principal ?? ALICE,
    origin: {
      surface: 'http', endpoint: { kind: 'merged' }, era: 'legacy', version: '2025-11-25', session: parts.session ?? 'session-1',
      client: parts.client ?? { name: 'inspector', version: '1.0.0' }, peer: parts.peer ?? '192.0.2.77',
      capabilities: NO_CAPABILITIES, logLevel: undefined, trace: { traceparent: parts.traceparent ?? `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, tracestate: undefined },
    },
    target: { kind: 'tool', backend: backendId(backend), name }, at: CLOCK.mono(), wall: timestamp(parts.wall ?? Date.now()), exposed: `${backend}__${name}`,
    args: 'args' in parts ? parts.args : toRaw({ path: '/tmp/a' }), meta: undefined, wantsProgress: false, continuation: undefined, task: undefined,
  };
}

/** One call of each other kind, by the same principal on the same backend. */
export function sampleOfKinds(uri = 'file:///srv/a', parts: CallParts = {}): { readonly prompt: PromptCall; readonly resource: ResourceCall; readonly completion: CompletionCall; readonly listen: ListenCall } {
  const { args, continuation, ...base } = sampleCall(parts);
  const prompt = { ...base, target: { ...base.target, kind: 'prompt', name: 'review' }, exposed: 'fs__review' } as const;
  const resource = { ...base, target: { ...base.target, kind: 'resource', name: uri }, exposed: `fs+${uri}`, uri } as const;
  return {
    prompt: { ...prompt, id: callId(RANDOM.uuid()), kind: 'prompt', args, continuation },
    resource: { ...resource, id: callId(RANDOM.uuid()), kind: 'resource', continuation },
    completion: { ...prompt, id: callId(RANDOM.uuid()), kind: 'completion', ref: toRaw({ type: 'ref/prompt', name: 'review' }), argument: toRaw({ name: 'lang', value: 'p' }), context: undefined },
    listen: { ...resource, id: callId(RANDOM.uuid()), kind: 'listen' },
  };
}

export const JUDGED: Judged = { owner: 'team-a', changes: true, declared: new Set(['path']) };

export function sampleIntent(call: Call = sampleCall()): Intent {
  return { call, trail: TRAIL, revision: 7, configHash: 'f'.repeat(64), judged: JUDGED };
}

const ANSWERED: End = { kind: 'answered', isError: false, bytes: 42, digest: 'd'.repeat(64) };

export function sampleOutcome(call: Call, end: End = ANSWERED, trail: Trail = TRAIL): CallOutcome {
  return { kind: 'call', call, trail, revision: 7, configHash: 'f'.repeat(64), judged: JUDGED, end, took: { admitMs: 0.25, queueMs: 0, dispatchMs: 12.5, screenMs: 0.5, attempts: 1 } };
}

export function denied(call: Call, rule = 'role:developer:deny:fs/write*'): CallOutcome {
  return {
    kind: 'call', call, revision: 7, configHash: 'f'.repeat(64), judged: JUDGED, end: { kind: 'denied', reason: { code: 'forbidden', rule } },
    trail: [...TRAIL.slice(0, 1), { stage: 'role', rule, decision: 'deny', mode: 'enforce', severity: 'medium', note: undefined }],
    took: { admitMs: 0.1, queueMs: undefined, dispatchMs: undefined, screenMs: undefined, attempts: 0 },
  };
}

export function sampleRefusal(parts: Partial<Refusal> = {}): Refusal {
  return {
    kind: 'refused', id: callId(RANDOM.uuid()), wall: timestamp(Date.now()), surface: 'http', peer: '2001:db8:1:2::3', principal: undefined,
    method: 'tools/call', name: 'nope', reason: { code: 'unauthenticated', failure: 'expired' }, revision: 7, ...parts,
  };
}

export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-store-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function sampleNode(folder: string): Node {
  const node = loadNode(folder, RANDOM);
  if (!node.ok) throw new Error(node.error.detail);
  return node.value;
}

const LIVING: Life = { mark: 'test', alive: () => true };

const TIMERS: Timers = {
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** In this thread. `folder` is the state directory. */
export function sessionIn(folder: string, node: Node, life: Life = LIVING): JournalSession {
  return inlineJournal(
    { directories: [join(folder, 'journal')], stateDir: folder, node: node.id, segmentBytes: 2 ** 26, bounds: { quota: AUDIT.quota, reserve: AUDIT.reserve }, recovers: true },
    { clock: CLOCK, random: RANDOM, timers: TIMERS, life, onAbandoned: () => {} },
  );
}

export function journalIn(folder: string, parts: Partial<JournalDeps> = {}): Journal {
  const node = parts.node ?? sampleNode(folder);
  return createJournal({ session: sessionIn(folder, node), node, clock: CLOCK, random: RANDOM, settings: () => AUDIT, after: (ms, task) => TIMERS.after(ms, task), ...parts });
}

/** All that is in the journal of a state directory. */
export function rawRecordsIn(folder: string): readonly StoredRecord[] {
  const source = openSource([join(folder, 'journal')], Date.now);
  try {
    return source.after(0, 1_000_000);
  } finally {
    source.close();
  }
}

/** The same, as values. */
export function recordsIn(folder: string): readonly (Partial<RecordValues> & { readonly seq: number; readonly epoch: number })[] {
  return rawRecordsIn(folder).map(({ record }) => {
    const place = /"epoch":(\d+),"seq":(\d+)/.exec(record);
    return { ...valuesIn(record), epoch: Number(place?.[1]), seq: Number(place?.[2]) };
  });
}

/** An empty audit with a journal that fills it. */
export interface AuditPlace {
  readonly journal: Journal;
  /** Over all that was written so far. */
  reader(): Promise<AuditReader>;
}

export interface AuditEngine {
  readonly name: string;
  readonly skip: string | false;
  readonly fresh: (t: TestContext) => Promise<AuditPlace>;
}

/** Where the audit is read: in the journal itself, or in PostgreSQL, where it was shipped. */
export function auditEngines(): readonly AuditEngine[] {
  return ENGINES.map(({ name, skip, fresh }) => ({
    name, skip,
    fresh: async (t) => {
      const { folder, open, url } = await fresh(t);
      const journal = journalIn(folder);
      t.after(() => journal.close());
      await journal.start();
      if (url === undefined) return { journal, reader: async () => journalReader([join(folder, 'journal')]) };
      const database = open();
      const migrated = await migrate(database, { now: CLOCK.wall });
      if (!migrated.ok) throw new Error(migrated.error.detail);
      return {
        journal,
        reader: async () => {
          const connection = await connect(url, TIMEOUTS);
          if (!connection.ok) throw new Error(connection.error.detail);
          const sent = await sendRecords(connection.value, sampleNode(folder).id, sortOut(rawRecordsIn(folder)));
          connection.value.close();
          if (!sent.ok) throw new Error(sent.error.detail);
          return createAuditReader(database);
        },
      };
    },
  }));
}

export interface Engine {
  readonly name: string;
  /** The reason why it cannot run here, or false. */
  readonly skip: string | false;
  /** Opens an empty database; each further call of `open` is another connection to the same one. */
  readonly fresh: (t: TestContext) => Promise<{ readonly folder: string; readonly open: () => Database; readonly url?: string }>;
}

const server = testServer();

export const ENGINES: readonly Engine[] = [
  {
    name: 'SQLite', skip: false,
    fresh: async (t) => {
      const folder = temporaryFolder(t);
      return { folder, open: opening(t, { postgresUrl: undefined, maxConnections: 1, sqlitePath: join(folder, 'state', 'audit.db') }) };
    },
  },
  {
    name: 'PostgreSQL', skip: 'skip' in server ? server.skip : false,
    fresh: async (t) => {
      if ('skip' in server) throw new Error(server.skip);
      const url = await createDatabase(server.url);
      return { folder: temporaryFolder(t), url, open: opening(t, { postgresUrl: new Secret(url), maxConnections: 4, sqlitePath: '' }) };
    },
  },
];

function opening(t: TestContext, settings: Parameters<typeof openDatabase>[0]): () => Database {
  return () => {
    const database = openDatabase(settings, { readOnly: false, thread: true });
    t.after(() => database.close());
    return database;
  };
}
