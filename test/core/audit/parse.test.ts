import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { suggest } from '../../../src/config/suggest.ts';
import { FIELDS, operatorsOf } from '../../../src/core/audit/fields.ts';
import { all, any, compare, not, oneOf, written, type AuditFilter } from '../../../src/core/audit/filter.ts';
import { parseFilter } from '../../../src/core/audit/parse.ts';
import { predicateOf, type RecordView } from '../../../src/core/audit/predicate.ts';
import { FILTER_EXAMPLES } from '../../../src/core/audit/reference.ts';
import { faultLine, faultPlace } from '../../../src/core/audit/told.ts';
import { filter as anyFilter, row } from '../../stores/filter-world.ts';

const NOW = Date.UTC(2026, 10, 21, 12);

function parsed(text: string, now: number | undefined = NOW): AuditFilter {
  const read = parseFilter(text, { now, suggest });
  assert.ok(read.ok, read.ok ? '' : `${text}\n${faultPlace(text, read.error)}\n${read.error.message}`);
  return read.value;
}

/** `column 3: message`, the marked place, the help. */
function refused(text: string, now: number | undefined = NOW): readonly [line: string, mark: string, help: string | undefined] {
  const read = parseFilter(text, { now, suggest });
  assert.ok(!read.ok, text);
  return [faultLine(text, read.error), text.slice(read.error.at, read.error.at + read.error.length), read.error.help];
}

const holds = (text: string, record: RecordView): boolean => predicateOf(parsed(text))(record);

