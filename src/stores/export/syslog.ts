// RFC 5424: a message whose header and structured data say where to look, and whose MSG is the whole record in another format.
// MSG has no BOM before it (§6.4 lets it be any octets): parsers of JSON and CEF do not expect one.
import { cut, printable } from '../../core/text.ts';
import type { ExportContext } from './format.ts';
import type { AuditRecord, PlainMember } from './record.ts';
import { eventName, scaleOf } from './vocabulary.ts';

/** §6.2.1: log audit. */
const FACILITY = 13;
/** RFC 5612: the number for examples. The project has none of its own, and a name without a number would be IANA's. */
const SD_ID = 'sentinel@32473';
const SD_UNITS = 256;

const PARAMS: readonly PlainMember[] = [
  'id', 'node', 'epoch', 'seq', 'kind', 'event', 'call_id', 'subject', 'surface', 'peer', 'method', 'backend', 'object_type', 'object_name', 'decision', 'ruling', 'reason', 'rule', 'mode',
  'severity', 'status', 'code', 'trace_id',
];

export function syslogMessage(record: AuditRecord, msg: string, { host, version }: ExportContext): string {
  const header = [`<${FACILITY * 8 + scaleOf(record).syslog}>1`, stamp(record.ts), field(host, 255), 'sentinel', field(String(record.epoch), 128), field(eventName(record), 32)];
  return `${header.join(' ')} ${element('origin', [['software', 'sentinel'], ['swVersion', version]])}${element(SD_ID, paramsOf(record))} ${msg}`;
}

/** RFC 5425 §4.3.1, RFC 6587 §3.4.1: the length in octets, a space, the message. */
export function octetCounted(message: string): string {
  return `${Buffer.byteLength(message)} ${message}`;
}

function paramsOf(record: AuditRecord): readonly (readonly [string, string])[] {
  return PARAMS.flatMap((name): (readonly [string, string])[] => {
    const value = record[name];
    return value === undefined ? [] : [[name, String(value)]];
  });
}

function element(id: string, params: readonly (readonly [string, string])[]): string {
  return `[${id}${params.map(([name, value]) => ` ${name}="${paramText(value)}"`).join('')}]`;
}

/** §6.3.3. What could steer a terminal or begin a line stands as visible text here; in MSG nothing is changed. */
function paramText(value: string): string {
  return printable(cut(value, SD_UNITS)).replaceAll(/["\\\]]/g, '\\$&');
}

const LAST_MS = Date.UTC(10_000, 0, 1);

function stamp(ts: number): string {
  return Number.isSafeInteger(ts) && ts >= 0 && ts < LAST_MS ? new Date(ts).toISOString() : '-';
}

/** §6.2: visible ASCII, or nothing. */
function field(text: string, most: number): string {
  const visible = text.replaceAll(/[^\x21-\x7e]/g, '').slice(0, most);
  return visible === '' ? '-' : visible;
}
