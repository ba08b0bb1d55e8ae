// CEF read back by a parser of the guide's grammar alone: each member of a record, under the key that the page on exports gives it, exactly.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatOf } from '../../../src/stores/export/format.ts';
import { parseRecord } from '../../../src/stores/export/record.ts';
import { storable } from '../../../src/core/text.ts';
import { readCef } from '../../support/cef-parser.ts';
import { parseCef } from './cef-grammar.ts';
import { LINES } from './records.ts';
import { CONTEXT, HOSTILE, hostileValues, lineOf } from './sample.ts';

/** docs/audit-export.md, CEF. */
const KEYS: Readonly<Record<string, string>> = {
  id: 'externalId', ts: 'rt', kind: 'cat', decision: 'act', reason: 'reason', subject: 'suser', fault: 'msg', surface: 'sourceServiceName', backend: 'destinationServiceName',
  client: 'requestClientApplication', node: 'deviceExternalId', rule: 'cs1', call_id: 'cs2', method: 'cs3', object_name: 'cs4', code: 'cs5', trace_id: 'cs6',
};

function keyOf(member: string): string {
  return KEYS[member] ?? `sentinel${member.split('_').map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join('')}`;
}

/** Whatever a receiver or a terminal could take for more than a letter. */
const STEERING = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

function assertExact(line: string): void {
  const record = parseRecord(line);
  assert.ok(record, line);
  const text = formatOf('cef', CONTEXT).one(record, line);
  assert.doesNotMatch(text, STEERING);
  const { header, extension } = readCef(text);
  assert.deepEqual([header[0], header[1], header[2], header.length], ['0', 'sentinel-gateway', 'Sentinel', 7]);
  assert.match(header[6] ?? '', /^(?:1|3|5|8|10)$/);
  const exact = JSON.parse(extension.get('sentinelExact') ?? '{}') as Readonly<Record<string, unknown>>;
  // `outcome` is a word of CEF's own, besides the status.
  const known = new Set(['sentinelExact', 'outcome']);
  assert.match(extension.get('outcome') ?? 'success', /^(?:success|failure)$/);
  for (const [member, value] of Object.entries(JSON.parse(line) as Readonly<Record<string, unknown>>)) {
    const key = keyOf(member);
    known.add(key);
    if (/^cs\d$/.test(key)) {
      assert.equal(extension.get(`${key}Label`), member);
      known.add(`${key}Label`);
    }
    const said = extension.get(key);
    const meant = Object.hasOwn(exact, member) ? exact[member] : typeof value === 'object' && said !== undefined ? JSON.parse(said) as unknown : said;
    assert.deepEqual(typeof meant === 'string' && typeof value === 'object' ? JSON.parse(meant) : meant, typeof value === 'number' && typeof meant === 'string' ? String(value) : value, `${member} as ${key} in ${text}`);
  }
  assert.deepEqual([...extension.keys()].filter((key) => !known.has(key)), [], 'nothing else is in it');
  const other = parseCef(text);
  assert.deepEqual([other.header, [...other.extension]], [header, [...extension]], 'another reader of the same grammar reads the same');
}

test('each member of every golden record stands under its key, exactly', () => {
  for (const line of LINES) assertExact(line);
});

test('so does each member of a record of strangers\' words, whatever is in them', () => {
  fc.assert(fc.property(hostileValues, (values) => assertExact(lineOf(values, { seq: 1 }))), { numRuns: 400 });
});

test('pipes, equals signs, backslashes, line ends and whatever else means something in CEF, in any order and at any end', () => {
  const signs = fc.array(fc.constantFrom('|', '\\', '=', '\n', '\r', '\u0000', '\u001b', '\u0085', '\u2028', ' ', 'n', 'r', 'a', ' k=', 'CEF:0|', '\ud800', '\udfff', '😀', '"', '\\='), { maxLength: 10 }).map((parts) => storable(parts.join('')));
  fc.assert(fc.property(signs, signs, signs, signs, (subject, fault, name, event) => {
    assertExact(lineOf({ kind: 'outcome', subject, fault, object_name: name, rule: `${name}\\`, code: `${fault}=` }, { seq: 1 }));
    assertExact(lineOf({ kind: 'lifecycle', event, actor: subject, detail: JSON.stringify({ [name]: fault }) }, { seq: 2 }));
  }), { numRuns: 600 });
  for (const text of HOSTILE.map(storable)) assertExact(lineOf({ subject: text, fault: `${text}\\`, object_name: text, event: text, client: `=${text}` }, { seq: 1 }));
});

test('the parser reads what the guide shows, and refuses what it does not allow', () => {
  const line = String.raw`CEF:0|security|threat\|manager|1.0|10\\0|detected a \| in message|10|src=10.0.0.1 act=blocked a \= dst=1.1.1.1 msg=c:\\dir two\nlines |`;
  const { header, extension } = readCef(line);
  assert.deepEqual(header, ['0', 'security', 'threat|manager', '1.0', '10\\0', 'detected a | in message', '10']);
  assert.deepEqual([...extension], [['src', '10.0.0.1'], ['act', 'blocked a ='], ['dst', '1.1.1.1'], ['msg', 'c:\\dir two\nlines |']]);
  for (const bad of ['CEF:0|a|b', String.raw`CEF:0|a\=|b|c|d|e|1|`, String.raw`CEF:0|a|b|c|d|e|1|k=a\|b`, 'CEF:0|a|b|c|d|e|1|k=a==b', 'CEF:0|a|b|c|d|e|1|k=a\nb', 'CEF:0|a|b|c|d|e|1|k=a k=b', String.raw`CEF:0|a|b|c|d|e|1|k=a\t`, 'CEF:0|a|b|c|d|e|1|k=a\\', ' CEF:0|a|b|c|d|e|1|', 'CEF:0|a|b|c|d|e|1|no key=a']) {
    assert.throws(() => readCef(bad), JSON.stringify(bad));
  }
});