describe('a filter', () => {
  test('that is empty asks for everything', () => {
    for (const text of ['', '  \n ']) assert.deepEqual(parsed(text), { is: 'all', of: [] });
  });

  test('binds and closer than or, not closest, and brackets closest of all', () => {
    const [a, b, c] = ['a', 'b', 'c'].map((code) => oneOf('code', [code]));
    assert.ok(a !== undefined && b !== undefined && c !== undefined);
    assert.deepEqual(parsed('code = a or code = b and code = c'), any([a, all([b, c])]));
    assert.deepEqual(parsed('(code = a or code = b) and code = c'), all([any([a, b]), c]));
    assert.deepEqual(parsed('not code = a and code = b'), all([not(a), b]));
    assert.deepEqual(parsed('NOT (code = a OR code = b)'), not(any([a, b])));
    assert.deepEqual(parsed('not not code = a'), a);
  });

  test('says the same by != as by not, and by in as by or', () => {
    assert.deepEqual(parsed('code != a'), parsed('not code = a'));
    assert.deepEqual(parsed('code in (a, "b c")'), oneOf('code', ['a', 'b c']));
    assert.deepEqual(parsed('code not in (a, b)'), not(oneOf('code', ['a', 'b'])));
    assert.deepEqual(parsed('revision in (1, 2)'), any([compare('revision', '=', 1), compare('revision', '=', 2)]));
  });

  test('needs no spaces around signs', () => {
    assert.deepEqual(parsed('code=a and(took>=5ms)'), all([oneOf('code', ['a']), compare('took_us', '>=', 5000)]));
    assert.deepEqual(parsed('code in(a,b)'), oneOf('code', ['a', 'b']));
  });

  test('takes moments, spans back, durations, sizes and numbers', () => {
    assert.deepEqual(parsed('since 2h'), compare('ts', '>=', NOW - 7_200_000));
    assert.deepEqual(parsed('until 2026-11-21T00:00Z'), compare('ts', '<', Date.UTC(2026, 10, 21)));
    assert.deepEqual(parsed('ts >= 2026-11-21T00:00Z'), compare('ts', '>=', Date.UTC(2026, 10, 21)));
    assert.deepEqual(parsed('ts < "2026-11-21 01:30:00.250+01:00"'), compare('ts', '<', Date.UTC(2026, 10, 21, 0, 30, 0, 250)));
    assert.deepEqual(parsed('took > 1.5s'), compare('took_us', '>', 1_500_000));
    assert.deepEqual(parsed('bytes > 1MiB'), compare('bytes', '>', 1_048_576));
    assert.deepEqual(parsed('result_bytes <= 512'), compare('result_bytes', '<=', 512));
    assert.deepEqual(parsed('is_error = yes'), compare('is_error', '=', 1));
  });

  test('asks whether something was captured as it asks whether there is a subject', () => {
    const captured: AuditFilter = { is: 'held', member: 'captured' };
    for (const text of ['captured = *', 'captured = yes', 'captured = true', 'captured != no', 'captured in (true)']) assert.deepEqual(parsed(text), captured, text);
    for (const text of ['captured != *', 'captured = no', 'not captured = *']) assert.deepEqual(parsed(text), not(captured), text);
    assert.ok(holds('captured = *', { captured: { day: '2026-11-21' } }));
    assert.ok(!holds('captured = *', { captured: null }));
    assert.ok(!holds('captured = *', {}));
  });

  test('takes words of a few for one of them, also by a pattern, and knows their order', () => {
    assert.deepEqual(parsed('severity >= high'), oneOf('severity', ['high', 'critical']));
    assert.deepEqual(parsed('severity < info'), oneOf('severity', []));
    assert.deepEqual(parsed('surface = s*'), oneOf('surface', ['stdio', 'socket']));
  });

  test('knows a field by its own name and by the record\u2019s', () => {
    for (const [one, other] of [['call = x', 'call_id = x'], ['role = x', 'roles = x'], ['trace = x', 'trace_id = x'], ['type = tool', 'object_type = tool'], ['since 2026-01-01T00:00Z', 'time >= 2026-01-01T00:00Z']] as const) assert.deepEqual(parsed(one), parsed(other));
  });

  test('has wildcards in words and quotes, and escapes in quotes only', () => {
    assert.ok(holds('subject = al*e', { subject: 'alice' }));
    assert.ok(holds('subject = "al?ce"', { subject: 'alice' }));
    assert.ok(!holds('subject = "al\\*"', { subject: 'alice' }));
    assert.ok(holds('subject = "al\\*\\?"', { subject: 'al*?' }));
    assert.ok(holds('subject = \'it\\\'s "so"\\\\ \\u00e9\\u{1f600}\\n\'', { subject: 'it\'s "so"\\ é😀\n' }));
    assert.ok(holds('subject = ""', { subject: '' }));
    assert.ok(!holds('subject = ""', {}));
    assert.ok(holds('subject = and', { subject: 'and' }), 'a keyword is a value where one is expected');
    assert.ok(holds('tool = resource:fs/file:///srv/**', { object_type: 'resource', backend: 'fs', object_name: 'file:///srv/a/b' }));
  });

  test('names tools as people do, and its not is true of everything else', () => {
    const create = { object_type: 'tool', backend: 'github', object_name: 'create_issue', exposed: 'github__create_issue' };
    for (const name of ['github/create_issue', 'github/*', 'create_*', 'github__create_issue', 'tool:github/*', '*/create_issue']) assert.ok(holds(`tool = "${name}"`, create), name);
    for (const name of ['gitlab/*', 'prompt:github/*', 'create', 'github/']) assert.ok(holds(`not tool = "${name}"`, create), name);
    assert.ok(holds('tool != "github/*"', {}), 'a record without a target');
    assert.ok(holds('tool = "a/b\\*"', { backend: 'a', object_name: 'b*' }));
    assert.ok(!holds('tool = "a/b\\*"', { backend: 'a', object_name: 'bc' }));
    assert.ok(holds('tool = "resource:fs/file:///a\\*"', { object_type: 'resource', backend: 'fs', object_name: 'file:///a%2A' }), 'in the form that resources are on record in');
  });

  test('of every example and field of the reference can be read', () => {
    for (const [text] of FILTER_EXAMPLES) parsed(text);
    const values = { moment: '2026-11-21T00:00Z', text: 'x', word: '', yes: 'true', held: '*', count: '1', took: '1ms', size: '1', tool: 'x', role: 'x' };
    for (const field of FIELDS) {
      for (const operator of operatorsOf(field)) {
        const value = field.type.is === 'word' ? field.type.words[0] : values[field.type.is];
        parsed(`${field.name} ${operator} ${operator === 'in' ? `(${value})` : value}`);
      }
    }
  });
});

