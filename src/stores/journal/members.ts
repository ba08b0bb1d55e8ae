// The members of a record, in the order in which they are written: the one list that the encoder, the segments, PostgreSQL and the
// page on the format follow. A member is added at the end, and never renamed.

export type MemberType = 'integer' | 'text' | 'json';
export type RecordKind = 'intent' | 'outcome' | 'refused' | 'lifecycle';

const KINDS: ReadonlySet<unknown> = new Set<RecordKind>(['intent', 'outcome', 'refused', 'lifecycle']);

export function isKind(value: unknown): value is RecordKind {
  return KINDS.has(value);
}

/** Who wrote it, where it stands in its chain, and after what: given by the journal. */
export interface RecordPlace {
  readonly v: number;
  readonly node: string;
  readonly epoch: number;
  readonly seq: number;
  readonly prev: string | null;
}

/** What the encoder says. Times: `ts` ms since the epoch, `*_us` microseconds. 0/1 for yes/no. JSON as its text. */
export interface RecordValues {
  readonly id: string;
  readonly ts: number;
  readonly mono_ns: number;
  readonly kind: RecordKind;
  readonly event: string | null;
  readonly call_id: string | null;
  readonly subject: string | null;
  readonly issuer: string | null;
  /** JSON array of role names. */
  readonly roles: string | null;
  readonly jti_hmac: string | null;
  readonly kid: string | null;
  readonly actor: string | null;
  readonly client: string | null;
  readonly session: string | null;
  readonly surface: string | null;
  readonly protocol: string | null;
  readonly peer: string | null;
  readonly method: string | null;
  readonly backend: string | null;
  readonly object_type: string | null;
  readonly object_name: string | null;
  readonly exposed: string | null;
  readonly decision: string | null;
  readonly reason: string | null;
  readonly rule: string | null;
  readonly mode: string | null;
  readonly severity: string | null;
  readonly trail: string | null;
  readonly revision: number | null;
  readonly config_hash: string | null;
  readonly args_hmac: string | null;
  readonly args_bytes: number | null;
  readonly args_shape: string | null;
  /** Of version 1 only. */
  readonly args: string | null;
  readonly status: string | null;
  readonly is_error: number | null;
  readonly code: string | null;
  readonly result_hmac: string | null;
  readonly result_bytes: number | null;
  readonly admit_us: number | null;
  readonly queue_us: number | null;
  readonly dispatch_us: number | null;
  readonly screen_us: number | null;
  readonly trace_id: string | null;
  readonly fault: string | null;
  readonly detail: string | null;
  readonly owner: string | null;
  readonly ruling: string | null;
  readonly class: string | null;
  readonly attempts: number | null;
  readonly captured: string | null;
}

export type Value = keyof RecordValues;
export type Member = keyof RecordPlace | Value;

const MEMBERS: Readonly<Record<Member, MemberType>> = {
  v: 'integer', node: 'text', epoch: 'integer', seq: 'integer', prev: 'text', id: 'text', ts: 'integer', mono_ns: 'integer', kind: 'text', event: 'text',
  call_id: 'text', subject: 'text', issuer: 'text', roles: 'json', jti_hmac: 'text', kid: 'text', actor: 'text', client: 'text', session: 'text',
  surface: 'text', protocol: 'text', peer: 'text', method: 'text', backend: 'text', object_type: 'text', object_name: 'text', exposed: 'text',
  decision: 'text', reason: 'text', rule: 'text', mode: 'text', severity: 'text', trail: 'json', revision: 'integer', config_hash: 'text',
  args_hmac: 'text', args_bytes: 'integer', args_shape: 'json', args: 'json', status: 'text', is_error: 'integer', code: 'text', result_hmac: 'text',
  result_bytes: 'integer', admit_us: 'integer', queue_us: 'integer', dispatch_us: 'integer', screen_us: 'integer', trace_id: 'text', fault: 'text',
  detail: 'json', owner: 'text', ruling: 'text', class: 'text', attempts: 'integer', captured: 'json',
};

export function isMember(name: string): name is Member {
  return Object.hasOwn(MEMBERS, name);
}

/** In order. */
export const MEMBER_NAMES: readonly Member[] = Object.keys(MEMBERS).filter(isMember);

export function typeOf(member: Member): MemberType {
  return MEMBERS[member];
}

const PLACED: ReadonlySet<string> = new Set<keyof RecordPlace>(['v', 'node', 'epoch', 'seq', 'prev']);

function isValue(name: Member): name is Value {
  return !PLACED.has(name);
}

const VALUES: readonly (readonly [Value, MemberType])[] = MEMBER_NAMES.filter(isValue).map((name) => [name, MEMBERS[name]]);

/** What of a record stands behind its place: `"id":"…",…}`. What is null or absent is left out. Throws on what is no number: no segment would take it. */
export function tailOf(values: Partial<RecordValues>): string {
  let text = '';
  for (const [name, type] of VALUES) {
    const value = values[name];
    if (value === null || value === undefined) continue;
    if (type === 'integer' && !Number.isFinite(value)) throw new TypeError(`${name} is ${value}`);
    text += `${text === '' ? '' : ','}"${name}":${type === 'text' ? JSON.stringify(value) : String(value)}`;
  }
  return `${text}}`;
}
