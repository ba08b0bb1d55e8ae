// OCSF 1.6.0 events. What the framework has an attribute for is put there; every other member stands in `unmapped` as the record has it, so that
// nothing is lost. Pinned: 1.7 gave `metadata.uid` another meaning, 1.9 retires `actor.app_name`; what is written here is valid in 1.7 and 1.8 too.
import type { ExportContext } from './format.ts';
import { apiActivity, applicationLifecycle, authentication, detectionFinding, entityManagement } from './ocsf-classes.ts';
import { countIn, type AuditRecord } from './record.ts';
import { eventName, PRODUCT, scaleOf, titleOf, VENDOR } from './vocabulary.ts';

export const OCSF_VERSION = '1.6.0';

export type Json = string | number | boolean | readonly Json[] | { readonly [name: string]: Json | undefined };
export type Attributes = Readonly<Record<string, Json | undefined>>;

/** One class of the framework, filled for one record. */
export interface OcsfClass {
  readonly category: number;
  readonly categoryName: string;
  readonly uid: number;
  readonly name: string;
  readonly activity: number;
  /** A word of our own goes with `activity` 99. */
  readonly activityName: string;
  readonly profiles: readonly string[];
  readonly attributes: Attributes;
  /** Members that stand in `attributes` exactly as the record has them. */
  readonly placed: readonly (keyof AuditRecord)[];
}

/** In `metadata` and at the top, whatever the class. */
const COMMON: readonly (keyof AuditRecord)[] = ['id', 'ts', 'seq', 'call_id'];

export function ocsfEvent(record: AuditRecord, { version }: Pick<ExportContext, 'version'>): Attributes {
  const made = classOf(record, version);
  const scale = scaleOf(record);
  const placed = new Set<string>([...COMMON, ...made.placed]);
  return {
    category_uid: made.category, category_name: made.categoryName, class_uid: made.uid, class_name: made.name,
    activity_id: made.activity, activity_name: made.activityName, type_uid: made.uid * 100 + made.activity, type_name: `${made.name}: ${made.activityName}`,
    time: record.ts, severity_id: scale.ocsf, severity: scale.caption, message: titleOf(record), count: countIn(record, 'count'),
    metadata: {
      version: OCSF_VERSION, product: { name: PRODUCT, vendor_name: VENDOR, version }, profiles: made.profiles.length === 0 ? undefined : made.profiles,
      uid: record.id, correlation_uid: record.call_id, event_code: eventName(record), sequence: record.seq, log_name: 'audit', log_provider: VENDOR, log_version: String(record.v),
    },
    ...made.attributes,
    unmapped: Object.fromEntries(Object.entries(record).filter(([name]) => !placed.has(name)).map(([name, value]) => [name, jsonOf(value)])),
  };
}

function classOf(record: AuditRecord, version: string): OcsfClass {
  const { kind, event, reason } = record;
  if (kind === 'refused') return reason === 'unauthenticated' ? authentication(record) : SUSPICIOUS.has(reason ?? '') ? detectionFinding(record) : apiActivity(record);
  if (kind !== 'lifecycle') return apiActivity(record);
  if (event === 'auth_failures') return authentication(record);
  if (event === 'listed') return apiActivity(record);
  if (event?.startsWith('export_') === true) return detectionFinding(record);
  return OPERATION.has(event ?? '') ? applicationLifecycle(record, version) : entityManagement(record);
}

/** No honest client makes these requests: somebody else's session or handle, a page of another origin, a name that was rebound. */
const SUSPICIOUS: ReadonlySet<string> = new Set(['foreign_session', 'bad_handle', 'origin', 'host']);
const OPERATION: ReadonlySet<string> = new Set(['started', 'stopped', 'backend', 'epoch_opened', 'tasks_ended']);

/** Nested members, as JSON.parse made them. */
function jsonOf(value: unknown): Json | undefined {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  if (Array.isArray(value)) return value.map((one) => jsonOf(one) ?? 'null');
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, jsonOf(member)]));
}