describe('a filter that cannot be read', () => {
  const cases: readonly (readonly [text: string, line: string, mark: string, help?: string])[] = [
    ['decison = deny', 'column 1: there is no field "decison"', 'decison', 'did you mean "decision"?'],
    ['code = a and xyzzy = b', 'column 14: there is no field "xyzzy"', 'xyzzy', 'sentinel audit filter lists the fields'],
    ['decision = dney', 'column 12: decision is allow or deny, not "dney"', 'dney', 'did you mean "deny"?'],
    ['severity > h*', 'column 12: severity is info, low, medium, high or critical, not "h*"', 'h*'],
    ['decision > allow', 'column 10: decision cannot be compared by >: it takes = != in', '>'],
    ['decision deny', 'column 10: expected = != in after "decision"', 'deny'],
    ['decision == deny', 'column 10: there is no operator ==: expected = != in after "decision"', '==', 'decision = …'],
    ['decision =', 'column 11: expected allow or deny', ''],
    ['decision', 'column 9: expected = != in after "decision"', ''],
    ['captured = "2026*"', 'column 12: captured is * (or true) where there is something, false where not, not "2026*"', '"2026*"'],
    ['captured > 1', 'column 10: captured cannot be compared by >: it takes = != in', '>'],
    ['took > 500', 'column 8: took is a duration such as 500ms, 1.5s or 2m, not "500"', '500'],
    ['took > 0.0001ms', 'column 8: took is a duration such as 500ms, 1.5s or 2m, not "0.0001ms"', '0.0001ms'],
    ['bytes > 1kb', 'column 9: bytes is a size such as 64KiB or 1MiB, not "1kb"', '1kb'],
    ['bytes > 99999999999GiB', 'column 9: bytes is a size such as 64KiB or 1MiB, not "99999999999GiB"', '99999999999GiB'],
    ['attempts = -1', 'column 12: attempts is a whole number, not "-1"', '-1'],
    ['ts > 2h', 'column 6: ts is a time such as 2026-11-21T00:00Z, not "2h"', '2h', 'since 2h'],
    ['ts > 2026-11-21', 'column 6: ts is a time such as 2026-11-21T00:00Z, not "2026-11-21"', '2026-11-21'],
    ['since yesterday', 'column 7: expected a span back from now such as 2h or 7d, or a time such as 2026-11-21T00:00Z', 'yesterday'],
    ['is_error = maybe', 'column 12: is_error is true or false, not "maybe"', 'maybe'],
    ['code = a code = b', 'column 10: expected "and", "or" or the end', 'code'],
    ['code = a && code = b', 'column 10: expected "and", "or" or the end', '&&'],
    ['code = a and', 'column 13: expected a field such as decision, tool or subject', '', 'sentinel audit filter lists the fields'],
    ['and code = a', 'column 1: expected a field before "and"', 'and', 'sentinel audit filter lists the fields'],
    ['= deny', 'column 1: expected a field such as decision, tool or subject', '=', 'sentinel audit filter lists the fields'],
    ['(code = a', 'column 1: this bracket is never closed', '('],
    ['code = a)', 'column 9: this bracket closes nothing', ')'],
    ['code in a', 'column 9: expected ( and a list of values', 'a', 'code in (…, …)'],
    ['code in (a b)', 'column 12: expected , or )', 'b'],
    ['code in (a', 'column 9: this bracket is never closed', '('],
    ['code in ()', 'column 10: expected a text, with * and ? for what may vary', ')'],
    ['code = "a', 'column 8: this quote is never closed', '"'],
    ['code = "\\q"', 'column 9: there is no escape \\q', '\\q'],
    ['code = "\\u{110000}"', 'column 9: there is no escape \\u', '\\u'],
    ['code = a\\b', 'column 9: a backslash stands in quotes only', '\\'],
    ['subject = "é😀" oder', 'column 16: expected "and", "or" or the end', 'oder'],
  ];
  for (const [text, line, mark, help] of cases) {
    test(`says where and what was expected: ${text}`, () => {
      const [said, marked, helped] = refused(text);
      assert.equal(said, line);
      assert.equal(marked, mark);
      if (help !== undefined) assert.equal(helped, help);
    });
  }

  test('counts back from no moment where it stands in a file', () => {
    const read = parseFilter('since 2h', { now: undefined, suggest });
    assert.match(read.ok ? '' : read.error.message, /read at no moment/);
    assert.ok(parseFilter('since 2026-11-21T00:00Z', { now: undefined, suggest }).ok);
  });

  test('is bounded in length, depth and values', () => {
    assert.match(refused(`code = ${'a'.repeat(4096)}`)[0], /at most 4096 characters/);
    assert.match(refused(`code = ${'a'.repeat(1025)}`)[0], /at most 1024 characters/);
    assert.match(refused(`${'('.repeat(2000)}code = a${')'.repeat(2000)}`)[0], /at most 16 deep/);
    assert.match(refused(`${'not '.repeat(500)}code = a`)[0], /at most 16 deep/);
    assert.match(refused(`code in (${Array.from({ length: 129 }, () => 'a').join(',')})`)[0], /at most 128 values/);
    assert.match(refused(Array.from({ length: 129 }, () => 'code = a').join(' or '))[0], /at most 128 values/);
    parsed(`${'('.repeat(16)}code = a${')'.repeat(16)}`);
    assert.match(refused(`${'('.repeat(17)}code = a${')'.repeat(17)}`)[0], /at most 16 deep/);
  });

  test('is shown with a mark under the place, and moves no cursor', () => {
    const text = 'subject = "\u001b[2J\u202e" and decision = dney';
    const read = parseFilter(text, { now: NOW, suggest });
    assert.ok(!read.ok);
    const [shown = '', mark = ''] = faultPlace(text, read.error).split('\n');
    assert.ok(!/[\u0000-\u001f\u202e]/.test(shown));
    assert.equal(shown.slice(mark.indexOf('^'), mark.lastIndexOf('^') + 1), 'dney');
  });
});

