// What exports write, read by parsers that are not ours: the standard's own schema, library or grammar, each given what strangers may send.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { Parse } from 'glossy';
import protobuf from 'protobufjs';
import protojson from 'protobufjs/ext/protojson.js';
import { formatOf } from '../../../src/stores/export/format.ts';
import { type AuditRecord, parseRecord } from '../../../src/stores/export/record.ts';
import { parseCef } from './cef-grammar.ts';
import { LINES } from './records.ts';
import { CONTEXT, hostileValues, lineOf, textMembers, textsIn } from './sample.ts';

const read = (name: string): unknown => JSON.parse(readFileSync(join(import.meta.dirname, name), 'utf8'));

/** Each golden record, then any number of hostile ones. */
function forEachRecord(look: (record: AuditRecord, line: string) => void): void {
  const one = (line: string): void => {
    const record = parseRecord(line);
    assert.ok(record, line);
    look(record, line);
  };
  for (const line of LINES) one(line);
  fc.assert(fc.property(hostileValues, (values) => one(lineOf(values, { seq: 1 }))), { numRuns: 300 });
}

// ── OCSF: the published schema of 1.6.0 ─────────────────────────────────────
const OCSF = new Ajv2020({ strict: false, allErrors: true, allowUnionTypes: true });
OCSF.addSchema({ ...(read('ocsf-1.6.0.json') as object), $id: 'ocsf' });
const CLASSES: ReadonlyMap<number, ValidateFunction> = new Map([6003, 3002, 3004, 2004, 6002].map((uid) => [uid, OCSF.compile({ $ref: `ocsf#/$defs/${uid}` })]));

interface OcsfEvent {
  readonly class_uid: number;
  readonly activity_id: number;
  readonly type_uid: number;
  readonly metadata: { readonly version: string; readonly uid: string; readonly correlation_uid?: string };
  readonly unmapped: Readonly<Record<string, unknown>>;
}

test('every record is a valid event of its OCSF class, and every text of it is somewhere in the event, exactly', () => {
  const format = formatOf('ocsf', CONTEXT);
  const seen = new Set<number>();
  forEachRecord((record, line) => {
    const event = JSON.parse(format.one(record, line)) as OcsfEvent;
    const validate = CLASSES.get(event.class_uid);
    assert.ok(validate, String(event.class_uid));
    assert.ok(validate(event), `${event.class_uid}: ${JSON.stringify(validate.errors?.slice(0, 3))}`);
    seen.add(event.class_uid);
    assert.equal(event.type_uid, event.class_uid * 100 + event.activity_id);
    assert.deepEqual([event.metadata.version, event.metadata.uid, event.metadata.correlation_uid], ['1.6.0', record.id, record.call_id]);
    const texts = new Set(textsIn(event));
    for (const text of textsIn(record)) assert.ok(texts.has(text), `${JSON.stringify(text)} is lost`);
  });
  assert.deepEqual([...seen].toSorted(), [2004, 3002, 3004, 6002, 6003]);
});

test('a schema that never complains would prove nothing: an event without what is required is refused', () => {
  const [line = ''] = LINES.filter((one) => one.includes('"kind":"intent"'));
  const record = parseRecord(line);
  assert.ok(record);
  const event = JSON.parse(formatOf('ocsf', CONTEXT).one(record, line)) as Record<string, unknown>;
  const validate = CLASSES.get(6003);
  assert.ok(validate);
  for (const name of ['actor', 'api', 'src_endpoint', 'metadata', 'severity_id', 'time', 'type_uid']) assert.equal(validate({ ...event, [name]: undefined }), false, name);
  assert.equal(validate({ ...event, surprise: 1 }), false);
  assert.equal(validate({ ...event, type_uid: 300201 }), false);
});

// ── OTLP: opentelemetry-proto, read by protobuf.js as ProtoJSON ─────────────
protojson.install();
const EXPORT_REQUEST = protobuf.Root.fromJSON(read('opentelemetry-proto.json') as protobuf.INamespace).lookupType('opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest');

interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: string; readonly arrayValue?: { readonly values: readonly { readonly stringValue: string }[] } };
}
interface OtlpRequest {
  readonly resourceLogs: readonly { readonly resource: { readonly attributes: readonly Attribute[] }; readonly scopeLogs: readonly { readonly logRecords: readonly OtlpLog[] }[] }[];
}
interface OtlpLog {
  readonly timeUnixNano: string;
  readonly eventName: string;
  readonly traceId?: string;
  readonly body: { readonly stringValue: string };
  readonly attributes: readonly Attribute[];
}

