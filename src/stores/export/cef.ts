// CEF 0 ("Implementing ArcSight Common Event Format"): a header of seven fields, then key=value. What a value holds never ends the value or the line.
// CEF can write a line feed and a carriage return and no other control. Those stand visibly, and `sentinelExact` has the members they were in as JSON.
import { MEMBER_NAMES } from '../journal/members.ts';
import type { ExportContext } from './format.ts';
import { type AuditRecord, type PlainMember, rolesOf } from './record.ts';
import { lineSafe, maySteer, visible } from './safe.ts';
import { eventName, PRODUCT, scaleOf, succeeded, titleOf, VENDOR } from './vocabulary.ts';

/** Members that have a place in CEF's own dictionary. */
const KEYS: readonly (readonly [key: string, member: PlainMember])[] = [
  ['externalId', 'id'], ['cat', 'kind'], ['act', 'decision'], ['reason', 'reason'], ['suser', 'subject'], ['sourceServiceName', 'surface'],
  ['requestClientApplication', 'client'], ['destinationServiceName', 'backend'], ['deviceExternalId', 'node'], ['msg', 'fault'],
];
/** Those that get one of the six free texts, with their labels. */
const LABELLED: readonly PlainMember[] = ['rule', 'call_id', 'method', 'object_name', 'code', 'trace_id'];
const PLACED: ReadonlySet<string> = new Set<string>([...KEYS.map(([, member]) => member), ...LABELLED, 'ts', 'roles']);

export function cefLine(record: AuditRecord, { version }: Pick<ExportContext, 'version'>): string {
  const head = ['CEF:0', VENDOR, PRODUCT, version, eventName(record), titleOf(record), String(scaleOf(record).cef)].map(headText);
  return `${head.join('|')}|${extensionOf(record).map(([key, value]) => `${key}=${valueText(value)}`).join(' ')}`;
}

function extensionOf(record: AuditRecord): readonly (readonly [string, string])[] {
  const pairs: [string, string][] = [['rt', String(record.ts)]];
  for (const [key, member] of KEYS) {
    const value = record[member];
    if (value !== undefined) pairs.push([key, String(value)]);
  }
  if (record.kind === 'outcome') pairs.push(['outcome', succeeded(record) ? 'success' : 'failure']);
  for (const [at, member] of LABELLED.entries()) {
    const value = record[member];
    if (value !== undefined) pairs.push([`cs${at + 1}Label`, member], [`cs${at + 1}`, String(value)]);
  }
  const roles = rolesOf(record);
  if (record.roles !== undefined) pairs.push(['sentinelRoles', lineSafe(JSON.stringify(roles))]);
  for (const [member, value] of Object.entries(record)) {
    if (!PLACED.has(member)) pairs.push([customKey(member), typeof value === 'string' ? value : lineSafe(JSON.stringify(value))]);
  }
  const changed = Object.entries(record).filter(([, value]) => typeof value === 'string' && maySteer(value) && maySteer(value.replaceAll(LINE_ENDS, '')));
  if (changed.length > 0) pairs.push(['sentinelExact', lineSafe(JSON.stringify(Object.fromEntries(changed)))]);
  return pairs;
}

const KEYS_MADE = new Map<string, string>(MEMBER_NAMES.map((member) => [member, madeKey(member)]));

/** A key of our own: letters and digits only, as the dictionary's. */
function customKey(member: string): string {
  return KEYS_MADE.get(member) ?? madeKey(member);
}

function madeKey(member: string): string {
  return `sentinel${member.split(/[^A-Za-z0-9]+/).map((word) => `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`).join('')}`;
}

/** A header has no way to write a line break. */
function headText(text: string): string {
  return visible(text).replaceAll(/[\\|]/g, '\\$&');
}

const LINE_ENDS = /[\r\n]/g;
/** Most values have nothing in them: 60 of them a line are looked at. */
const PLAIN = /^[^\u0000-\u001f\\=\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*$/;

/** The two that CEF has escapes for are not made visible first. */
function valueText(text: string): string {
  if (PLAIN.test(text)) return text;
  const parts = text.split(/([\r\n])/);
  return parts.map((part) => (part === '\n' ? '\\n' : part === '\r' ? '\\r' : visible(part).replaceAll(/[\\=]/g, '\\$&'))).join('');
}
