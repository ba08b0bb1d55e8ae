import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { lineDiff } from '../../src/cli/diff.ts';
import { duration, jsonLine, paintFor, relative, table, wantsColour, wrap } from '../../src/cli/render.ts';

const none = paintFor(false);

describe('what a terminal is shown', () => {
  test('JSON is the same value, and as harmless as text: C1 controls, bidi, invisible characters', () => {
    const value = { name: 'a\u009b31mred\u202e\u{e0041}\u061c', '\u0085': [1, 'größe 工具 🙂', null] };
    const line = jsonLine(value);
    assert.deepEqual(JSON.parse(line), value);
    assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f\u061c\u202a-\u202e\u{e0000}-\u{e007f}]/u);
    assert.ok(line.includes('größe 工具 🙂'));
  });

  test('a difference shows the words of a file, not its escape sequences', () => {
    const shown = lineDiff('{\n\t"a": 1\n}', '{\n\t"a": 1,\u001b]0;x\u0007\n\t"b": 2\n}', paintFor(false));
    assert.doesNotMatch(shown, /[\u001b\u0007]/);
    assert.match(shown, /\t"b": 2/);
  });

  test('cells of a table are made harmless too', () => {
    assert.equal(table(['A', 'B'], [['x\ny', 'z']], { isTty: { stdin: true, stdout: false, stderr: true }, width: 24, paint: none }), 'A     B\nx\\ny  z');
  });

  test('a table cuts only its last column, so that ids can be copied', () => {
    const lines = table(['ID', 'WHY'], [['01991f0e-0000', 'a long reason that does not fit']], { isTty: { stdin: true, stdout: true, stderr: true }, width: 24, paint: none }).split('\n');
    assert.equal(lines[1], '01991f0e-0000  a long r…');
  });

  test('colour needs a terminal, and NO_COLOR, TERM=dumb and --no-color each turn it off', () => {
    assert.equal(wantsColour(true, {}, false), true);
    assert.equal(wantsColour(false, {}, false), false);
    assert.equal(wantsColour(true, { NO_COLOR: '1' }, false), false);
    assert.equal(wantsColour(true, { NO_COLOR: '' }, false), true);
    assert.equal(wantsColour(true, { TERM: 'dumb' }, false), false);
    assert.equal(wantsColour(true, {}, true), false);
    assert.match(paintFor(true).bad('x'), /\u001b\[31mx/);
  });

  test('times are relative, with one unit', () => {
    assert.equal(relative(1000, 1500), 'now');
    assert.equal(relative(0, 125_000), '2 min ago');
    assert.equal(relative(7_200_000, 0), 'in 2 h');
    assert.equal(duration(12), '12 ms');
    // A span that was set a moment ago is told as it was set.
    assert.deepEqual([7_199_990, 3_599_000, 86_399_000, 59_999, 1_799_400].map(duration), ['2 h', '1 h', '1 d', '1 min', '30 min']);
  });

  test('wrapping keeps every word and the indent', () => {
    assert.equal(wrap('one two three', 9, '  '), '  one two\n  three');
  });
});

describe('a line difference', () => {
  test('shows what goes and what comes, with context', () => {
    assert.equal(lineDiff('a\nb\nc\nd\ne\nf', 'a\nb\nc\nd\nE\nf', none), ['  …', '  c', '  d', '- e', '+ E', '  f'].join('\n'));
    assert.equal(lineDiff('same\n', 'same\n', none), '');
  });

  test('leads from the one text to the other', () => {
    const lines = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 8 });
    fc.assert(fc.property(lines, lines, (before, after) => {
      const shown = lineDiff([...before, 'end'].join('\n'), [...after, 'end'].join('\n'), none).split('\n').filter((line) => line !== '  …');
      const taken = shown.filter((line) => line.startsWith('- ')).length;
      const given = shown.filter((line) => line.startsWith('+ ')).length;
      assert.equal(given - taken, after.length - before.length);
    }));
  });
});