/** Over the wire format and back. OTLP writes ids in hexadecimal where ProtoJSON has base64 (OTLP 1.x, JSON Protobuf Encoding). */
function throughProtobuf(text: string): OtlpRequest {
  const coded = text.replaceAll(/"traceId":"([0-9a-f]{32})"/g, (_, hex: string) => `"traceId":"${Buffer.from(hex, 'hex').toString('base64')}"`);
  const message = EXPORT_REQUEST.fromJsonString(coded);
  return EXPORT_REQUEST.toJson(EXPORT_REQUEST.decode(EXPORT_REQUEST.encode(message).finish())) as OtlpRequest;
}

test('every record is a log record of OTLP: its body is the record, its attributes are the members, exactly', () => {
  const format = formatOf('otlp', CONTEXT);
  forEachRecord((record, line) => {
    const [logs] = throughProtobuf(format.join([format.one(record, line)])).resourceLogs;
    const log = logs?.scopeLogs[0]?.logRecords[0];
    assert.ok(log);
    assert.equal(log.body.stringValue, line);
    assert.equal(log.timeUnixNano, `${record.ts}000000`);
    const values = new Map(log.attributes.map(({ key, value }) => [key, value.stringValue ?? value.intValue]));
    assert.equal(values.size, log.attributes.length, 'a name is there twice');
    const texts = new Set(values.values());
    const elsewhere = new Set(['prev', 'trace_id']);
    for (const [name, text] of textMembers(record)) if (!elsewhere.has(name)) assert.ok(texts.has(text), `${name} is lost`);
    if (record.trace_id === '4bf92f3577b34da6a3ce929d0e0e4736') assert.equal(Buffer.from(log.traceId ?? '', 'base64').toString('hex'), record.trace_id);
    else assert.equal(log.traceId, undefined);
  });
});

test('a batch is one request in which every log record has its place, and a name of the protocol that is misspelt is refused', () => {
  const format = formatOf('otlp', CONTEXT);
  const parts = LINES.map((line) => {
    const record = parseRecord(line);
    assert.ok(record);
    return format.one(record, line);
  });
  const text = format.join(parts);
  const [logs] = throughProtobuf(text).resourceLogs;
  assert.deepEqual(logs?.scopeLogs[0]?.logRecords.map(({ body }) => body.stringValue), LINES);
  assert.ok(logs?.scopeLogs[0]?.logRecords.some(({ eventName }) => eventName === 'mcp.tool.call'));
  assert.deepEqual(logs?.resource.attributes.map(({ key }) => key), ['service.name', 'service.version', 'service.instance.id', 'host.name']);
  assert.throws(() => throughProtobuf(text.replaceAll('"eventName"', '"eventname"')));
});

// ── syslog: glossy ──────────────────────────────────────────────────────────
test('the header and structured data of syslog are read as they were meant, and MSG is the record', () => {
  const format = formatOf('syslog', CONTEXT);
  forEachRecord((record, line) => {
    const message = format.one(record, line);
    // The parser takes the last word that ends with a bracket for the end of the structured data, so it is given no MSG. Inside, a quotation mark
    // is escaped, so the first one before a bracket is the end.
    const end = message.indexOf('"] ') + 2;
    assert.deepEqual(JSON.parse(message.slice(end + 1)), JSON.parse(line));
    if (!/[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\u061c]/.test(line)) assert.equal(message.slice(end + 1), line);
    const parsed = Parse.parse(message.slice(0, end));
    assert.deepEqual([parsed.type, parsed.facilityID, parsed.host, parsed.appName, parsed.pid, parsed.time?.getTime()], ['RFC5424', 13, CONTEXT.host, 'sentinel', String(record.epoch), record.ts]);
    const data = parsed.structuredData?.['sentinel@32473'];
    assert.deepEqual([data?.['id'], data?.['seq'], data?.['kind']], [record.id, String(record.seq), record.kind]);
    assert.deepEqual(Object.keys(parsed.structuredData ?? {}), ['origin', 'sentinel@32473']);
    const plain = /^[\x21-\x7e]{1,200}$/;
    for (const name of ['subject', 'object_name', 'rule', 'call_id'] as const) {
      const text = record[name];
      if (text !== undefined && plain.test(text)) assert.equal(data?.[name], text, name);
    }
  });
});

// ── CEF: by the grammar of the implementation guide ─────────────────────────
test('every CEF line has its eight fields, and each text of the record is in its extension, exactly', () => {
  const format = formatOf('cef', CONTEXT);
  forEachRecord((record, line) => {
    const { header, extension } = parseCef(format.one(record, line));
    assert.deepEqual(header.slice(0, 4), ['0', 'sentinel-gateway', 'Sentinel', '0.1.0']);
    assert.equal(header.length, 7);
    const texts = new Set([...extension.values(), ...textsIn(JSON.parse(extension.get('sentinelExact') ?? '{}'))]);
    for (const [name, text] of textMembers(record)) assert.ok(texts.has(text), `${name} is lost: ${JSON.stringify(text)}`);
    assert.equal(extension.get('externalId'), record.id);
    assert.equal(extension.get('rt'), String(record.ts));
  });
});
