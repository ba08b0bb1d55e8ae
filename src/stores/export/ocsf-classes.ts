// The classes of OCSF that records become, each with what the framework requires of it (https://schema.ocsf.io/1.6.0).
import type { Attributes, Json, OcsfClass } from './ocsf.ts';
import { detailOf, rolesOf, type AuditRecord } from './record.ts';
import { onlyObserved, PRODUCT, succeeded, titleOf, VENDOR } from './vocabulary.ts';

const APPLICATION = { category: 6, categoryName: 'Application Activity' } as const;
const IDENTITY = { category: 3, categoryName: 'Identity & Access Management' } as const;
const CONTROL = 'security_control';
const OTHER = 99;

/** A call, a request that was refused, a list. */
export function apiActivity(record: AuditRecord): OcsfClass {
  const { method, event, kind, protocol, backend, call_id: call, code, fault, object_name: object, object_type: type, trace_id: trace } = record;
  const operation = method ?? event ?? kind;
  const reads = record.class === 'reading' || event === 'listed' || (method !== undefined && READS.has(method));
  return {
    ...APPLICATION, uid: 6003, name: 'API Activity', activity: reads ? 2 : OTHER, activityName: reads ? 'Read' : kind === 'refused' ? 'Refused' : operation,
    profiles: trace === undefined ? [CONTROL] : [CONTROL, 'trace'],
    attributes: {
      actor: actorOf(record), src_endpoint: sourceOf(record),
      dst_endpoint: backend === undefined ? undefined : { svc_name: backend },
      api: {
        operation, version: protocol, service: backend === undefined ? undefined : { name: backend }, request: call === undefined ? undefined : { uid: call },
        response: fault === undefined ? undefined : { error: code ?? 'error', error_message: fault },
      },
      resources: object === undefined ? undefined : [{ name: object, type, namespace: backend }],
      trace: trace === undefined ? undefined : { uid: trace },
      ...statusOf(record), ...controlOf(record), duration: durationOf(record),
    },
    placed: [...IN_ACTOR, ...IN_SOURCE, ...IN_STATUS, ...IN_CONTROL, 'protocol', 'backend', 'object_name', 'trace_id', ...(method === undefined ? [] : ['method'] as const),
      ...(object === undefined ? [] : ['object_type'] as const)],
  };
}

const READS: ReadonlySet<string> = new Set(['resources/read', 'prompts/get', 'completion/complete', 'tasks/get', 'tasks/list', 'tasks/result']);

/** A login that was refused, or many of them counted. */
export function authentication(record: AuditRecord): OcsfClass {
  return {
    ...IDENTITY, uid: 3002, name: 'Authentication', activity: 1, activityName: 'Logon', profiles: [CONTROL],
    attributes: {
      actor: actorOf(record), user: userOf(record) ?? { name: 'unknown' }, session: sessionOf(record), service: { name: 'sentinel' }, src_endpoint: sourceOf(record),
      auth_protocol_id: OTHER, auth_protocol: 'Bearer token', is_remote: record.surface === undefined ? undefined : record.surface === 'http',
      status_id: 2, status: 'Failure', status_code: record.reason ?? 'unauthenticated', status_detail: record.fault,
      action_id: 2, action: 'Denied', disposition_id: 26, disposition: 'Unauthorized',
    },
    placed: [...IN_ACTOR, ...IN_SOURCE, 'fault', ...(record.reason === undefined ? [] : ['reason'] as const)],
  };
}

interface Entity {
  readonly activity: number;
  readonly activityName: string;
  readonly type: string;
  /** Member of `detail` that names it. */
  readonly named?: string;
  readonly failed?: true;
}

const ENTITIES: Readonly<Record<string, Entity>> = {
  reloaded: { activity: 3, activityName: 'Update', type: 'Configuration' },
  reload_refused: { activity: 3, activityName: 'Update', type: 'Configuration', failed: true },
  killed: { activity: 9, activityName: 'Disable', type: 'Kill switch', named: 'scope' },
  unkilled: { activity: 8, activityName: 'Enable', type: 'Kill switch', named: 'scope' },
  token_issued: { activity: 1, activityName: 'Create', type: 'Token', named: 'tokenId' },
  token_revoked: { activity: 4, activityName: 'Delete', type: 'Token', named: 'value' },
  key_rotated: { activity: 3, activityName: 'Update', type: 'Key', named: 'keyId' },
  key_destroyed: { activity: 4, activityName: 'Delete', type: 'Key', named: 'keyId' },
  audit_read: { activity: 2, activityName: 'Read', type: 'Audit' },
  imported: { activity: 1, activityName: 'Create', type: 'Audit' },
  witnessed: { activity: 1, activityName: 'Create', type: 'Checkpoint', named: 'node' },
};

/** What an operator did to the gateway: configuration, keys, tokens, kills, reads of the audit. */
export function entityManagement(record: AuditRecord): OcsfClass {
  const event = record.event ?? 'event';
  const entity = Object.hasOwn(ENTITIES, event) ? ENTITIES[event] : undefined;
  const type = entity?.type ?? 'Gateway';
  const failed = entity?.failed === true;
  return {
    ...IDENTITY, uid: 3004, name: 'Entity Management', activity: entity?.activity ?? OTHER, activityName: entity?.activityName ?? event, profiles: [],
    attributes: {
      actor: actorOf(record), entity: { name: (entity?.named === undefined ? undefined : detailOf(record, entity.named)) ?? type, type, type_id: OTHER },
      comment: detailOf(record, 'reason'), status_id: failed ? 2 : 1, status: failed ? 'Failure' : 'Success', status_detail: record.fault,
    },
    placed: [...IN_ACTOR, 'fault', ...(record.subject === undefined ? ['actor'] as const : [])],
  };
}

