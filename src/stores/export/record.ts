// A record as exporters see it: parsed once from the line that was hashed.
import { storable } from '../../core/text.ts';
import { isKind, isMember, typeOf, type Member, type RecordKind, type RecordValues, type Value } from '../journal/members.ts';

type JsonMember = 'roles' | 'trail' | 'args_shape' | 'args' | 'detail' | 'captured';
type Always = 'id' | 'ts' | 'kind';

/** Members as JSON gives them; what is empty is absent. A later version may have members that are not named here: they are exported as well. */
export type AuditRecord = {
  readonly v: number;
  readonly node: string;
  readonly epoch: number;
  readonly seq: number;
  readonly prev?: string;
  readonly id: string;
  readonly ts: number;
  readonly kind: RecordKind;
} & { readonly [M in Exclude<Value, JsonMember | Always>]?: NonNullable<RecordValues[M]> } & { readonly [M in JsonMember]?: unknown };

/** Members that are one text or one number. */
export type PlainMember = Exclude<keyof AuditRecord, JsonMember>;

const NEEDED: readonly Member[] = ['v', 'node', 'epoch', 'seq', 'id', 'ts', 'kind'];
/** `\u0000`, or half of a surrogate pair, written as JSON escapes. */
const NEEDS_CARE = /\\u(?:0000|d[89a-f])/i;

/** None is written with one, and in a file of lines it would become several records. */
const LINE_BREAK = /[\r\n]/;

/** Undefined: no record of ours. Text that has no UTF-8 comes out visibly escaped, should a record ever hold any. */
export function parseRecord(line: string): AuditRecord | undefined {
  if (LINE_BREAK.test(line)) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    const whole = NEEDS_CARE.test(line) ? cleaned(value) : value;
    return isRecord(whole) ? whole : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is AuditRecord {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !NEEDED.every((name) => Object.hasOwn(value, name))) return false;
  for (const [name, member] of Object.entries(value)) if (isMember(name) && !fits(name, member)) return false;
  return isKind(Reflect.get(value, 'kind'));
}

function fits(name: Member, value: unknown): boolean {
  switch (typeOf(name)) {
    case 'text': return typeof value === 'string';
    case 'integer': return typeof value === 'number';
    case 'json': return true;
  }
}

function cleaned(value: unknown): unknown {
  if (typeof value === 'string') return storable(value);
  if (Array.isArray(value)) return value.map(cleaned);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [storable(name), cleaned(member)]));
}

/** Names of roles, when that is what the record holds. */
export function rolesOf({ roles }: AuditRecord): readonly string[] {
  return Array.isArray(roles) ? roles.filter((role): role is string => typeof role === 'string') : [];
}

/** A text in `detail`. */
export function detailOf({ detail }: AuditRecord, name: string): string | undefined {
  const value = memberOf(detail, name);
  return typeof value === 'string' ? value : undefined;
}

/** A whole number in `detail`. */
export function countIn({ detail }: AuditRecord, name: string): number | undefined {
  const value = memberOf(detail, name);
  return Number.isSafeInteger(value) ? Number(value) : undefined;
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;
}
