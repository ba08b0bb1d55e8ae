// The shapes in which records leave the gateway. Pure: the same record is the same text on every machine, and a second delivery is the same as the first.
import type { FormatName } from '../../core/audit/exports.ts';
import { cefLine } from './cef.ts';
import { ocsfEvent } from './ocsf.ts';
import { otlpRecord, otlpRequest } from './otlp.ts';
import type { AuditRecord } from './record.ts';
import { lineSafe } from './safe.ts';
import { syslogMessage } from './syslog.ts';

/** Who exports. */
export interface ExportContext {
  /** Of the program. */
  readonly version: string;
  /** Name of the machine. */
  readonly host: string;
  /** Of the state directory. */
  readonly node: string;
}

export interface RecordFormat {
  readonly name: FormatName;
  readonly contentType: string;
  /** One record, without what separates it from the next one. Never holds a line feed or a carriage return. */
  one(record: AuditRecord, line: string): string;
  /** Several together, for a file or a body: ends with a line feed. */
  join(parts: readonly string[]): string;
}

const NDJSON = 'application/x-ndjson';

function lines(parts: readonly string[]): string {
  return parts.map((part) => `${part}\n`).join('');
}

export function formatOf(name: FormatName, context: ExportContext): RecordFormat {
  switch (name) {
    case 'jsonl': return { name, contentType: NDJSON, one: (_record, line) => line, join: lines };
    case 'ocsf': return { name, contentType: NDJSON, one: (record) => lineSafe(JSON.stringify(ocsfEvent(record, context))), join: lines };
    case 'cef': return { name, contentType: 'text/plain; charset=utf-8', one: (record) => cefLine(record, context), join: lines };
    case 'syslog': return inSyslog(formatOf('jsonl', context), context);
    case 'otlp': return {
      name, contentType: 'application/json', one: (record, line) => lineSafe(JSON.stringify(otlpRecord(record, line))), join: (parts) => `${otlpRequest(parts, context)}\n`,
    };
  }
}

/** RFC 5424 messages that carry another format. A record is the same JSON value there as in the journal, byte for byte only where nothing in it could steer. */
export function inSyslog(inner: RecordFormat, context: ExportContext): RecordFormat {
  return {
    name: 'syslog', contentType: 'text/plain; charset=utf-8', join: lines,
    one: (record, line) => syslogMessage(record, lineSafe(inner.one(record, line)), context),
  };
}

/** One JSON array; only of formats whose parts are JSON. */
export function inArray(format: RecordFormat): RecordFormat {
  return { ...format, contentType: 'application/json', join: (parts) => `[${parts.join(',')}]\n` };
}
