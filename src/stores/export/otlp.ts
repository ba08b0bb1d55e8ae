// OpenTelemetry logs in the JSON encoding of OTLP (opentelemetry-proto 1.5 or newer: `eventName`). The body is the record itself, as it was hashed;
// attributes are what is searched for, by the semantic conventions where there is one.
import type { ExportContext } from './format.ts';
import { rolesOf, type AuditRecord } from './record.ts';
import { eventName, scaleOf, succeeded } from './vocabulary.ts';

type AnyValue =
  | { readonly stringValue: string }
  | { readonly intValue: string }
  | { readonly boolValue: boolean }
  | { readonly arrayValue: { readonly values: readonly AnyValue[] } };

interface KeyValue {
  readonly key: string;
  readonly value: AnyValue;
}

export interface OtlpLogRecord {
  readonly timeUnixNano: string;
  readonly observedTimeUnixNano: string;
  readonly severityNumber: number;
  readonly severityText: string;
  readonly eventName: string;
  readonly body: AnyValue;
  readonly attributes: readonly KeyValue[];
  readonly traceId?: string;
}

/** Where the conventions have a name. Those of a target depend on its kind. */
const NAMES: ReadonlyMap<string, string> = new Map([['subject', 'user.id'], ['method', 'mcp.method.name'], ['protocol', 'mcp.protocol.version']]);
const OBJECTS: ReadonlyMap<string, string> = new Map([['tool', 'gen_ai.tool.name'], ['prompt', 'gen_ai.prompt.name'], ['resource', 'mcp.resource.uri']]);
/** Said elsewhere in the message, or nested: they stand in the body. */
const LEFT_OUT: ReadonlySet<string> = new Set(['v', 'ts', 'mono_ns', 'prev', 'roles', 'trail', 'args', 'args_shape', 'detail', 'captured', 'trace_id']);
const TRACE_ID = /^(?!0{32})[0-9a-f]{32}$/;

export function otlpRecord(record: AuditRecord, line: string): OtlpLogRecord {
  const { otlp, text } = scaleOf(record);
  const nanos = nanosOf(record.ts);
  const { trace_id: trace } = record;
  return {
    timeUnixNano: nanos, observedTimeUnixNano: nanos, severityNumber: otlp, severityText: text, eventName: eventName(record),
    body: { stringValue: line }, attributes: attributesOf(record),
    ...(trace !== undefined && TRACE_ID.test(trace) ? { traceId: trace } : {}),
  };
}

/** `ExportLogsServiceRequest` of records that are written already. */
export function otlpRequest(parts: readonly string[], { version, host, node }: ExportContext): string {
  const resource = { attributes: [text('service.name', 'sentinel'), text('service.version', version), text('service.instance.id', node), text('host.name', host)] };
  const scope = { name: 'sentinel.audit', version };
  return `{"resourceLogs":[{"resource":${JSON.stringify(resource)},"scopeLogs":[{"scope":${JSON.stringify(scope)},"logRecords":[${parts.join(',')}]}]}]}`;
}

function attributesOf(record: AuditRecord): readonly KeyValue[] {
  const list: KeyValue[] = [];
  for (const [member, value] of Object.entries(record)) {
    if (LEFT_OUT.has(member)) continue;
    const key = member === 'object_name' ? OBJECTS.get(record.object_type ?? '') : NAMES.get(member);
    list.push({ key: key ?? `sentinel.${member}`, value: anyValue(value) });
  }
  const roles = rolesOf(record);
  if (roles.length > 0) list.push({ key: 'user.roles', value: { arrayValue: { values: roles.map((role) => ({ stringValue: role })) } } });
  if (record.kind === 'outcome' && !succeeded(record) && record.code !== undefined) list.push(text('error.type', record.code));
  return list;
}

function anyValue(value: unknown): AnyValue {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  return Number.isSafeInteger(value) ? { intValue: String(value) } : { stringValue: JSON.stringify(value) };
}

function text(key: string, value: string): KeyValue {
  return { key, value: { stringValue: value } };
}

/** 64-bit numbers are texts in this encoding; a double could not hold the nanoseconds. */
function nanosOf(ms: number): string {
  return Number.isSafeInteger(ms) && ms > 0 ? `${ms}000000` : '0';
}