const OPERATIONS: ReadonlyMap<string, readonly [activity: number, name: string]> = new Map([['started', [3, 'Start']], ['stopped', [4, 'Stop']]]);

/** What became of the gateway or of a backend. */
export function applicationLifecycle(record: AuditRecord, version: string): OcsfClass {
  const event = record.event ?? 'event';
  const [activity, activityName] = OPERATIONS.get(event) ?? [OTHER, event];
  const backend = event === 'backend' ? detailOf(record, 'backend') ?? record.backend : undefined;
  return {
    ...APPLICATION, uid: 6002, name: 'Application Lifecycle', activity, activityName, profiles: [],
    attributes: { app: backend === undefined ? { name: PRODUCT, vendor_name: VENDOR, version } : { name: backend }, status_id: 1, status: 'Success', status_detail: record.fault },
    placed: ['fault'],
  };
}

/** A request that no honest client makes, or a hole in this export: somebody should look. */
export function detectionFinding(record: AuditRecord): OcsfClass {
  const denied = record.kind === 'refused';
  const rule = record.reason ?? record.event ?? 'finding';
  return {
    category: 2, categoryName: 'Findings', uid: 2004, name: 'Detection Finding', activity: 1, activityName: 'Create', profiles: denied ? [CONTROL] : [],
    attributes: {
      finding_info: { uid: record.id, title: titleOf(record), desc: record.fault, created_time: record.ts, analytic: { name: rule, type_id: 1, type: 'Rule' } },
      evidences: denied ? [{ actor: actorOf(record), src_endpoint: sourceOf(record) }] : undefined,
      is_alert: true, status_id: 1, status: 'New', status_detail: record.fault,
      ...(denied ? { action_id: 2, action: 'Denied', disposition_id: 2, disposition: 'Blocked' } : {}),
    },
    placed: ['fault', ...(record.reason === undefined ? [] : ['reason'] as const), ...(denied ? [...IN_ACTOR, ...IN_SOURCE] : [])],
  };
}

// ── parts of several classes, and the members that each of them holds ───────
const IN_ACTOR: readonly (keyof AuditRecord)[] = ['subject', 'issuer', 'session', 'jti_hmac', 'client'];
const IN_SOURCE: readonly (keyof AuditRecord)[] = ['peer', 'surface'];
const IN_STATUS: readonly (keyof AuditRecord)[] = ['code', 'fault'];
const IN_CONTROL: readonly (keyof AuditRecord)[] = ['rule', 'config_hash'];

function actorOf(record: AuditRecord): Attributes {
  const user = userOf(record);
  const session = sessionOf(record);
  const client = record.client ?? (user === undefined && session === undefined ? 'unknown' : undefined);
  return { user, session, app_name: client };
}

function userOf(record: AuditRecord): Attributes | undefined {
  const { subject, actor } = record;
  if (subject !== undefined) {
    const groups = rolesOf(record).map((name): Json => ({ name }));
    return { name: subject, uid: subject, groups: groups.length === 0 ? undefined : groups };
  }
  return actor === undefined ? undefined : { name: actor, type_id: actor === 'system' || actor === 'signal' ? 3 : 2, type: actor === 'system' || actor === 'signal' ? 'System' : 'Admin' };
}

function sessionOf({ session, issuer, jti_hmac: token }: AuditRecord): Attributes | undefined {
  return session === undefined && issuer === undefined && token === undefined ? undefined : { uid: session, issuer, credential_uid: token };
}

/** A network or `local`, not one address: no `ip`. */
function sourceOf({ peer, surface }: AuditRecord): Attributes {
  return { name: peer ?? 'unknown', svc_name: surface };
}

/** An intent has no end yet. */
function statusOf(record: AuditRecord): Attributes {
  const { kind, code, fault, reason } = record;
  if (kind === 'intent') return { status_id: 0, status: 'Unknown', status_code: code, status_detail: fault };
  const good = kind === 'lifecycle' || succeeded(record);
  return { status_id: good ? 1 : 2, status: good ? 'Success' : 'Failure', status_code: code ?? reason, status_detail: fault };
}

function controlOf(record: AuditRecord): Attributes {
  const { decision, rule, config_hash: hash, revision, mode } = record;
  const policy = rule === undefined && hash === undefined
    ? undefined : { name: rule, uid: hash, version: revision === undefined ? undefined : String(revision), is_applied: mode === undefined ? undefined : mode === 'enforce' };
  if (onlyObserved(record)) return { action_id: 3, action: 'Observed', disposition_id: 15, disposition: 'Detected', policy };
  if (decision === 'deny') return { action_id: 2, action: 'Denied', disposition_id: 2, disposition: 'Blocked', policy };
  return decision === 'allow' ? { action_id: 1, action: 'Allowed', disposition_id: 1, disposition: 'Allowed', policy } : { policy };
}

/** Milliseconds, rounded; the parts stand in `unmapped`. */
function durationOf({ admit_us: admit, queue_us: queue, dispatch_us: dispatch, screen_us: screen }: AuditRecord): number | undefined {
  const parts = [admit, queue, dispatch, screen].filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : Math.round(parts.reduce((sum, part) => sum + part, 0) / 1000);
}
