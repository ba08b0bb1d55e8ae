import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { FORMAT_NAMES } from '../../../src/core/audit/exports.ts';
import { formatOf, inArray, inSyslog, type RecordFormat } from '../../../src/stores/export/format.ts';
import { parseRecord } from '../../../src/stores/export/record.ts';
import { octetCounted } from '../../../src/stores/export/syslog.ts';
import { scaleOf } from '../../../src/stores/export/vocabulary.ts';
import { GOLDEN, goldenTexts } from './golden.ts';
import { LINES } from './records.ts';
import { CONTEXT, hostileValues, lineOf } from './sample.ts';

const ALL: readonly RecordFormat[] = [...FORMAT_NAMES.map((name) => formatOf(name, CONTEXT)), inSyslog(formatOf('cef', CONTEXT), CONTEXT), inSyslog(formatOf('ocsf', CONTEXT), CONTEXT), inArray(formatOf('jsonl', CONTEXT))];

test('every format writes what its golden file holds, and there is no golden file without a format', () => {
  const texts = goldenTexts();
  assert.deepEqual(readdirSync(GOLDEN).filter((name) => name.startsWith('records.')).toSorted(), [...texts.keys()].toSorted());
  for (const [name, text] of texts) assert.equal(readFileSync(join(GOLDEN, name), 'utf8'), text, `${name} differs: look, then run node test/stores/export/golden.ts`);
});

test('JSON Lines are the bytes that were hashed', () => {
  assert.equal(readFileSync(join(GOLDEN, 'records.jsonl'), 'utf8'), LINES.map((line) => `${line}\n`).join(''));
});

/** Whatever any reader might take for the end of a line, or a terminal for an order. */
const STEERING = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

test('no record makes a second line, whatever is in it and whoever reads it, and every text can be written as UTF-8', () => {
  fc.assert(fc.property(hostileValues, (values) => {
    const line = lineOf(values, { seq: 1 });
    const record = parseRecord(line);
    assert.ok(record);
    for (const format of ALL) {
      const part = format.one(record, line);
      // JSON Lines are what was hashed, and not a byte else.
      if (format.name === 'jsonl') assert.doesNotMatch(part, /[\u0000-\u001f]/);
      else assert.doesNotMatch(part, STEERING, format.name);
      assert.ok(part.isWellFormed(), format.name);
      assert.equal(Buffer.from(part).toString('utf8'), part);
    }
  }), { numRuns: 300 });
});

test('several records are one body that ends with a line feed: lines, an array, or one request', () => {
  const parts = (format: RecordFormat): readonly string[] => LINES.map((line) => {
    const record = parseRecord(line);
    assert.ok(record);
    return format.one(record, line);
  });
  for (const format of ALL) assert.match(format.join(parts(format)), /\n$/);
  const lines = formatOf('jsonl', CONTEXT);
  assert.equal(lines.join(parts(lines)).split('\n').length, LINES.length + 1);
  const array: unknown = JSON.parse(inArray(lines).join(parts(lines)));
  assert.deepEqual(array, LINES.map((line) => JSON.parse(line) as unknown));
  const otlp = formatOf('otlp', CONTEXT);
  assert.equal(otlp.join(parts(otlp)).split('\n').length, 2);
});

test('frames of syslog are counted in octets, not in letters', () => {
  assert.equal(octetCounted('a'), '1 a');
  assert.equal(octetCounted('ä😀'), '6 ä😀');
});

test('what is no record of ours is none', () => {
  const good = lineOf({ kind: 'outcome', subject: 'a' }, { seq: 1 });
  assert.ok(parseRecord(good));
  const broken = ['', '{', 'null', '[]', '"x"', '{}', good.replace('"kind":"outcome"', '"kind":"other"'), good.replace('"subject":"a"', '"subject":1'), good.replace('"seq":1', '"seq":"1"'), good.replace(/"id":"[^"]*",/, '')];
  for (const line of broken) assert.equal(parseRecord(line), undefined, line);
});

test('a record that holds text without UTF-8 all the same comes out with visible escapes, in values and in names', () => {
  const line = lineOf({ kind: 'outcome', detail: String.raw`{"a\u0000b":["\ud800 x"]}` }, { seq: 1 }).replace('"kind":"outcome"', String.raw`"kind":"outcome","subject":"n\u0000u\udc00"`);
  const record = parseRecord(line);
  assert.equal(record?.subject, String.raw`n\u0000u\udc00`);
  assert.deepEqual(record?.detail, { [String.raw`a\u0000b`]: [String.raw`\ud800 x`] });
});

test('members of a later version are exported as well', () => {
  const line = `${lineOf({ kind: 'outcome' }, { seq: 1 }).slice(0, -1)},"brand_new":"value = x","and_this":{"a":1}}`;
  const record = parseRecord(line);
  assert.ok(record);
  assert.match(formatOf('cef', CONTEXT).one(record, line), / sentinelBrandNew=value \\= x sentinelAndThis=\{"a":1\}$/);
  assert.match(formatOf('ocsf', CONTEXT).one(record, line), /"brand_new":"value = x","and_this":\{"a":1\}\}\}$/);
  assert.match(formatOf('otlp', CONTEXT).one(record, line), /"sentinel.brand_new","value":\{"stringValue":"value = x"\}/);
});

test('how grave a record is, all standards are told in their own words', () => {
  const grades = [['info', 6, 1, 1, 9], ['low', 5, 3, 2, 10], ['medium', 4, 5, 3, 13], ['high', 3, 8, 4, 17], ['critical', 2, 10, 5, 21]] as const;
  for (const [severity, syslog, cef, ocsf, otlp] of grades) {
    const line = lineOf({ kind: 'outcome', severity }, { seq: 1 });
    const record = parseRecord(line);
    assert.ok(record);
    const scale = scaleOf(record);
    assert.deepEqual([scale.syslog, scale.cef, scale.ocsf, scale.otlp], [syslog, cef, ocsf, otlp]);
    assert.match(formatOf('syslog', CONTEXT).one(record, line), new RegExp(`^<${13 * 8 + syslog}>1 `));
  }
});

test('a host without a usable name, and a time out of range, are nil in syslog', () => {
  const line = lineOf({ kind: 'outcome', ts: -1 }, { seq: 1 });
  const record = parseRecord(line);
  assert.ok(record);
  assert.match(formatOf('syslog', { ...CONTEXT, host: ' \u00e4\n' }).one(record, line), /^<110>1 - - sentinel 7 mcp\.call \[/);
});