test('no text makes the parser throw, and every fault has its place in the text', () => {
  const pieces = fc.constantFrom('decision', 'tool', 'since', '=', '!=', '<', 'in', 'not', 'and', 'or', '(', ')', ',', '"', '\'', '\\', '*', 'deny', '2h', '1MiB', ' ', '\u0000', '\ud800', '😀', '__proto__', 'constructor');
  fc.assert(fc.property(fc.oneof(fc.string(), fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join(' '))), (text) => {
    const read = parseFilter(text, { now: NOW, suggest });
    if (read.ok) return predicateOf(read.value)({}) || true;
    faultPlace(text, read.error);
    return read.error.at >= 0 && read.error.at <= text.length && read.error.length >= 0;
  }), { numRuns: 2000 });
});

const QUOTED: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '*': '\\*', '?': '\\?', '\n': '\\n' };

/** A tree as text, every text in quotes. Undefined: the language has no such tree. */
function spelled(filter: AuditFilter): string | undefined {
  switch (filter.is) {
    case 'all':
    case 'any': {
      const parts = filter.of.map(spelled);
      return parts.length === 0 || parts.includes(undefined) ? undefined : `(${parts.join(filter.is === 'all' ? ' and ' : ' or ')})`;
    }
    case 'not': {
      const inner = spelled(filter.of);
      return inner === undefined ? undefined : `not ${inner}`;
    }
    case 'text':
    case 'role': {
      const name = filter.is === 'role' ? 'role' : filter.member;
      const values = filter.patterns.map((pattern) => `"${pattern.map((part) => (typeof part === 'string' ? part.replaceAll(/[\\"*?\n]/g, (sign) => QUOTED[sign] ?? sign) : written([part]))).join('')}"`);
      return values.length === 0 || name === 'class' ? undefined : `${name} in (${values.join(', ')})`;
    }
    case 'held': return `${filter.member} = *`;
    case 'number': return filter.measure === 'took_us' || filter.measure === 'admit_us' ? `${filter.measure} ${filter.comparison} ${filter.value}us` : filter.measure === 'ts' || filter.measure === 'is_error' ? undefined : `${filter.measure} ${filter.comparison} ${filter.value}`;
  }
}

test('a tree that is written down is read as one that says the same', () => {
  let compared = 0;
  fc.assert(fc.property(anyFilter, fc.array(row, { maxLength: 20 }), (filter, rows) => {
    const text = spelled(filter);
    if (text === undefined) return;
    const [meant, read] = [predicateOf(filter), predicateOf(parsed(text))];
    for (const one of rows) assert.equal(read(one), meant(one), text);
    compared += 1;
  }), { numRuns: 2000 });
  assert.ok(compared > 300, `only ${compared} trees`);
});
